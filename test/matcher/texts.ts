import fc from "fast-check";

/** Some matchers in one text, and labels that stand a chance with them. */
export type Condition = {
  /** The text with each label name prefixed, so that many texts can share one set of labels. */
  readonly text: (prefix: string) => string;
  /** Without the prefix; a name at most once. */
  readonly labels: readonly (readonly [name: string, value: string])[];
};

/** A regular expression with a text made along with it, which it often matches. */
type Expression = { readonly source: string; readonly sample: string };

// Few, so that a value drawn by chance often fits; among them what has a meaning in quotes, in expressions or in
// Unicode's case folding (ſ and s, the Kelvin sign and k).
const chars = [..."abksABKS01_-. ,={}", '"', "\\", "\n", "\t", "é", "É", "ſ", "\u212A", "\u{1F642}"];
const char = fc.constantFrom(...chars);
const value = fc.oneof(
  { weight: 3, arbitrary: fc.array(char, { maxLength: 4 }).map((all) => all.join("")) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "a", "b", "a\nb", "\n", 'say "a"', "a\\nb", "C:\\new"),
  },
);

const literal = (text: string): string => text.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`);
const table = (rows: readonly (readonly [source: string, sample: string])[]) =>
  fc.constantFrom(...rows.map(([source, sample]): Expression => ({ source, sample })));

const classes = table([
  [".", "a"],
  [".", "\n"],
  ["[ab]", "b"],
  ["[^ab]", "k"],
  ["[^a]", "\n"],
  ["[a-k]", "k"],
  ["[]a]", "]"],
  ["[^]a]", "b"],
  ["[a-]", "-"],
  ["[\\n\\t]", "\t"],
  ["[\\d_]", "_"],
  ["[^\\W]", "a"],
  ["[[:alpha:]]", "S"],
  ["[[:^alpha:]]", "é"],
  ["[[:space:]_]", "\t"],
  ["[\\x41-\\x{5A}]", "K"],
  ["\\d", "1"],
  ["\\D", "é"],
  ["\\w", "_"],
  ["\\W", "-"],
  ["\\s", "\n"],
  ["\\S", "a"],
  ["\\pL", "é"],
  ["\\PL", "1"],
  ["\\p{Lu}", "É"],
  ["[\\p{^Lu}]", "a"],
  ["\\p{Greek}", "a"],
  ["\\x61", "a"],
  ["\\x{1F642}", "\u{1F642}"],
  ["\\141", "a"],
  ["\\a", "a"],
  ["\\-", "-"],
  ["\\_", "_"],
  ["\\Qa.b\\E", "a.b"],
  ["\\Q\\E", ""],
  ["(?i:k)", "\u212A"],
  ["(?i:ſ)", "S"],
  ["(?i:É)", "é"],
  ["(?i)a", "A"],
  ["(?s:.)", "\n"],
  ["(?-s:.)", "a"],
  ["(?m:^a$)", "a"],
  ["(?m:a$)\nb", "a\nb"],
  ["(?U:a*)", "aa"],
  ["(?is)a.", "A\n"],
  ["(?P<name>a)", "a"],
  ["()", ""],
  ["(?:)", ""],
]);
const anchors = table(["^", "$", "\\A", "\\z", "\\b", "\\B"].map((source) => [source, ""] as const));
const quantifiers: readonly (readonly [source: string, times: number])[] = [
  ["*", 0],
  ["*", 3],
  ["+", 1],
  ["+?", 2],
  ["?", 0],
  ["??", 1],
  ["*?", 2],
  ["{0}", 0],
  ["{2}", 2],
  ["{1,}", 3],
  ["{0,2}", 2],
  ["{1,3}?", 1],
  // No quantifiers: RE2 takes them for what they look like.
  ["{,2}", 1],
  ["{a}", 1],
];

const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 4, arbitrary: char.map((text) => ({ source: literal(text), sample: text })) },
    { weight: 5, arbitrary: classes },
    { weight: 1, arbitrary: anchors },
    {
      weight: 4,
      arbitrary: fc.array(tie("expression"), { minLength: 0, maxLength: 3 }).map((all) => ({
        source: all.map(({ source }) => source).join(""),
        sample: all.map(({ sample }) => sample).join(""),
      })),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(tie("expression"), fc.constantFrom(...quantifiers))
        .map(([{ source, sample }, [quantifier, times]]): Expression => ({
          source: `(?:${source})${quantifier}`,
          sample: sample.repeat(times),
        })),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(
          fc.array(tie("expression"), { minLength: 2, maxLength: 3 }),
          fc.nat(2),
          // Without a group it ends where the whole does: the anchors around it must hold it together.
          fc.constantFrom("(", "(?:", ""),
        )
        .map(([all, chosen, open]): Expression => ({
          source: `${open}${all.map(({ source }) => source).join("|")}${open === "" ? "" : ")"}`,
          sample: (all[chosen] ?? all[0])?.sample ?? "",
        })),
    },
    // Closes the group that Alertmanager puts around it.
    {
      weight: 1,
      arbitrary: table([
        ["a)|(?:b", "ab"],
        ["a)|(b", "b"],
        ["a)(?:b)*(?:", "ab"],
      ]),
    },
  ),
}));

const space = fc.constantFrom("", "", "", " ", "\t", "\n ");
const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
/** Ways to write a value; only the first keeps each. What the others make of it is the same question to both sides. */
const writings: readonly ((text: string) => string)[] = [
  (text) => `"${escaped(text)}"`,
  (text) => `"${text.replaceAll('"', '\\"')}"`,
  (text) => escaped(text),
  (text) => text,
];

type Part = {
  readonly name: string;
  readonly rest: string;
  readonly label: string | null;
};

const part: fc.Arbitrary<Part> = fc
  .tuple(
    fc.constantFrom("a", "b", "c", "d"),
    fc.oneof(
      fc.tuple(
        fc.constantFrom("=", "!="),
        value.map((text) => ({ source: text, sample: text })),
      ),
      fc.tuple(fc.constantFrom("=~", "!~"), expression),
    ),
    fc.constantFrom(...writings, writings[0] as (typeof writings)[0]),
    fc.tuple(space, space, space),
    fc.oneof(
      { weight: 6, arbitrary: fc.constant("sample" as const) },
      { weight: 2, arbitrary: value },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    fc.tuple(fc.boolean(), char, fc.nat(4)),
  )
  .map(([name, [operator, { source, sample }], write, around, label, [spoilt, other, at]]) => ({
    name,
    rest: `${around[0]}${operator}${around[1]}${write(source)}${around[2]}`,
    label:
      label === "sample" ? (spoilt && at < 2 ? [...sample].toSpliced(at, 0, other).join("") : sample) : label,
  }));

export const conditionTexts: fc.Arbitrary<Condition> = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.array(part, { minLength: 1, maxLength: 1 }) },
      { weight: 1, arbitrary: fc.array(part, { minLength: 2, maxLength: 3 }) },
    ),
    fc.constantFrom(["", ""], ["{", "}"], ["", ","], ["{", ", }"], ["{", ""], ["", "}"]),
    fc.constantFrom(",", ", ", " ,"),
  )
  .map(([parts, [open = "", close = ""], comma]) => ({
    text: (prefix) => open + parts.map(({ name, rest }) => prefix + name + rest).join(comma) + close,
    labels: [
      ...new Map(
        parts.flatMap(({ name, label }): [string, string][] => (label === null ? [] : [[name, label]])),
      ),
    ],
  }));

const pieces = fc.array(
  fc.constantFrom(
    ...'{},=!~"\\ abn0(*[)\n\té\u00A0\u0085\uFEFF\v',
    "a=b",
    'a="b"',
    "=~",
    "!=",
    '\\"',
    "\\,",
    '"b"',
    "a:b=",
    "ä=b",
    "__name__",
    "=~.*",
    "(?=a)",
    "(a)\\1",
    "a{1001}",
    "\\pX",
  ),
  { maxLength: 8 },
);

/** Texts around the border between matchers and nonsense. */
export const matcherTexts: fc.Arbitrary<string> = fc.oneof(
  pieces.map((all) => all.join("")),
  conditionTexts.map(({ text }) => text("")),
  // One slip of the hand in what was well written: a piece put in, in place of what stood there.
  fc.tuple(conditionTexts, fc.nat(30), fc.nat(2), pieces).map(([{ text }, at, gone, all]) => {
    const whole = [...text("")];
    whole.splice(Math.min(at, whole.length), gone, all[0] ?? "");
    return whole.join("");
  }),
);
