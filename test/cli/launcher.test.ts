import { execFile, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const launcher = new URL("../../src/homeostat.js", import.meta.url);
/** Makes this Node take itself for an older one. */
const pretendOld =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})';

let home = "";
let binary = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "homeostat-launcher-"));
  binary = join(home, "node_modules/.bin/node");
  mkdirSync(join(home, "src"));
  mkdirSync(join(home, "node_modules/.bin"), { recursive: true });
  copyFileSync(launcher, join(home, "src/homeostat.js"));
  writeFileSync(join(home, "package.json"), '{"type":"module"}');
  writeFileSync(
    join(home, "src/main.ts"),
    'const words: string[] = process.argv.slice(2);\nconsole.log("main", ...words);\nprocess.exitCode = 1;\n',
  );
});

afterEach(() => rmSync(home, { recursive: true }));

function install(script: string): void {
  writeFileSync(binary, `#!/bin/sh\n${script}\n`);
  chmodSync(binary, 0o755);
}

const launch = (...options: string[]): Promise<{ code: unknown; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [...options, join(home, "src/homeostat.js"), "status", "--json"],
      (error, out, err) => resolve({ code: error === null ? 0 : error.code, out, err }),
    );
  });

describe("under a new enough Node", () => {
  test("the sources run in this very process", async () => {
    expect(await launch()).toEqual({ code: 1, out: "main status --json\n", err: "" });
  });
});

describe("under an older Node", () => {
  const old = ["--import", pretendOld];

  test("the installed one gets the same words, and its exit code is passed on", async () => {
    install('shift 3; echo "$@"; exit 7');
    expect(await launch(...old)).toEqual({ code: 7, out: "status --json\n", err: "" });
  });

  test("a death by signal is told as a shell tells it", async () => {
    install("kill -9 $$");
    expect((await launch(...old)).code).toBe(137);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s is forwarded", async (signal) => {
    install("trap 'exit 42' TERM INT HUP; echo up; while :; do sleep 0.05; done");
    const child = spawn(process.execPath, [...old, join(home, "src/homeostat.js")], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.stdout.once("data", () => child.kill(signal));
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(42);
  });

  test("without one it says what to do", async () => {
    const said = await launch(...old);
    expect(said.code).toBe(2);
    expect(said.err).toContain("needs Node 26 or newer; this is 20.20.2");
    expect(said.err).toContain("npm ci");
  });

  test("one that is too old itself is not started over and over", async () => {
    symlinkSync(process.execPath, binary);
    expect((await launch(...old)).code).toBe(2);
  });
});
