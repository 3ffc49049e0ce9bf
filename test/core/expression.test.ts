import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Scope } from "../../src/core/catalog.ts";
import { compileCondition, compileExpression, ExpressionError } from "../../src/core/expression.ts";
import { scopeOf } from "./scopes.ts";

const now = Date.UTC(2026, 0, 15, 12, 10, 0);
const scope = scopeOf({
  labels: { severity: "page", empty: "", limit: "12", path: "a,b,c" },
  service: { replicas: 4, running: 3, labels: { team: "shop" } },
});

function evaluated(source: string, of: Scope = scope): unknown {
  const compiled = compileExpression(source);
  if (!compiled.ok) throw new TypeError(JSON.stringify(compiled.faults));
  return compiled.value.evaluate(of);
}

const faultsOf = (source: string) => {
  const compiled = compileExpression(source);
  return compiled.ok ? [] : compiled.faults;
};

describe("an expression sees", () => {
  test.each([
    ["the alert", 'alert.labels.severity == "page" && alert.status == "firing"', true],
    ["whether a label is there", '"severity" in alert.labels && !("nope" in alert.labels)', true],
    ["the same by has()", "has(alert.labels.severity) && !has(alert.labels.nope)", true],
    ["an empty label, which is there", 'has(alert.labels.empty) && alert.labels.empty == ""', true],
    ["time", 'now - alert.startsAt == duration("10m")', true],
    ["the hour where people live", 'now.getHours("Europe/Zurich") == 13', true],
    ["the service as it was observed", "service.running < service.replicas", true],
    ["whole numbers as such", "service.replicas * 2 + int(alert.labels.limit)", 20n],
    ["whole numbers against others", "service.replicas > 3.5", true],
    ["labels of the service", "service.labels.team", "shop"],
    ["RE2 patterns, unanchored as CEL has them", 're(alert.labels.severity, "^pa.e$")', true],
    ["parts of a text", 'alert.labels.path.split(",", 10).exists(p, p == "b")', true],
    ["names of labels", 'alert.labels.exists(name, name.startsWith("sev"))', true],
    ["a choice", 'alert.labels.severity == "page" ? 1 : 2', 1n],
    ["what is true whatever the missing half says", 'alert.labels.nope == "x" || true', true],
  ])("%s", (_, source, value) => expect(evaluated(source)).toEqual(value));

  test("no service as null", () => {
    const nobody = scopeOf({ service: null });
    expect(evaluated("service == null", nobody)).toBe(true);
    expect(evaluated("service != null && service.replicas > 1", nobody)).toBe(false);
    expect(() => evaluated("service.replicas > 1", nobody)).toThrow(/there is no service/);
    expect(evaluated("service == null")).toBe(false);
  });

  test("labels of any name and nothing behind them", () => {
    const labels = JSON.parse('{"__proto__": "p", "constructor": "c", "toString": "t"}');
    const named = scopeOf({ labels });
    expect(evaluated("alert.labels.__proto__ + alert.labels.constructor", named)).toBe("pc");
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "size"]) {
      expect(() => evaluated(`alert.labels.${name}`)).toThrow(ExpressionError);
      expect(() => evaluated(`alert.labels["${name}"]`)).toThrow(ExpressionError);
      expect(evaluated(`"${name}" in alert.labels`)).toBe(false);
      expect(faultsOf(`alert.${name}`), name).not.toEqual([]);
      expect(faultsOf(`service.${name}`), name).not.toEqual([]);
      expect(() => evaluated(`alert["${name}"] == "x"`)).toThrow(/\w/);
    }
  });
});

test.each([
  ["a label that is not there", "alert.labels.nope"],
  ["a number of an empty label", "int(alert.labels.empty)"],
  ["a number of a text", "int(alert.labels.severity)"],
  ["a number beyond 64 bits", 'int("9223372036854775808")'],
  ["a whole number of a double beyond them", "int(1e300)"],
  ["a number in binary, which a label hardly means", 'int("0b11")'],
  ["a division by nothing", "1 / (int(alert.labels.limit) - 12)"],
  ["a sum that overflows", "9223372036854775807 + int(alert.labels.limit)"],
  ["a place behind the end", "alert.labels.severity.substring(9)"],
  ["a duration of no unit", "duration(alert.labels.limit) > duration('1m')"],
  ["a zone nobody lives in", 'now.getHours("Europe/Nowhere") > 1'],
  ["a part that is not there", 'alert.labels.path.split(",", 3)[7]'],
])("%s is an error that names the expression", (_, source) => {
  expect(() => evaluated(source)).toThrow(ExpressionError);
  expect(() => evaluated(source)).toThrow(source);
});

