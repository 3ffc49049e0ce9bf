import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readClassic } from "../../src/core/matcher/classic.ts";
import { parseMatchers } from "../../src/core/matcher/parse.ts";
import { readUtf8 } from "../../src/core/matcher/utf8.ts";

type Row = [text: string, expected: string[][] | RegExp];
const read = (reader: typeof readClassic, text: string): string[][] =>
  reader(text).map(({ name, operator, value }) => [name, operator, value]);

const classic: Row[] = [
  ["foo=bar", [["foo", "=", "bar"]]],
  [' foo = "bar" ', [["foo", "=", "bar"]]],
  [
    "{foo=bar,baz!=qux}",
    [
      ["foo", "=", "bar"],
      ["baz", "!=", "qux"],
    ],
  ],
  ["{foo=bar", [["foo", "=", "bar"]]],
  ["foo=bar}", [["foo", "=", "bar"]]],
  ["foo=bar,", [["foo", "=", "bar"]]],
  ["foo=", [["foo", "=", ""]]],
  ['foo=""', [["foo", "=", ""]]],
  ["{}", []],
  ["foo=~bar.*", [["foo", "=~", "bar.*"]]],
  ['foo=~"a,b"', [["foo", "=~", "a,b"]]],
  ["foo==bar", [["foo", "=", "=bar"]]],
  ["foo=!bar", [["foo", "=", "!bar"]]],
  ['foo="a\\"b\\n\\\\\\t"', [["foo", "=", 'a"b\n\\\\t']]],
  ["foo=a\\", [["foo", "=", "a\\"]]],
  ["foo={bar}", [["foo", "=", "{bar"]]],
  ["foo=bär", [["foo", "=", "bär"]]],
  ["job:x=1", [["job:x", "=", "1"]]],
  // The last matcher loses all of Unicode's white space around it, the others ASCII's alone.
  ["\u00A0foo=bar\u0085", [["foo", "=", "bar"]]],
  ["foo=bar\u00A0,", [["foo", "=", "bar\u00A0"]]],
  ["foo=bar,\uFEFF", /expected a label name/],
  // What a backslash before a comma escapes is what comes after the comma.
  ['foo="a\\,",bar=b', /needs a backslash/],
  ["foo", /expected a label name/],
  ["bär=foo", /expected a label name/],
  ["1foo=bar", /expected a label name/],
  [",foo=bar", /expected a label name/],
  ['foo="bar', /closing double quote is missing/],
  ['foo=bar"', /needs a backslash/],
  ['foo="ba"r"', /needs a backslash/],
];
const utf8: Row[] = [
  ["foo=bar", [["foo", "=", "bar"]]],
  ["{foo=bar,}", [["foo", "=", "bar"]]],
  ["foo=bar,", [["foo", "=", "bar"]]],
  ["{}", []],
  ["bär=ßen", [["bär", "=", "ßen"]]],
  ["\u{1F642}=x", [["\u{1F642}", "=", "x"]]],
  ['"a b"!~"c, d"', [["a b", "!~", "c, d"]]],
  ['foo="\\u00e4\\x41\\101\\t\\U0001F642"', [["foo", "=", "äAA\t\u{1F642}"]]],
  ['foo="\\xc3\\xa4"', [["foo", "=", "ä"]]],
  ["foo:bar=1.5", [["foo:bar", "=", "1.5"]]],
  ["foo=", /expected a value/],
  ["{foo=bar", /closing brace/],
  ["foo=bar}", /without an opening one/],
  ["foo==bar", /expected a value/],
  ["foo=bar baz", /expected a comma or the end/],
  ["foo='bar'", /between double quotes/],
  ['foo="\\xff"', /no valid UTF-8/],
  ['foo="\\z"', /escape/],
  ['foo="\\ud800"', /escape/],
  ['foo="a', /closing double quote is missing/],
  [",foo=bar", /expected a label name/],
  ["foo=bar,,x=y", /expected a label name/],
  ["foo=a\\b", /between double quotes/],
];
describe.each([
  ["classic", readClassic, classic],
  ["UTF-8", readUtf8, utf8],
] as const)("the %s grammar", (_name, reader, rows) => {
  it.each(rows)("%s", (text, expected) => {
    if (expected instanceof RegExp) expect(() => read(reader, text)).toThrow(expected);
    else expect(read(reader, text)).toEqual(expected);
  });
});

