import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ruleFileSchema } from "../../src/cli/schema.ts";
import type { Catalog, CompiledRule } from "../../src/core/catalog.ts";
import { compileCatalog } from "../../src/core/compile.ts";
import { ExpressionError } from "../../src/core/expression.ts";
import { parseMatchers } from "../../src/core/matcher/parse.ts";
import { plan } from "../../src/core/plan.ts";
import { scopeOf } from "./scopes.ts";

function catalogOf(...texts: string[]): Catalog {
  const compiled = compileCatalog(texts.map((text, n) => ({ file: `${n}.yml`, text })));
  if (!compiled.ok) throw new TypeError(JSON.stringify(compiled.faults, null, 2));
  return compiled.catalog;
}

/** One rule of these fields beyond its name, matcher and, where nothing else is to be done, its action. */
function ruleOf(fields: object): CompiledRule {
  const rest = "ladder" in fields || "do" in fields ? {} : { do: [{ action: "ignore" }] };
  const rule = { name: "one", match: ['a="b"'], ...rest, ...fields };
  const [compiled] = catalogOf(JSON.stringify({ rules: [rule] })).rules;
  if (compiled === undefined) throw new TypeError("no rule");
  return compiled;
}

const scope = scopeOf({
  labels: { service: "shop_web", odd: 'a"b\\c\n', to: "x" },
  service: { replicas: 4 },
});

describe("the project's own rules compile:", () => {
  test.each(["rules", "src/sandbox/rules"])("%s", (folder) => {
    const files = readdirSync(folder)
      .filter((name) => name.endsWith(".yml") && !name.endsWith(".test.yml"))
      .toSorted()
      .map((name) => ({ file: name, text: readFileSync(join(folder, name), "utf8") }));
    expect(compileCatalog(files)).toMatchObject({ ok: true });
  });
});

test("a rule of few words has the defaults of the format", () => {
  expect(ruleOf({}).spec).toMatchObject({
    on: "firing",
    continue: false,
    cooldown: { up: 180_000, down: 600_000 },
    repeat: "while-firing",
    limit: { actions: 10, per: 3_600_000 },
    attempts: 3,
    verify: { within: 120_000, healthy: 300_000 },
    otherwise: "escalate",
    escalate: {},
  });
});

test("one cooldown is for both directions, and half a one leaves the other's default", () => {
  expect(ruleOf({ cooldown: "1m30s" }).spec.cooldown).toEqual({ up: 90_000, down: 90_000 });
  expect(ruleOf({ cooldown: { up: "1m" } }).spec.cooldown).toEqual({ up: 60_000, down: 600_000 });
  expect(ruleOf({ verify: { query: "up" } }).spec.verify).toMatchObject({ within: 120_000 });
});

test("a rule knows where it stands, and the catalog knows it by name", () => {
  const text = "rules:\n  - name: a\n    match: [x=y]\n    do: [{action: ignore}]\n";
  const catalog = catalogOf(text, text.replace("name: a", "name: b"));
  expect(catalog.rule("b")?.source).toEqual({ file: "1.yml", line: 2, column: 5 });
  expect(catalog.rule("c")).toBeUndefined();
  expect(catalog.rule("__proto__")).toBeUndefined();
});

test("the version is the same for the same files alone", () => {
  const text = "rules:\n  - name: a\n    match: [x=y]\n    do: [{action: ignore}]\n";
  const versions = [text, `${text}# more\n`, text.replace("x=y", "y=x")].map(
    (changed) => catalogOf(changed).version,
  );
  expect(new Set(versions).size).toBe(3);
  expect(catalogOf(text).version).toBe(versions[0]);
});

test("a ladder gives its rungs one by one and its last one for good", () => {
  const rung = (reason: string) => [{ action: "ignore", reason }];
  const rule = ruleOf({ ladder: [rung("first"), rung("second")] });
  const reasons = [-1, 0, 1, 2, 99].map((n) => rule.steps(n).map(({ spec }) => spec));
  expect(reasons.map(([spec]) => spec)).toMatchObject(
    ["first", "first", "second", "second", "second"].map((reason) => ({ reason })),
  );
});

describe("an action is planned with its expressions worked out:", () => {
  const planned = (action: object) => {
    const [step] = ruleOf({ do: [action] }).steps(0);
    if (step === undefined) throw new TypeError("no step");
    return plan(step, scope);
  };

  test.each([
    [
      { action: "scale-service", service: "${alert.labels.service}", by: "+50%", min: 1, max: 9 },
      { kind: "scale", service: "shop_web", sizing: { by: "+50%" }, min: 1, max: 9 },
    ],
    [
      { action: "scale-service", service: "s", to: "${service.replicas * 2}" },
      { kind: "scale", sizing: { to: 8 } },
    ],
    [
      { action: "scale-service", service: "s", to: 0 },
      { kind: "scale", sizing: { to: 0 } },
    ],
    [
      { action: "escalate", message: "${1}." },
      { kind: "escalate", message: "1." },
    ],
    [{ action: "escalate" }, { kind: "escalate", message: null }],
    [
      {
        action: "call-webhook",
        url: "https://h/${alert.labels.odd}",
        headers: { "x-odd": "${alert.labels.odd}!" },
        body: "${alert.status}",
      },
      {
        kind: "webhook",
        method: "POST",
        url: "https://h/a%22b%5Cc%0A",
        headers: { "x-odd": 'a"b\\c !' },
        body: "firing",
      },
    ],
  ])("%j", (action, expected) => expect(planned(action)).toMatchObject(expected));

  test.each([
    ["a label that is missing", "${alert.labels.nope}", ExpressionError],
    ["a text", "${alert.labels.to}", RangeError],
    ["less than nothing", "${-1}", RangeError],
    ["a fraction", "${0.5}", RangeError],
    ["no number", "${0.0 / 0.0}", RangeError],
  ])("no size is made of %s", (_, to, error) =>
    expect(() => planned({ action: "scale-service", service: "s", to })).toThrow(error),
  );
});

