import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer, type BenchServer } from "./server.ts";

export type HomeostatProcess = BenchServer & {
  /** Accepted notifications that are not worked through yet. */
  backlog(): Promise<number>;
};

const program = new URL("../../src/main.ts", import.meta.url);

/** Homeostat as users start it, on rules and a store in a directory that goes with it. */
export async function startHomeostatProcess(
  rules: string,
  options: {
    /** What to start in place of `homeostat serve`. */
    file?: URL;
    /** Where the store is; default: a new one. */
    store?: string;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<HomeostatProcess> {
  const directory = await mkdtemp(join(tmpdir(), "homeostat-bench-"));
  await mkdir(join(directory, "rules"));
  await writeFile(join(directory, "rules/bench.yml"), rules);
  const server = await startServer(options.file ?? program, options.file === undefined ? ["serve"] : [], {
    HOMEOSTAT_LISTEN: "127.0.0.1:0",
    HOMEOSTAT_RULES: join(directory, "rules"),
    HOMEOSTAT_STORE: `sqlite:${options.store ?? join(directory, "homeostat.db")}`,
    HOMEOSTAT_RETENTION_SIZE: "1TiB",
    DOCKER_HOST: `unix://${join(directory, "none.sock")}`,
    ...options.env,
  });
  return {
    ...server,
    async backlog() {
      const response = await fetch(`${server.url}/api/v1/status`);
      const { backlog } = (await response.json()) as { backlog: number };
      return backlog;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
