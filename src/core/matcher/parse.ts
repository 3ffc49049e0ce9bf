import { isDeepStrictEqual } from "node:util";
import { readClassic } from "./classic.ts";
import { matcher, type Matcher } from "./matcher.ts";
import { SyntaxFault, type Read } from "./parsed.ts";
import { readUtf8 } from "./utf8.ts";

export type Parsed =
  | { readonly ok: true; readonly matchers: readonly Matcher[] }
  /** `offset`: where in the text, in UTF-16 units. */
  | { readonly ok: false; readonly message: string; readonly offset: number };

/**
 * Reads one or several matchers as Alertmanager does by default: by the UTF-8 grammar, else by the classic one; where
 * both know the text and disagree, classic wins.
 */
export function parseMatchers(text: string): Parsed {
  if (!text.isWellFormed()) return { ok: false, message: "the text is no valid Unicode", offset: 0 };
  const utf8 = attempt(readUtf8, text);
  const classic = attempt(readClassic, text);
  // Of two refusals the classic one is told: its words fit what nearly everybody writes.
  if (!classic.ok) return utf8.ok ? utf8 : classic;
  return utf8.ok && isDeepStrictEqual(utf8.matchers.map(plain), classic.matchers.map(plain)) ? utf8 : classic;
}

const plain = ({ name, operator, value }: Matcher) => [name, operator, value];

function attempt(read: (text: string) => Read[], text: string): Parsed {
  try {
    return { ok: true, matchers: read(text).map(compile) };
  } catch (cause) {
    if (!(cause instanceof SyntaxFault)) throw cause;
    return { ok: false, message: cause.message, offset: cause.offset };
  }
}

function compile({ name, operator, value, offset }: Read): Matcher {
  try {
    return matcher(name, operator, value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxFault(`${JSON.stringify(value)} is no RE2 regular expression: ${why}`, offset);
  }
}
