import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { formatFault } from "../../src/catalog/fault-text.ts";
import { ruleFileSchema } from "../../src/cli/schema.ts";
import { compileCatalog } from "../../src/core/compile.ts";
import { parseDuration } from "../../src/core/duration.ts";
import { compileExpression } from "../../src/core/expression.ts";
import { parseMatchers } from "../../src/core/matcher/parse.ts";
import { loadSettings } from "../../src/settings/load.ts";
import { code, codes, fences, page, pages, rows, section, type Fence } from "./pages.ts";

const rulesPage = page("docs/rules.md");
const all = pages.flatMap(fences);
const of = (info: string): Fence[] => all.filter((fence) => fence.info === info);

const faultsOf = (text: string): string[] => {
  const compiled = compileCatalog([{ file: "rules.yml", text }]);
  return compiled.ok ? [] : compiled.faults.map(formatFault);
};

describe("every YAML example", () => {
  it("is of a kind that is tested", () => {
    const kinds = all.map(({ info }) => info).filter((info) => info.startsWith("yaml"));
    expect([...new Set(kinds)].toSorted()).toEqual([
      "yaml",
      "yaml alert",
      "yaml alertmanager",
      "yaml refused",
      "yaml settings",
    ]);
  });

  it.each(of("yaml"))("of rules at $where is accepted", ({ text }) => {
    expect(faultsOf(text)).toEqual([]);
  });

  it.each(of("yaml refused"))("that is wrong at $where is refused as the page says", (fence) => {
    const told = all[all.indexOf(fence) + 1];
    expect(told?.info).toBe("text");
    expect(faultsOf(fence.text).join("\n")).toBe(told?.text.trimEnd());
  });

  it.each(of("yaml settings"))("of settings at $where is accepted", ({ text }) => {
    const files: Record<string, string> = { "homeostat.yml": text };
    const loaded = loadSettings({}, (path) => files[path] ?? "a-token");
    expect(loaded).toMatchObject({ ok: true, warnings: [] });
  });

  it.each(of("yaml alertmanager"))("of Alertmanager's at $where posts to the route", ({ text }) => {
    expect(JSON.stringify(parse(text))).toContain("/webhooks/alertmanager");
  });

  it("of the first rule is the file that the quick start uses", () => {
    const shown = fences(page("README.md")).find(({ info }) => info === "yaml");
    expect(shown?.text).toBe(page("docs/examples/rules/web.yml").text);
  });
});

type Schema = {
  properties?: Record<string, Schema>;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  const?: string;
  default?: unknown;
};

const ruleSchema = (ruleFileSchema() as Schema).properties?.["rules"]?.items ?? {};
const actionSchemas = ruleSchema.properties?.["do"]?.items?.oneOf ?? [];

/** Fields by their path within a rule or an action; what an action holds stands under the action. */
function fieldsOf(schema: Schema, path = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    found.set(path + name, field.default);
    for (const one of [field, ...(field.anyOf ?? [])])
      for (const [inner, value] of fieldsOf(one, `${path}${name}.`)) found.set(inner, value);
  }
  return found;
}

/** What is wrong with a table of fields: against the schema, its defaults, and the examples in it. */
function misfits(
  text: string,
  fields: ReadonlyMap<string, unknown>,
  accepts: (example: unknown) => readonly string[],
): string[] {
  const table = rows(text, "Field");
  const shown = table.map(({ Field }) => code(Field));
  const missing = [...fields.keys()].filter((name) => !shown.includes(name));
  const unknown = shown.filter((name) => !fields.has(name));
  const wrong = table.flatMap(({ Field, Type, Default, Example, Meaning }) => {
    const name = code(Field);
    const value = fields.get(name);
    const example: unknown = parse(code(Example));
    return [
      ...(Type === "" || Meaning === "" ? ["has no type or no meaning"] : []),
      ...(value === undefined || isDeepStrictEqual(parse(code(Default)), value)
        ? []
        : ["has another default"]),
      ...(Object.keys(Object(example))[0] === name.split(".")[0] ? [] : ["has an example of something else"]),
      ...accepts(example),
    ].map((complaint) => `${name}: ${complaint}`);
  });
  return [
    ...missing.map((name) => `${name} is missing`),
    ...unknown.map((name) => `${name} is no field`),
    ...wrong,
  ];
}

describe("every field of the rule format is in its table, with its default and an example that is accepted", () => {
  it("those of a rule", () => {
    const accepts = (example: unknown): string[] => {
      const rule = { name: "a", match: ['a="b"'], ...Object(example) };
      const does = "do" in rule || "ladder" in rule ? {} : { do: [{ action: "ignore" }] };
      return faultsOf(JSON.stringify({ rules: [{ ...rule, ...does }] }));
    };
    expect(misfits(section(rulesPage, "Fields of a rule"), fieldsOf(ruleSchema), accepts)).toEqual([]);
  });

  const needed: Record<string, object> = {
    "scale-service": { service: "web" },
    "restart-service": { service: "web" },
    "rollback-service": { service: "web" },
    "call-webhook": { url: "https://a.example/" },
    escalate: {},
    ignore: {},
  };
  it.each(Object.keys(needed))("those of %s", (action) => {
    const schema = actionSchemas.find(({ properties }) => properties?.["action"]?.const === action);
    const fields = fieldsOf(schema ?? {});
    fields.delete("action");
    const accepts = (example: unknown): string[] => {
      const size = action !== "scale-service" || "to" in Object(example) ? {} : { by: 1 };
      const step = { action, ...needed[action], ...size, ...Object(example) };
      return faultsOf(JSON.stringify({ rules: [{ name: "a", match: ['a="b"'], do: [step] }] }));
    };
    expect(misfits(section(rulesPage, action), fields, accepts)).toEqual([]);
  });

  it("and there are no other actions", () => {
    const known = actionSchemas.map(({ properties }) => properties?.["action"]?.const ?? "");
    expect(known.toSorted()).toEqual(Object.keys(needed).toSorted());
  });
});

