import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A server of the lab: its own process in its own temporary directory. */
export type Program = {
  readonly pid: number;
  readonly directory: string;
  /** Where it listens, as `http://127.0.0.1:port`. */
  readonly url: string;
  log(): Promise<string>;
  /** Freezes it (SIGSTOP): it keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once and removes its directory; calling it again does nothing. */
  stop(): Promise<void>;
};

/**
 * Starts one of the Prometheus family on a port of the system's choice and waits until it answers `ready`.
 * It is told to listen on port 0 and asked, in its log, where it does: no port is guessed and lost to somebody else.
 */
export async function startProgram(options: {
  binary: string;
  /** Gets the temporary directory. */
  arguments: (directory: string) => Promise<readonly string[]>;
  /** The path that answers 200 once it is ready. */
  ready: string;
}): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), "homeostat-lab-"));
  const logFile = join(directory, "log");
  const log = () => readFile(logFile, "utf8");
  const output = await open(logFile, "a");
  const child = spawn(options.binary, await options.arguments(directory), {
    cwd: directory,
    stdio: ["ignore", output.fd, output.fd],
  });
  await once(child, "spawn");
  await output.close();
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.binary} did not start`);

  let stopped: Promise<void> | null = null;
  const stop = () => (stopped ??= end(child, directory));
  try {
    const url = await ready(child, log, options.ready);
    return {
      pid,
      directory,
      url,
      log,
      stop,
      freeze: () => child.kill("SIGSTOP"),
      thaw: () => child.kill("SIGCONT"),
    };
  } catch (error) {
    const text = await log();
    await stop();
    throw new Error(`${options.binary} did not become ready; it said:\n${text.slice(-4000)}`, {
      cause: error,
    });
  }
}

async function end(child: ChildProcess, directory: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    // SIGKILL ends a frozen process too.
    child.kill("SIGKILL");
    await once(child, "close");
  }
  await rm(directory, { recursive: true, force: true });
}

async function ready(child: ChildProcess, log: () => Promise<string>, path: string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    const address = /msg="Listening on" address=(\S+)/.exec(await log())?.[1];
    const response = address === undefined ? null : await fetch(`http://${address}${path}`).catch(() => null);
    await response?.body?.cancel();
    if (response?.ok === true) return `http://${address}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not answer within 30 s");
}
