import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExpressionError } from "../../src/core/expression.ts";
import { escapePromql, promqlFaults } from "../../src/core/promql-text.ts";
import { compileTemplate, parseTemplate } from "../../src/core/template.ts";
import { compileUrl } from "../../src/core/url-template.ts";
import { scopeOf } from "./scopes.ts";

/** What texts may hold, without the beginning of an expression. */
const odd = fc.constantFrom(..."a 1 { } \" ' \\ § é 😀 \0 \n".split(" "), " ", "\ud800");

const scope = scopeOf({
  labels: { service: "shop_web", path: "a/b?c=#d", dots: "..", bad: "\ud800" },
  service: { replicas: 4 },
});

function rendered(text: string): string {
  const compiled = compileTemplate(text);
  if (!compiled.ok) throw new TypeError(JSON.stringify(compiled.faults));
  return compiled.value.render(scope);
}

describe("a template", () => {
  test.each([
    ["is itself without expressions", "shop_web {x} $ $y", "shop_web {x} $ $y"],
    ["holds an expression", "${alert.labels.service}", "shop_web"],
    ["holds several among text", "a ${1 + 1}-${alert.status}!", "a 2-firing!"],
    [
      "writes numbers, truth and times",
      "${service.replicas} ${0.5} ${true} ${now}",
      "4 0.5 true 2026-01-15T12:10:00.000Z",
    ],
    ["copes with } in a text", "${\"}\" + '}'}", "}}"],
    ["copes with } behind an escaped quote", '${"\\"}"}', '"}'],
    ["copes with } in a text of three quotes", '${"""a"}b"""}', 'a"}b'],
    ["copes with a raw text's quote", '${r"\\"}"}!', '\\"}!'],
    ["copes with maps, also nested ones", '${{"a": {"}": "x"}}.a["}"]}', "x"],
    ["copes with } in a comment", "${1 // }\n}", "1"],
    ["keeps a $ before the expression's", "cost: $ ${1}", "cost: $ 1"],
    ["writes ${ itself when it stands twice", "$${alert.status}", "${alert.status}"],
    ["is empty when it is empty", "", ""],
  ])("%s", (_, text, expected) => expect(rendered(text)).toBe(expected));

  test.each([
    ["an end that is missing", "a ${1", 2],
    ["an end within a text", 'a ${"}', 2],
    ["an end within a comment", "a ${1 // }", 2],
    ["an expression that is empty", "a ${}", 4],
    ["a list", "${[1]}", 2],
    ["a map", "${alert.labels}", 2],
    ["null", "${null}", 2],
    ["an unknown name far inside", "abc ${1} ${  nope}", 13],
  ])("tells the place of %s", (_, text, offset) => {
    const compiled = compileTemplate(text);
    expect(compiled.ok ? null : compiled.faults[0]?.offset).toBe(offset);
  });

  test("tells all its faults at once", () => {
    const compiled = compileTemplate("${a} ${b} ${1} ${c}");
    expect(compiled.ok ? [] : compiled.faults.map(({ offset }) => offset)).toEqual([2, 7, 17]);
  });

  test("is bounded in length, in expressions and in what it becomes", () => {
    expect(compileTemplate("x".repeat(20_000)).ok).toBe(false);
    expect(compileTemplate("${1}".repeat(101)).ok).toBe(false);
    const compiled = compileTemplate("${alert.labels.a}".repeat(100));
    const long = scopeOf({ labels: { a: "x".repeat(50_000) } });
    expect(() => (compiled.ok ? compiled.value.render(long) : "")).toThrow(ExpressionError);
  });

  test("gives back every text without ${ as it is, and every value between literals", () => {
    const literal = fc.string({ unit: odd });
    fc.assert(
      fc.property(literal, fc.string(), literal, (before, value, after) => {
        expect(rendered(before)).toBe(before);
        const compiled = compileTemplate(`${before}\${alert.labels.a}${after}`);
        const of = scopeOf({ labels: { a: value } });
        expect(compiled.ok && compiled.value.render(of)).toBe(before + value + after);
      }),
    );
  });

  test("is cut into parts that make it up again, whatever is written", () => {
    const piece = fc.constantFrom(..."$ { } ${ $${ \" ' \\ r b a 1 // \n \"\"\" '''".split(" "));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        const cut = parseTemplate(text);
        if (!cut.ok) {
          expect(text.slice(cut.fault.offset)).toMatch(/^\$\{/);
          return;
        }
        for (const part of cut.parts)
          if (part.kind === "expression")
            expect(text.slice(part.offset - 2, part.offset + part.source.length + 1)).toBe(
              `\${${part.source}}`,
            );
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a PromQL condition", () => {
  const query = (text: string) => {
    const compiled = compileTemplate(text, escapePromql);
    if (!compiled.ok) throw new TypeError(JSON.stringify(compiled.faults));
    return compiled.value;
  };

  test.each([
    ["within double quotes", 'up{a="${alert.labels.service}"}', true],
    ["within single quotes", "up{a='${alert.labels.service}'}", true],
    ["behind an escaped quote", 'up{a="\\"${alert.labels.service}"}', true],
    ["a number anywhere", "up > ${service.replicas}", true],
    ["a text as a number", "up > ${alert.labels.service}", false],
    ["a text as a name", "${alert.labels.service} > 1", false],
    ["in backquotes, which escape nothing", "up{a=`${alert.labels.service}`}", false],
    ["behind a comment's quote", "up # it's\n > ${alert.labels.service}", false],
    ["in a comment", "up # ${alert.labels.service}", false],
  ])("may hold a value %s: %s", (_, text, may) => expect(promqlFaults(query(text)).length === 0).toBe(may));

  // Prometheus refuses \" within single quotes and \' within double ones; \x22 and \x27 it reads in both.
  test.each(['"', "'"])("spells every quote as Prometheus reads it within %s", (quote) => {
    const text = query(`up{a=${quote}\${alert.labels.a}${quote}}`).render(
      scopeOf({ labels: { a: "\"'`\\\n" } }),
    );
    expect(text).toBe(String.raw`up{a=${quote}\x22\x27\x60\\\n${quote}}`);
  });

  test("is not left by any value", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('"', "'", "`", "\\", "\n", "a", "}") }),
        fc.constantFrom('"', "'"),
        (value, quote) => {
          const text = query(`up{a=${quote}\${alert.labels.a}${quote}}`).render(
            scopeOf({ labels: { a: value } }),
          );
          const inside = text.slice(6, -2);
          expect(inside.replaceAll(/\\(?:x[0-9a-f]{2}|.)/g, "")).not.toMatch(/["'`\\\n]/);
        },
      ),
    );
  });
});

