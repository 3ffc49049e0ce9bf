import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

/** A server in a process of its own, as users run it. */
export type BenchServer = {
  readonly url: string;
  readonly pid: number;
  /** From its start until it said where it listens; milliseconds. */
  readonly startedWithin: number;
  /** Resident memory now; MiB. */
  memory(): Promise<number>;
  /** Time spent on a processor so far; milliseconds. */
  busy(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts a file with this Node and waits for the line of its output that names its `url`. */
export async function startServer(
  file: URL,
  arguments_: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const started = performance.now();
  const child = spawn(process.execPath, [file.pathname, ...arguments_], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await listening(child, file);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file.pathname} has no process`);
  return {
    url,
    pid,
    startedWithin: performance.now() - started,
    memory: async () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
    async busy() {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8");
      // After the name, which may hold spaces: user and system time, in hundredths of a second.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function listening(child: ChildProcess, file: URL): Promise<string> {
  if (child.stdout === null) throw new Error("its output is not to be had");
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return url;
  }
  throw new Error(`${file.pathname} ended before it listened`);
}
