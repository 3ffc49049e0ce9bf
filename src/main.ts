import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { text } from "node:stream/consumers";
import { formatFault } from "./catalog/fault-text.ts";
import { loadCatalog } from "./catalog/load.ts";
import type { CommandDeps } from "./cli/deps.ts";
import { runProgram } from "./cli/program.ts";
import { parseMatchers } from "./core/matcher/parse.ts";
import { Fault } from "./core/reason.ts";
import { runSandbox } from "./sandbox/run.ts";
import { startHomeostat, version } from "./serve.ts";
import { connectCluster } from "./world.ts";

/** Aborts when the process is asked to end; a second request ends it at once. */
function untilAskedToEnd(): AbortSignal {
  const asked = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (asked.signal.aborted) process.exit(130);
      asked.abort();
    });
  }
  return asked.signal;
}

const deps: CommandDeps = {
  version,
  env: process.env,
  readFile: (path) => readFileSync(path, "utf8"),
  fetch,
  out: process.stdout,
  err: process.stderr,
  now: () => Date.now(),
  user: () => userInfo().username,
  readStdin: () => text(process.stdin),
  async loadRules(folder) {
    const loaded = await loadCatalog(folder);
    return loaded.kind === "loaded" ? loaded : { kind: "refused", faults: loaded.faults.map(formatFault) };
  },
  matches(matcher, labels) {
    const parsed = parseMatchers(matcher);
    return parsed.ok && parsed.matchers.every((one) => one.matches(labels));
  },
  async observe(settings, service, signal) {
    return (await connectCluster(settings)).service(service, signal);
  },
  async serve(settings) {
    const ending = untilAskedToEnd();
    try {
      const homeostat = await startHomeostat(settings);
      process.on("SIGHUP", () => void homeostat.reload());
      if (!ending.aborted) await new Promise((resolve) => ending.addEventListener("abort", resolve));
      await homeostat.stop();
      return 0;
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      process.stderr.write(`${cause.message}\n`);
      return 1;
    }
  },
  sandbox: ({ forever, seconds }) =>
    runSandbox({
      seconds,
      forever,
      out: process.stdout,
      colour: process.stdout.isTTY && !process.env["NO_COLOR"],
      signal: untilAskedToEnd(),
    }),
};

process.exitCode = await runProgram(process.argv.slice(2), deps);