test("a query for an alert holds its values as PromQL texts", () => {
  const rule = ruleOf({ verify: { query: 'up{a="${alert.labels.odd}"} < 1' } });
  expect(rule.verifyQuery(scope)).toBe(String.raw`up{a="a\x22b\\c\n"} < 1`);
  expect(ruleOf({}).verifyQuery(scope)).toBeNull();
  const missing = ruleOf({ verify: { query: 'up{a="${alert.labels.nope}"}' } });
  expect(() => missing.verifyQuery(scope)).toThrow(ExpressionError);
});

test("whether the service must be observed first is known from `when` alone", () => {
  expect(ruleOf({ when: "service.replicas > 3" })).toMatchObject({ needsService: true });
  expect(ruleOf({ when: "alert.status == 'firing'" })).toMatchObject({ needsService: false });
  expect(ruleOf({})).toMatchObject({ needsService: false, when: null });
});

describe("the rules that fit an alert", () => {
  const name = fc.constantFrom("alertname", "service", "severity", "__proto__", "toString");
  const value = fc.constantFrom("", "a", "b", "c", "a|b", "constructor");
  const matcher = fc
    .tuple(name, fc.constantFrom("=", "!=", "=~", "!~"), fc.oneof(value, fc.constantFrom(".+", "a.*", "|a")))
    .map(([label, operator, text]) => `${label}${operator}"${text}"`);
  const rule = fc.record({
    match: fc.array(matcher, { minLength: 1, maxLength: 4 }),
    on: fc.constantFrom("firing" as const, "resolved" as const),
  });
  const labels = fc
    .array(fc.tuple(name, value), { maxLength: 5 })
    .map((entries) => JSON.parse(`{${entries.map(([k, v]) => `"${k}":"${v}"`).join()}}`));

  test("are found through the index as by asking each of them, in order", () => {
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 12 }),
        fc.array(labels, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("firing" as const, "resolved" as const),
        (rules, alerts, status) => {
          const written = rules.map((one, n) => ({
            ...one,
            name: `r${n}`,
            do: [{ action: "ignore" }],
          }));
          const catalog = catalogOf(JSON.stringify({ rules: written }));
          for (const alert of alerts) {
            const fitting = written.filter(
              ({ on, match }) =>
                on === status &&
                match.every((text) => {
                  const parsed = parseMatchers(text);
                  return parsed.ok && parsed.matchers.every((one) => one.matches(alert));
                }),
            );
            expect(catalog.candidates({ labels: alert, status }).map((found) => found.name)).toEqual(
              fitting.map((one) => one.name),
            );
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("are few to be asked, however many rules there are", () => {
    const many = Array.from({ length: 2000 }, (_, n) => ({
      name: `r${n}`,
      match: ['severity="page"', `alertname="A${n}"`, 'service=~".+"'],
      do: [{ action: "ignore" }],
    }));
    const catalog = catalogOf(JSON.stringify({ rules: many }));
    let reads = 0;
    const labels = new Proxy<Record<string, string>>(
      { severity: "page", alertname: "A7", service: "x" },
      {
        get(target, key) {
          reads += 1;
          return Reflect.get(target, key);
        },
      },
    );
    const found = catalog.candidates({ labels, status: "firing" });
    expect(found.map((one) => one.name)).toEqual(["r7"]);
    expect(reads).toBeLessThan(20);
  });

  test("several matchers in one text all count", () => {
    const [one] = [
      catalogOf(
        JSON.stringify({ rules: [{ name: "x", match: ['{a="1",b="2"}'], do: [{ action: "ignore" }] }] }),
      ),
    ];
    expect(one.candidates({ labels: { a: "1" }, status: "firing" })).toEqual([]);
    expect(one.candidates({ labels: { a: "1", b: "2" }, status: "firing" })).toHaveLength(1);
  });
});

test("the schema for editors describes every field", () => {
  const bare: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      visit(value, `${path}/${key}`);
      if (key !== "properties") continue;
      for (const [field, schema] of Object.entries<{ description?: string }>(value))
        if (schema.description === undefined) bare.push(`${path}/${field}`);
    }
  };
  visit(ruleFileSchema(), "");
  expect(bare).toEqual([]);
});
