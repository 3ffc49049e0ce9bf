import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatFault } from "../../src/catalog/fault-text.ts";
import { compileCatalog } from "../../src/core/compile.ts";

const folder = join(import.meta.dirname, "faults");
const defects = (await readdir(folder)).filter((name) => name.endsWith(".yml"));

function told(...files: { file: string; text: string }[]): string[] {
  const compiled = compileCatalog(files);
  return compiled.ok ? [] : compiled.faults.map(formatFault);
}

/* Each file is named after its defect; what is said of it stands beside it. */
describe("a catalog is refused with all its faults, each at its place:", () => {
  test.each(defects)("%s", async (file) => {
    const faults = told({ file, text: await readFile(join(folder, file), "utf8") });
    expect(faults).not.toEqual([]);
    await expect(`${faults.join("\n")}\n`).toMatchFileSnapshot(join(folder, file.replace(/yml$/, "txt")));
  });
});

const rule = (name: string): string => `  - {name: ${name}, match: [a=b], do: [{action: ignore}]}\n`;

test("a name that another file took is told with both places", () => {
  expect(
    told(
      { file: "rules/a.yml", text: `rules:\n${rule("one")}${rule("two")}` },
      { file: "rules/b.yml", text: `rules:\n${rule("two")}${rule("three")}` },
    ),
  ).toEqual([
    "rules/b.yml:2:12: the name two is taken by the rule at rules/a.yml:3:12 (expected another name)",
  ]);
});

test("faults of several files come together, in the order of the files", () => {
  const faults = told(
    { file: "a.yml", text: "rules: 1\n" },
    { file: "b.yml", text: `rules:\n${rule("fine")}` },
    { file: "c.yml", text: "rules: [}\n" },
  );
  expect(new Set(faults.map((fault) => fault.split(":")[0]))).toEqual(new Set(["a.yml", "c.yml"]));
});

describe("what would be much work is a fault early:", () => {
  test.each([
    ["a file that is too large", `# ${"x".repeat(4 * 1024 * 1024)}\n`, /characters/],
    ["20,001 rules", `rules:\n${Array.from({ length: 20_001 }, () => "- 1\n").join("")}`, /20000 rules/],
    ["a file nested deeply", `rules: ${"[".repeat(100_000)}`, /nested/],
    ["a rule nested deeply", `rules: [${"[".repeat(700)}${"]".repeat(700)}]`, /./],
    ["mappings nested deeply", "? ".repeat(20_000), /./],
    [
      "many keys",
      `rules: []\n${Array.from({ length: 20_000 }, (_, n) => `k${n}: 1\n`).join("")}`,
      /unknown key/,
    ],
    ["many times one key", `rules: []\n${"k: 1\n".repeat(20_000)}`, /twice/],
    ["many matchers", `rules: [{match: [${'a=~"b",'.repeat(50_000)}]}]`, /50 matchers/],
    [
      "many actions",
      `rules: [{do: [${'{action: escalate, message: "${x}"},'.repeat(2_000)}]}]`,
      /20 actions/,
    ],
    [
      "many headers",
      `rules: [{do: [{action: call-webhook, headers: {${Array.from({ length: 5_000 }, (_, n) => `" ${n}": x,`).join("")}}}]}]`,
      /header/,
    ],
    ["a number without end", `rules: ${"9".repeat(100_000)}\n`, /list of rules/],
  ])("%s", (_, text, message) => {
    const faults = told({ file: "big.yml", text });
    expect(faults.join("\n")).toMatch(message);
    expect(faults.length).toBeLessThanOrEqual(1000);
    expect(Math.max(...faults.map((fault) => fault.length))).toBeLessThan(2000);
  });
});

describe("whatever is written, it is compiled or refused and nothing else happens", () => {
  const line = fc.constantFrom(
    "rules:",
    "  - name: a",
    "    name: b",
    "    match: ['a=\"b\"']",
    "    match: [a, {b: c}]",
    "    do: [{action: ignore}]",
    "    do:",
    "      - action: scale-service",
    "        service: ${alert.labels.a}",
    "        by: +1",
    "        to: ${",
    "      - *x",
    "    when: &x true",
    "    when: |",
    '      alert.labels.a == "',
    "    ? [a, b]",
    "    : c",
    "    __proto__: {a: 1}",
    "    verify: {query: '${a}'}",
    "%YAML 1.1",
    "---",
    "<<: *x",
    "\t",
    "!!binary aGk=",
    "\u{feff}",
    "\u2028",
  );
  const sound = ({ file, text }: { file: string; text: string }): void => {
    const compiled = compileCatalog([{ file, text }]);
    if (compiled.ok) return;
    expect(compiled.faults.length).toBeGreaterThan(0);
    const lines = text.split("\n").length;
    for (const fault of compiled.faults) {
      expect(fault.line).toBeGreaterThanOrEqual(1);
      expect(fault.line).toBeLessThanOrEqual(lines + 1);
      expect(fault.column).toBeGreaterThanOrEqual(1);
      expect(formatFault(fault)).not.toMatch(/[\r\n]/);
    }
  };

  test("as lines of rules in any order", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 15 }), (lines) =>
        sound({ file: "x.yml", text: lines.join("\n") }),
      ),
      { numRuns: 1500 },
    );
  });

  test("as any text", () => {
    fc.assert(fc.property(fc.string(), (text) => sound({ file: "x.yml", text })));
  });

  test("as any value in any field", () => {
    const fields =
      "name summary match on when do ladder continue cooldown repeat limit attempts verify otherwise escalate action service by to min max url headers".split(
        " ",
      );
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 0, -1, 1e308, "", "a=b", "${", "ignore", "scale-service", "1m", true),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...fields), tie("any"), { maxKeys: 5 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (rules) => sound({ file: "x.yml", text: JSON.stringify({ rules: [rules] }) })),
      { numRuns: 1500 },
    );
  });
});
