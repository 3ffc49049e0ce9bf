import type { Operator } from "./matcher.ts";
import { SyntaxFault, space, type Read } from "./parsed.ts";

/*
 * Alertmanager's first grammar: label names are Prometheus's, braces are optional and need not balance, values may be
 * empty and unquoted, and a backslash that escapes nothing stands for itself.
 */

// The operator of two characters first. White space is Go's \s: no vertical tab, nothing beyond ASCII.
const asciiSpace = /[\t\n\f\r ]/;
const shape = /^[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*/;

export function readClassic(text: string): Read[] {
  const start = text.startsWith("{") ? 1 : 0;
  const inner = text.slice(start, text.endsWith("}") && text.length > start ? -1 : undefined);
  return split(inner).map(({ token, offset }) => readOne(token, start + offset));
}

/** At the commas outside of quotes. What follows the last one counts only when there is something. */
function split(text: string): { token: string; offset: number }[] {
  const tokens: { token: string; offset: number }[] = [];
  let from = 0;
  let quoted = false;
  let escaped = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === "," && !quoted) {
      tokens.push({ token: text.slice(from, at), offset: from });
      from = at + 1;
    } else if (char === '"') {
      if (escaped) escaped = false;
      else quoted = !quoted;
    } else if (char !== ",") {
      // A backslash before a comma goes on to escape what comes after it: so it is there, in quotes as well.
      escaped = char === "\\" && !escaped;
    }
  }
  // The last one alone loses all of Unicode's white space around it, as Go trims. Not JavaScript's trim: that takes the
  // byte order mark for white space and the next-line character for none.
  let end = text.length;
  while (end > from && space.test(text[end - 1] ?? "")) end -= 1;
  while (from < end && space.test(text[from] ?? "")) from += 1;
  if (from < end) tokens.push({ token: text.slice(from, end), offset: from });
  return tokens;
}

function readOne(token: string, offset: number): Read {
  const found = shape.exec(token);
  if (found === null) throw new SyntaxFault("expected a label name, one of = != =~ !~, and a value", offset);
  const [head, name = "", operator = "="] = found;
  let end = token.length;
  while (end > head.length && asciiSpace.test(token[end - 1] ?? "")) end -= 1;
  const raw = token.slice(head.length, end);
  // The shape above allows these four alone.
  return {
    name,
    operator: operator as Operator,
    value: unescape(raw, offset + head.length),
    offset: offset + head.indexOf(name),
  };
}

function unescape(raw: string, offset: number): string {
  const quoted = raw.startsWith('"');
  const text = quoted ? raw.slice(1) : raw;
  let value = "";
  let closed = !quoted;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? "";
    const last = at === text.length - 1;
    if (char === "\\" && !last) {
      const next = text[(at += 1)] ?? "";
      value += next === "n" ? "\n" : next === '"' || next === "\\" ? next : `\\${next}`;
    } else if (char === '"') {
      if (closed || !last)
        throw new SyntaxFault("a double quote inside the value needs a backslash", offset + at);
      closed = true;
    } else {
      value += char;
    }
  }
  if (!closed) throw new SyntaxFault("the value's closing double quote is missing", offset + text.length);
  return value;
}
