import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

/*
 * The direction of dependencies is the linter's to hold. Here it is given one line a file, in a tree of its own with
 * the project's own settings: what must be refused, and beside it what must not.
 */

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const oxlint = join(root, "node_modules/.bin/oxlint");

const core = "The core knows itself and libraries that do no I/O.";
const loop = "The loop is given its adapters.";
const adapter = "An adapter knows the core alone.";
const files = "Files are read into the core's types.";
const edge = "The edges call the controller and are given the rest.";
const time = "Time is an argument, or a Clock's.";
const world = "Adapters speak to the world.";
const follows = "What happens follows from what was seen.";
const start = "main.ts alone starts the sandbox, and nobody starts main.ts.";
const touch = "main.ts alone touches the process.";

const importing = (what: string): string => `import { one } from "${what}";\nexport const two = [one];`;
const refused: readonly (readonly [folder: string, code: string, message: string])[] = [
  ["src/core", importing("../control/change.ts"), core],
  ["src/core", importing("../swarm/spec.ts"), core],
  ["src/core", importing("../pipeline.ts"), core],
  ["src/core", importing("../catalog/load.ts"), core],
  ["src/core", importing("./../world.ts"), core],
  ["src/core", importing("node:fs"), core],
  ["src/core", importing("fs/promises"), core],
  ["src/core", importing("node:crypto"), core],
  ["src/core", importing("dockerode"), core],
  ["src/core", importing("@slack/web-api"), core],
  ["src/core", importing("pino"), core],
  ["src/core", 'export { one } from "../world.ts";', core],
  ["src/core", 'import type { One } from "../world.ts";\nexport type Two = One;', core],
  ["src/core/matcher", importing("../../world.ts"), core],
  ["src/core/matcher", importing("../../store/open.ts"), core],
  ["src/core/matcher", importing("node:fs"), core],
  ["src/core", "export const one = () => process.pid;", touch],
  ["src/core", 'export const one = () => fetch("http://127.0.0.1");', world],
  ["src/core", "export const one = () => Date.now();", time],
  ["src/core/matcher", "export const one = () => Date.now();", time],
  ["src/core", "export const one = () => Temporal.Now.instant();", time],
  ["src/core", "export const one = () => performance.now();", time],
  ["src/core", "export const one = () => setTimeout(() => {}, 1);", time],
  ["src/core", "export const one = () => Math.random();", follows],
  ["src/core", "export const one = () => crypto.randomUUID();", follows],
  ["src/core", "export const one = () => globalThis;", "Name what you need."],
  ["src/control", importing("../swarm/swarm.ts"), loop],
  ["src/control", importing("../store/open.ts"), loop],
  ["src/control", importing("../http/server.ts"), loop],
  ["src/control", importing("../pipeline.ts"), loop],
  ["src/control", importing("dockerode"), loop],
  ["src/control", importing("node:fs"), loop],
  ["src/control", "export const one = () => Date.now();", time],
  ["src/control", "export const one = () => setTimeout(() => {}, 1);", time],
  ["src/control", 'export const one = () => fetch("http://127.0.0.1");', world],
  ["src/pipeline.ts", importing("./world.ts"), loop],
  ["src/pipeline.ts", importing("./slack/slack.ts"), loop],
  ["src/pipeline.ts", importing("dockerode"), loop],
  ["src/swarm", importing("../store/open.ts"), adapter],
  ["src/prometheus", importing("../swarm/swarm.ts"), adapter],
  ["src/slack", importing("../control/change.ts"), adapter],
  ["src/store", importing("../pipeline.ts"), adapter],
  ["src/webhook", importing("../settings/settings.ts"), adapter],
  ["src/settings", importing("../http/server.ts"), files],
  ["src/catalog", importing("../store/open.ts"), files],
  ["src/http", importing("../control/intake.ts"), edge],
  ["src/http", importing("../store/open.ts"), edge],
  ["src/http", importing("../cli/program.ts"), edge],
  ["src/cli", importing("../swarm/swarm.ts"), edge],
  ["src/cli", importing("../assemble.ts"), edge],
  ["src/cli", importing("../sandbox/run.ts"), edge],
  ["src/serve.ts", importing("./sandbox/run.ts"), start],
  ["src/assemble.ts", importing("./main.ts"), start],
  ["src/serve.ts", "export const one = () => process.exit(1);", touch],
  ["src/store", "export const one = () => process.pid;", touch],
  ["src/sandbox", "export const one = () => process.stdout;", touch],
];
const allowed: readonly (readonly [folder: string, code: string])[] = [
  ["src/core", importing("./alert.ts")],
  ["src/core", importing("./matcher/parse.ts")],
  ["src/core", importing("zod")],
  ["src/core", "export const one = (at: number) => new Date(at).toISOString();"],
  ["src/core/matcher", importing("../alert.ts")],
  ["src/core/matcher", importing("re2js")],
  ["src/control", importing("../core/alert.ts")],
  ["src/control", importing("./change.ts")],
  ["src/pipeline.ts", importing("./control/lanes.ts")],
  ["src/swarm", importing("dockerode")],
  ["src/store", importing("../core/ports.ts")],
  ["src/store", "export const one = () => Date.now();"],
  ["src/http", importing("../settings/listen.ts")],
  ["src/cli", importing("../settings/load.ts")],
  ["src/assemble.ts", importing("./store/open.ts")],
  ["src/main.ts", "export const one = () => process.argv;"],
  ["src/main.ts", importing("./sandbox/run.ts")],
];

type Diagnostic = { readonly code: string; readonly message: string; readonly help?: string };

/** What the linter says about a folder of a tree. */
async function lint(tree: string, folder: string): Promise<readonly string[]> {
  // It ends with 1 when it found something.
  const { stdout } = await run(oxlint, ["--format", "json", folder], { cwd: tree }).catch(
    (cause: { stdout: string }) => cause,
  );
  const { diagnostics, number_of_files } = JSON.parse(stdout) as {
    diagnostics: readonly Diagnostic[];
    number_of_files: number;
  };
  expect(number_of_files).toBeGreaterThan(0);
  return diagnostics.map(({ code, message, help = "" }) => `${code}: ${message} ${help}`);
}

/** What the linter says about a file with this code in this place. */
async function said(place: string, code: string): Promise<readonly string[]> {
  const tree = await mkdtemp(join(tmpdir(), "homeostat-layers-"));
  try {
    const file = join(tree, place.endsWith(".ts") ? place : `${place}/row.ts`);
    await copyFile(join(root, ".oxlintrc.json"), join(tree, ".oxlintrc.json"));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, code);
    return await lint(tree, "src");
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

describe("the linter refuses", () => {
  it.each(refused)("in %s: %s", async (place, code, message) => {
    expect(await said(place, code)).toContainEqual(expect.stringContaining(message));
  });
});

describe("the linter lets pass", () => {
  it.each(allowed)("in %s: %s", async (place, code) => {
    expect(await said(place, code)).toEqual([]);
  });
});

describe("the project itself", () => {
  it("keeps the direction", async () => {
    expect((await lint(root, "src")).filter((one) => one.includes("no-restricted-"))).toEqual([]);
  });

  // The linter has no word for a constructor without arguments.
  it("reads no clock in the core", async () => {
    for (const file of await readdir(join(root, "src/core"), { recursive: true })) {
      if (!file.endsWith(".ts")) continue;
      const code = await readFile(join(root, "src/core", file), "utf8");
      expect(code.match(/new Date(?!\s*\(\s*[^\s)])/g), file).toBeNull();
    }
  });
});
