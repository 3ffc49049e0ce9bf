import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `done`, asking each `every` ms, at most `limit` ms. */
export async function until(
  what: string,
  done: () => Promise<boolean> | boolean,
  { limit = 30_000, every = 20 } = {},
): Promise<void> {
  const end = performance.now() + limit;
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limit} ms`);
    await pause(every);
  }
}

type Process = { readonly pid: number; readonly parent: number; readonly command: string };

async function processes(): Promise<Process[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      try {
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
        const stat = await readFile(`/proc/${pid}/stat`, "utf8");
        // The name, in parentheses, may itself hold spaces and parentheses.
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return state === "Z" ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
      } catch {
        return []; // It ended meanwhile.
      }
    }),
  );
  return found.flat();
}

export async function isAlive(pid: number): Promise<boolean> {
  return (await processes()).some((process) => process.pid === pid);
}

/** The processes that name the directory in their command line, and all their descendants. */
async function belongingTo(directory: string): Promise<number[]> {
  const all = await processes();
  const own = new Set(all.filter((one) => one.command.includes(`${directory}/`)).map((one) => one.pid));
  own.delete(process.pid);
  for (let size = -1; size !== own.size;) {
    size = own.size;
    for (const one of all) if (own.has(one.parent)) own.add(one.pid);
  }
  return [...own];
}

/** Ends every process of a daemon that was started in `directory`: shims and containers outlive a killed dockerd. */
export async function endAllOf(directory: string): Promise<void> {
  await until(
    `the processes of ${directory} end`,
    async () => {
      const pids = await belongingTo(directory);
      for (const pid of pids) signal(pid, "SIGKILL");
      return pids.length === 0;
    },
    { limit: 10_000, every: 30 },
  );
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

/** Removes a directory in which a container engine lived: its mounts first, deepest first. */
export async function removeWithMounts(directory: string): Promise<void> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(`${directory}/`))
    .reverse();
  for (const path of mounts) await run("umount", ["--lazy", path]);
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes the empty control groups `name` in every hierarchy. */
export async function removeControlGroups(name: string): Promise<void> {
  const base = "/sys/fs/cgroup";
  const hierarchies = ["", ...(await readdir(base).catch(() => []))];
  for (const hierarchy of hierarchies) await removeEmpty(join(base, hierarchy, name));
}

async function removeEmpty(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeEmpty(join(path, entry.name));
  await rmdir(path).catch(() => {});
}
