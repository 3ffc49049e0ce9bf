import type { Operator } from "./matcher.ts";

/** What a grammar reads: matchers whose regular expressions are not compiled yet. `offset` counts UTF-16 units. */
export type Read = {
  readonly name: string;
  readonly operator: Operator;
  readonly value: string;
  readonly offset: number;
};

/** A text that a grammar does not know; the offset says where. */
export class SyntaxFault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Go's unicode.IsSpace. */
export const space = /[\t\n\v\f\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]/;
