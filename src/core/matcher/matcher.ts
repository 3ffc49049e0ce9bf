import { RE2JS } from "re2js";
import { label, type Labels } from "../alert.ts";

export const operators = ["=~", "!~", "!=", "="] as const;
export type Operator = (typeof operators)[number];

/** One condition on one label, as Alertmanager has it: a missing label equals the empty string. */
export type Matcher = {
  readonly name: string;
  readonly operator: Operator;
  readonly value: string;
  matches(labels: Labels): boolean;
};

/** Compiling is the slow part (about 20 µs), and catalogs repeat themselves. Bounded by starting over. */
const compiled = new Map<string, RE2JS>();
const mostCompiled = 10_000;

/** Throws RE2JSSyntaxException when the value is no regular expression. */
function compile(value: string): RE2JS {
  const known = compiled.get(value);
  if (known !== undefined) return known;
  // As Alertmanager compiles it, to the letter: what escapes from the group there escapes here as well.
  const expression = RE2JS.compile(`^(?:${value})$`);
  if (compiled.size >= mostCompiled) compiled.clear();
  compiled.set(value, expression);
  return expression;
}

/** Throws an Error that says what is wrong with the regular expression. */
export function matcher(name: string, operator: Operator, value: string): Matcher {
  switch (operator) {
    case "=":
      return { name, operator, value, matches: (labels) => label(labels, name) === value };
    case "!=":
      return { name, operator, value, matches: (labels) => label(labels, name) !== value };
    case "=~": {
      const expression = compile(value);
      return { name, operator, value, matches: (labels) => expression.test(label(labels, name)) };
    }
    case "!~": {
      const expression = compile(value);
      return { name, operator, value, matches: (labels) => !expression.test(label(labels, name)) };
    }
    default:
      return operator satisfies never;
  }
}