describe("at load it is a fault", () => {
  test.each([
    ["to name what is unknown", "alrt.labels.x", 0, /Unknown variable: alrt/],
    ["to misspell a field", "true && alert.lables.x == 'a'", 8, /no field lables/],
    ["to misspell it under has()", "has(alert.lables)", 4, /no field lables/],
    ["to compare a number with a text", 'service.replicas > "3"', 0, /int > string/],
    ["to add them", "alert.labels.a + 1", 0, /string \+ int/],
    ["to leave it unfinished", "alert.labels.a ==", 17, /EOF/],
    ["to say nothing", "  ", 0, /empty/],
    ["to call what may never end", 'alert.labels.a.matches("a")', 0, /matches/],
    ["to bind, which can double without end", "cel.bind(a, 1, a)", 0, /bind/],
    ["to read JSON", 'bytes("1").json()', 0, /json/],
    ["to call what there is not", 'fetch("x")', 0, /fetch\(\) is not offered/],
    ["to loop in a loop", "[1].all(a, [1].all(b, a == b))", 11, /loop/],
    ["to split without a bound", 'alert.labels.a.split(",")', 0, /split/],
    ["to split with a bound that is none", 'alert.labels.a.split(",", -1)', 0, /split/],
    ["to use a pattern that RE2 does not know", 're("a", "(?=b)")', 8, /Perl syntax/],
    ["to use a pattern from the alert", 're("a", alert.labels.b)', 0, /pattern/],
    ["to call the stricter int() by its name", "int_strict(1)", 0, /not offered/],
    ["to be long", `"${"x".repeat(4096)}" == ""`, 0, /characters/],
    ["to hold a long list", `1 in [${Array.from({ length: 101 }, () => 1).join()}]`, null, /100/],
    [
      "to hold a long map",
      `{${Array.from({ length: 101 }, (_, n) => `"${n}": 1`).join()}} == {}`,
      null,
      /100/,
    ],
    ["to be deep", `${"(".repeat(200)}1${")".repeat(200)} == 1`, null, /./],
    ["to be wide", Array.from({ length: 600 }, () => "1").join("+"), null, /./],
  ])("%s", (_, source, offset, message) => {
    const faults = faultsOf(source);
    expect(faults.map((fault) => fault.message).join("\n")).toMatch(message);
    if (offset !== null) expect(faults[0]?.offset).toBe(offset);
  });
});

test("several faults of one expression are told at once", () => {
  expect(faultsOf("alrt.x == 1 || has(alert.lables)").map(({ offset }) => offset)).toEqual([19, 0]);
});

test.each([
  ["service.replicas > 1", true],
  ["service == null", true],
  ["has(service.name)", true],
  ['"service" in alert.labels', false],
  ["alert.labels.service == alert.annotations.service", false],
  ["[1].all(x, x < service.replicas)", true],
])("%s reads the service: %s", (source, needs) => {
  const compiled = compileCondition(source);
  expect(compiled.ok && compiled.value.needsService).toBe(needs);
});

test.each(["alert.labels.severity", "[1].map(k, k)[0]", "[][0]", "{}.a", "null"])(
  "%s is no condition",
  (source) =>
    expect(compileCondition(source)).toMatchObject({
      ok: false,
      faults: [{ expected: "true or false" }],
    }),
);

test("an alert with megabytes of labels is refused and not worked on", () => {
  const huge = scopeOf({ labels: { a: "x".repeat(2_000_000) } });
  expect(() => evaluated('alert.status == "firing"', huge)).toThrow(ExpressionError);
});

test("a duration of more digits than any has is refused and not worked on", () => {
  const long = scopeOf({ labels: { a: "1".repeat(50_000) } });
  expect(() => evaluated('duration(alert.labels.a) > duration("1m")', long)).toThrow(/at most 64 characters/);
});

test("a pattern that makes others run for ever takes no time", () => {
  const long = scopeOf({ labels: { a: `${"a".repeat(50_000)}!` } });
  expect(evaluated('re(alert.labels.a, "^(a+)+$")', long)).toBe(false);
});

test("whatever is written, compiling and evaluating throws ExpressionError alone", () => {
  const word = fc.constantFrom(
    ...'alert service now labels severity . ( ) [ ] { } == != && || ! + - * / % ? : , " \' 1 2.5 0x1 true null in has int re r" \\ \n // size map all x'.split(
      " ",
    ),
  );
  const soup = fc.oneof(
    fc.array(word, { maxLength: 25 }).map((words) => words.join(" ")),
    fc.array(word, { maxLength: 25 }).map((words) => words.join("")),
    fc.string({ maxLength: 60 }),
  );
  fc.assert(
    fc.property(soup, (source) => {
      const compiled = compileExpression(source);
      if (!compiled.ok) {
        for (const { offset } of compiled.faults) {
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset).toBeLessThanOrEqual(source.length);
        }
        return;
      }
      try {
        compiled.value.evaluate(scope);
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("time is the scope's alone", () => {
  expect(evaluated("string(now)")).toBe(new Date(now).toISOString());
});