describe("the words that are not available", () => {
  const lines = section(rulesPage, "Not in this version")
    .split("\n")
    .filter((line) => line.startsWith("- "));
  const [ofRule = [], ofScaling = [], actions = []] = lines.map(codes);
  const step = { action: "scale-service", service: "web", by: 1 };

  it.each([
    ...ofRule.map((word) => [word, { [word]: true, do: [step] }] as const),
    ...ofScaling
      .filter((word) => word !== step.action)
      .map((word) => [word, { do: [{ ...step, [word]: {} }] }] as const),
    ...actions.map((word) => [word, { do: [{ action: word }] }] as const),
  ])("%s is refused by name", (word, rule) => {
    const faults = faultsOf(JSON.stringify({ rules: [{ name: "a", match: ['a="b"'], ...rule }] }));
    expect(faults.join("\n")).toMatch(new RegExp(`${word} is not available in this version`));
  });

  it("are all of them", () => {
    const source = page("src/core/rule-faults.ts").text;
    const sets = [...source.matchAll(/unavailable\w+ = new Set\(\[([^\]]+)\]\)/g)];
    const words = sets.flatMap(([, list = ""]) =>
      [...list.matchAll(/"([^"]+)"/g)].map(([, word = ""]) => word),
    );
    expect([...ofRule, ...ofScaling.slice(1), ...actions].toSorted()).toEqual(words.toSorted());
  });
});

describe("matchers", () => {
  it.each(rows(section(rulesPage, "Matchers"), "Matcher").map((row) => [code(row["Matcher"]), row] as const))(
    "%s fits what the page says and does not fit what it says",
    (matcher, row) => {
      const parsed = parseMatchers(matcher);
      if (!parsed.ok) throw new Error(parsed.message);
      const fits = (cell: string | undefined): boolean =>
        parsed.matchers.every((one) => one.matches(parse(code(cell)) as Record<string, string>));
      expect([fits(row["Fits"]), fits(row["Does not fit"])]).toEqual([true, false]);
    },
  );
});

describe("expressions", () => {
  const text = section(rulesPage, "Expressions");
  const labels = parse(fences({ file: rulesPage.file, text })[0]?.text ?? "") as Record<string, string>;
  const scope = {
    alert: {
      status: "firing" as const,
      labels,
      annotations: {},
      startsAt: "2026-11-21T14:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "",
      fingerprint: "0123456789abcdef",
    },
    now: Date.parse("2026-11-21T14:30:00Z"),
    service: {
      id: "a",
      name: "shop_web",
      version: 1,
      mode: "replicated" as const,
      replicas: 3,
      running: 3,
      image: "shop/web:1",
      labels: {},
      intent: null,
      updatedAt: 0,
      update: null,
      previous: null,
    },
  };

  it.each(rows(text, "Expression").map((row) => [code(row["Expression"]), code(row["Gives"])] as const))(
    "%s gives %s",
    (expression, gives) => {
      const compiled = compileExpression(expression);
      if (!compiled.ok) throw new Error(compiled.faults[0]?.message);
      expect(String(compiled.value.evaluate(scope))).toBe(gives);
    },
  );

  /** What a fault offers in place of a word that there is not. */
  const offered = (expression: string): string[] => {
    const compiled = compileExpression(expression);
    const said = compiled.ok ? "" : (compiled.faults[0]?.expected ?? "");
    return said.replace("one of ", "").split(", ").toSorted();
  };
  const listed = (start: string): string[] =>
    codes(text.split("\n").find((line) => line.startsWith(start)) ?? "").toSorted();

  it("functions and methods are listed, all of them and no others", () => {
    expect(listed("Functions:")).toEqual(offered("noSuchFunction()"));
    expect(listed("Methods:")).toEqual(offered("'a'.noSuchMethodAtAll()"));
  });

  it.each(["alert", "service"])("the fields of %s are listed", (name) => {
    const row = rows(text, "Name").find((candidate) => code(candidate["Name"]) === name);
    expect(codes(row?.["Fields"] ?? "").toSorted()).toEqual(offered(`${name}.noSuchFieldAtAll`));
  });
});

it.each(
  rows(section(rulesPage, "Durations"), "Duration").map((row) => [
    code(row["Duration"]),
    row["Milliseconds"],
  ]),
)("the duration %s is %s ms", (text = "", milliseconds) => {
  expect(parseDuration(text)).toBe(Number(milliseconds));
});

it("the labels of bounds are those that are read, strongest first", () => {
  const source = page("src/core/bounds.ts").text;
  const pairs = [...source.matchAll(/\["([\w.]+)", "([\w.]+)"\]/g)].map(([, min, max]) => [min, max]);
  const table = rows(section(rulesPage, "Bounds"), "Minimum");
  expect(table.map(({ Minimum, Maximum }) => [code(Minimum), code(Maximum)])).toEqual(pairs);
});
