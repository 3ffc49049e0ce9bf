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

/**
 * Matchers that were made before: catalogs repeat themselves, compiling is slow (about 20 µs), and what many rules
 * share stays in the processor's cache. Bounded by starting over.
 */
const made = new Map<string, Matcher>();
const mostMade = 20_000;

/** Throws an Error that says what is wrong with the regular expression. */
export function matcher(name: string, operator: Operator, value: string): Matcher {
  const key = JSON.stringify([name, operator, value]);
  const known = made.get(key);
  if (known !== undefined) return known;
  const matches = test(name, operator, value);
  if (made.size >= mostMade) made.clear();
  const one = { name, operator, value, matches };
  made.set(key, one);
  return one;
}

function test(name: string, operator: Operator, value: string): Matcher["matches"] {
  switch (operator) {
    case "=":
      return (labels) => label(labels, name) === value;
    case "!=":
      return (labels) => label(labels, name) !== value;
    case "=~": {
      const expression = compile(value);
      return (labels) => expression.test(label(labels, name));
    }
    case "!~": {
      const expression = compile(value);
      return (labels) => !expression.test(label(labels, name));
    }
    default:
      return operator satisfies never;
  }
}

/** As Alertmanager compiles it, to the letter: what escapes from the group there escapes here as well. */
const compile = (value: string): RE2JS => RE2JS.compile(`^(?:${value})$`);