describe("both together", () => {
  const rows: Row[] = [
    ["known to UTF-8 alone", [["bär", "=", "x"]]],
    ["foo=", [["foo", "=", ""]]],
    // In the one grammar \t is a tab, in the other it stands for itself: classic wins.
    ['foo="\\t"', [["foo", "=", "\\t"]]],
  ];
  it.each([["bär=x", rows[0]![1]], rows[1]!, rows[2]!] as Row[])("%s", (text, expected) => {
    const parsed = parseMatchers(text);
    expect(parsed.ok && parsed.matchers.map(({ name, operator, value }) => [name, operator, value])).toEqual(
      expected,
    );
  });

  it("says where a regular expression is wrong", () => {
    for (const [text, offset] of [
      ['a="b", c=~"("', 7],
      [' c=~"(", a="b"', 1],
    ] as const) {
      expect(parseMatchers(text)).toMatchObject({
        ok: false,
        message: expect.stringContaining("RE2"),
        offset,
      });
    }
  });

  it("refuses what backtracking engines alone can do", () => {
    for (const pattern of ["(a)\\\\1", "(?=a)b", "(?<!a)b"])
      expect(parseMatchers(`a=~"${pattern}"`)).toMatchObject({ ok: false });
  });
});

const matches = (text: string, labels: Record<string, string>): boolean => {
  const parsed = parseMatchers(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.matchers.every((matcher) => matcher.matches(labels));
};

describe("matching", () => {
  const rows: [text: string, labels: Record<string, string>, expected: boolean][] = [
    ['a="b"', { a: "b" }, true],
    ['a=""', {}, true],
    ['a!="b"', {}, true],
    ['a=~"x|y"', { a: "y" }, true],
    ['a=~"x|y"', { a: "xy" }, false],
    ['a=~"b"', { a: "abc" }, false],
    ['a=~".*"', {}, true],
    ['a=~".+"', {}, false],
    ['a=~".+"', { a: "x\ny" }, false],
    ['a!~".+"', {}, true],
    ['toString="x"', {}, false],
    ['toString=""', {}, true],
    ['__proto__=""', {}, true],
  ];
  it.each(rows)("%s on %j is %s", (text, labels, expected) => {
    expect(matches(text, labels)).toBe(expected);
  });

  it("takes linear time where backtracking would never end", () => {
    expect(matches('a=~"(a+)+$"', { a: `${"a".repeat(50_000)}!` })).toBe(false);
    expect(matches('a=~"(a|aa)+$"', { a: `${"a".repeat(50_000)}!` })).toBe(false);
  });
});

it("never throws, whatever it is given", () => {
  const piece = fc.oneof(
    fc.constantFrom("{", "}", "=", "!", "~", ",", '"', "\\", " ", "a", "ä", "\n", "\\x", "\\u00", "(", "["),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const parsed = parseMatchers(pieces.join(""));
      if (parsed.ok) for (const matcher of parsed.matchers) matcher.matches({ a: "b" });
      else expect(parsed.offset).toBeLessThanOrEqual(pieces.join("").length);
    }),
    { numRuns: 3000 },
  );
});

it("reads what it is given back when everything is quoted", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.stringMatching(/^[a-z_][a-z0-9_]{0,9}$/),
          fc.constantFrom("=", "!="),
          fc.string({ unit: "grapheme" }),
        ),
      ),
      (pairs) => {
        const quote = (text: string): string =>
          `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
        const parsed = parseMatchers(
          pairs.map(([name, operator, value]) => `${name}${operator}${quote(value)}`).join(","),
        );
        expect(
          parsed.ok && parsed.matchers.map(({ name, operator, value }) => [name, operator, value]),
        ).toEqual(pairs);
      },
    ),
  );
});
