import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCatalog } from "../../src/catalog/load.ts";
import { formatFault } from "../../src/catalog/fault-text.ts";
import type { CommandDeps } from "../../src/cli/deps.ts";
import { runProgram } from "../../src/cli/program.ts";
import { readNotification } from "../../src/core/alert.ts";
import { parseMatchers } from "../../src/core/matcher/parse.ts";
import { code, fences, page, pages, root, rows, section } from "./pages.ts";

/** Runs a command line of the docs in this process, at the project's root, with real files and no server. */
async function run(...words: string[]): Promise<{ exit: number; out: string }> {
  let out = "";
  const output = { isTTY: false, write: (text: string) => (out += text) };
  const deps: CommandDeps = {
    version: "0",
    env: {},
    readFile: (path) => readFileSync(join(root, path), "utf8"),
    fetch: () => Promise.reject(new Error("no server")),
    out: output,
    err: output,
    now: () => Date.parse("2026-11-21T12:00:00Z"),
    user: () => "ann",
    readStdin: async () => "",
    async loadRules(folder) {
      const loaded = await loadCatalog(join(root, folder));
      if (loaded.kind === "refused") return { kind: "refused", faults: loaded.faults.map(formatFault) };
      return loaded;
    },
    matches(matcher, labels) {
      const parsed = parseMatchers(matcher);
      return parsed.ok && parsed.matchers.every((one) => one.matches(labels));
    },
    observe: async () => null,
    serve: async () => 0,
    sandbox: async () => 0,
  };
  const exit = await runProgram(words, deps);
  return { exit, out: out.replaceAll(root, "") };
}

/** As a shell takes it apart, as far as the docs need. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/ > .*$/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, a, b, c]) => a ?? b ?? c ?? "",
  );

const shells = pages.flatMap(fences);

describe("what the docs show of commands", () => {
  const shown = shells
    .filter(({ info }) => info === "console")
    .map(({ text, where }) => {
      const [first = "", ...rest] = text.trimEnd().split("\n");
      return { where, line: first.replace(/^\$ homeostat /, ""), says: rest.join("\n") };
    });

  it.each(shown)("is what $line says", async ({ line, says }) => {
    const { exit, out } = await run(...wordsOf(line));
    expect([exit, out.trimEnd()]).toEqual([0, says]);
  });

  it("is there", () => expect(shown.length).toBeGreaterThan(1));
});

describe("command lines in the docs", () => {
  const lines = shells
    .filter(({ info }) => info === "sh")
    .flatMap(({ text, where }) => text.split("\n").map((line) => ({ where, line })))
    .flatMap(({ where, line }) => {
      const command = /^(?:npx )?homeostat (.+)$/.exec(line)?.[1];
      return command === undefined ? [] : [{ where, command }];
    });

  it.each(lines)("at $where know their options: $command", async ({ command }) => {
    const [name = "", ...rest] = wordsOf(command);
    const { exit, out } = await run(name, "--help");
    expect([exit, out]).toEqual([0, expect.stringContaining(`Usage: homeostat ${name}`)]);
    for (const option of rest.filter((word) => word.startsWith("--"))) expect(out).toContain(`${option} `);
  });

  it("name scripts of package.json", () => {
    const { scripts } = JSON.parse(page("package.json").text) as { scripts: Record<string, string> };
    const known = [...Object.keys(scripts), "ci"];
    for (const { text } of pages)
      for (const [, run, plain] of text.matchAll(/\bnpm (?:run ([a-z:]+)|(start|test|ci)\b)/g))
        expect(known).toContain(run ?? plain);
  });

  it("are all in the table of commands, and no others", async () => {
    const { out } = await run("--help");
    const known = [...out.slice(out.indexOf("Commands:")).matchAll(/^ {2}([a-z]+) /gm)].map(
      ([, name]) => name,
    );
    const table = rows(section(page("docs/operations.md"), "Commands"), "Command").map((row) =>
      code(row["Command"]),
    );
    expect(table).toEqual(known.filter((name) => name !== "help"));
  });
});

it("the starting catalog is good, as `homeostat check rules` says", async () => {
  expect(await run("check", "rules")).toMatchObject({ exit: 0 });
});

it("the example of a notification is one, and the example's rule takes it", async () => {
  const file = "docs/examples/slow-responses.json";
  expect(readNotification(JSON.parse(page(file).text)).kind).toBe("notification");
  expect(await run("explain", file, "--rules", "docs/examples/rules", "--offline")).toMatchObject({
    exit: 0,
  });
});

/** GitHub's anchors. */
const anchors = (text: string): string[] =>
  (text.replaceAll(/^```[\s\S]*?^```$/gm, "").match(/^#+ .*$/gm) ?? []).map((line) =>
    line
      .replace(/^#+ /, "")
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

const links = pages.flatMap(({ file, text }) =>
  [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => ({ file, link })),
);

it.each(links)("$file links to $link, which is there", ({ file, link }) => {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : normalize(join(dirname(file), path));
  expect(existsSync(join(root, target))).toBe(true);
  if (anchor !== undefined) expect(anchors(page(target).text)).toContain(anchor);
});
