import { globSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { code, page, root, rows, section } from "./pages.ts";

const rulesPage = page("docs/rules.md");

/** The sources that decide and tell, without their comments. */
const sources = ["src/pipeline.ts", ...globSync("src/{core,control}/*.ts", { cwd: root })].map((file) => ({
  file,
  text: page(file).text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ""),
}));

const found = (pattern: RegExp, text: string): string[] =>
  [...text.matchAll(pattern)].map(([, word = ""]) => word);

/** CamelCase of several words is a code wherever it stands, but for these. */
const notCodes = new Set(["ExpressionError", "SlowResponses"]);

const everyCode = new Set(
  sources.flatMap(({ text }) => [
    ...found(/"((?:[A-Z][a-z]+){2,})"/g, text).filter((word) => !notCodes.has(word)),
    ...found(/\b(?:reason|pass|hold|held|failed|superseded|leave)\(\s*"([A-Z]\w*)"/g, text),
  ]),
);

/** A hold is told by the function that makes it, by the object that it is in, or by the file that only holds use. */
const holdCodes = new Set(
  sources.flatMap(({ file, text }) => [
    ...found(/\b(?:hold|held)\(\s*"([A-Z]\w*)"/g, text),
    ...found(/kind: "hold",\s*reason: reason\(\s*"(\w+)"/g, text),
    ...found(/const why = reason\(\s*"(\w+)",[^;]*\);\s*await this\.hold\(/g, text),
    ...(["src/core/bounds.ts", "src/core/reason.ts"].includes(file)
      ? found(/reason\(\s*"(\w+)"/g, text)
      : []),
  ]),
);

const holds = rows(section(rulesPage, "Reasons for holding"), "Code");
const others = rows(section(rulesPage, "Other reasons"), "Code");
const names = (table: readonly Record<string, string>[]): string[] =>
  table.map((row) => code(row["Code"])).toSorted();

describe("docs/rules.md", () => {
  it("lists every hold code of the sources and no other, each with what to do", () => {
    expect(names(holds)).toEqual([...holdCodes].toSorted());
    for (const row of holds) expect(Object.values(row)).not.toContain("");
  });

  it("lists every other code, once", () => {
    const rest = [...everyCode].filter((word) => !holdCodes.has(word));
    expect(names(others)).toEqual(rest.toSorted());
  });

  it.each(holds.map((row) => [code(row["Code"]), row["Quiet"]] as const))(
    "says of %s truly whether it is quiet: %s",
    (word, quiet) => {
      const text = sources.map((source) => source.text).join("\n");
      const places = [...text.matchAll(new RegExp(`\\b(?:hold|held|reason)\\(\\s*"${word}"`, "g"))];
      // What follows within the same statement: an option of its own, or the flag as the last argument.
      const calls = places.map(({ index }) => text.slice(index, text.indexOf(";\n", index)));
      const expectedOf = (call: string): boolean => {
        const flag = /expected: (true|false)/.exec(call)?.[1] ?? /, (true|false)\)$/.exec(call.trim())?.[1];
        return flag === "true";
      };
      expect(calls.some(expectedOf) ? "yes" : "no").toBe(quiet);
    },
  );
});