describe("the URL of a webhook", () => {
  const url = (text: string) => {
    const compiled = compileUrl(text);
    if (!compiled.ok) throw new TypeError(compiled.faults[0]?.message);
    return compiled.value.render(scope);
  };

  test.each([
    ["a path", "https://h.example.com/x/${alert.labels.service}", "https://h.example.com/x/shop_web"],
    ["what would end the path", "http://h:8080/${alert.labels.path}/y", "http://h:8080/a%2Fb%3Fc%3D%23d/y"],
    ["a query", "https://h?x=${alert.labels.path}", "https://h?x=a%2Fb%3Fc%3D%23d"],
    ["half a letter", "https://h/${alert.labels.bad}", "https://h/%EF%BF%BD"],
  ])("takes a value as %s", (_, text, expected) => expect(url(text)).toBe(expected));

  test.each([
    ["as host", "https://${alert.labels.service}/"],
    ["as a part of the host", "https://h.${alert.labels.service}/"],
    ["as port", "https://h:${alert.labels.service}/"],
    ["as everything", "${alert.labels.service}"],
    ["behind a host without an end", "https://h${alert.labels.service}"],
    ["behind an @", "https://h@${alert.labels.service}/"],
    ["with another scheme", "file:///${alert.labels.service}"],
    ["with a backslash for a slash", "https:\\\\h/${alert.labels.service}"],
    ["with a user", "https://user:word@h/${alert.labels.service}"],
  ])("takes no value %s", (_, text) => expect(() => url(text)).toThrow(TypeError));

  test("is not led upwards by a value of dots", () => {
    expect(() => url("https://h/a/${alert.labels.dots}/b")).toThrow(ExpressionError);
    expect(() => url("https://h/a/.${'.'}/b")).toThrow(ExpressionError);
  });
});
