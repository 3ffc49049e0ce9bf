import type { Operator } from "./matcher.ts";
import { SyntaxFault, space, type Read } from "./parsed.ts";

/*
 * Alertmanager's second grammar (since 0.27): any label name, quoted where it holds reserved characters; strings as
 * Go writes them between double quotes; braces that balance; a value that is never left out.
 */

type Token = {
  readonly kind: "{" | "}" | "," | "operator" | "text";
  readonly value: string;
  readonly offset: number;
};

// White space, and what no other unquoted text may hold.
const reserved = new RegExp(`${space.source.slice(0, -1)}{}!=~,\\\\"'\`]`);
const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function readUtf8(text: string): Read[] {
  const tokens = scan(text);
  const matchers: Read[] = [];
  let next = 0;
  const kind = (): Token["kind"] | "end" => tokens[next]?.kind ?? "end";
  const where = (): number => tokens[next]?.offset ?? text.length;
  const take = (wanted: Token["kind"], message: string): Token => {
    const token = tokens[next];
    if (token?.kind !== wanted) throw new SyntaxFault(message, where());
    next += 1;
    return token;
  };

  const braced = kind() === "{";
  if (braced) next += 1;
  while (kind() !== "}" && kind() !== "end") {
    const name = take("text", "expected a label name");
    const operator = take("operator", "expected one of = != =~ !~");
    const value = take("text", 'expected a value; an empty one is written ""');
    // The scanner lets these four alone pass.
    matchers.push({
      name: name.value,
      operator: operator.value as Operator,
      value: value.value,
      offset: name.offset,
    });
    if (kind() === ",") next += 1;
    else break;
  }
  if (braced) take("}", "expected a comma or a closing brace");
  if (kind() === "}") throw new SyntaxFault("a closing brace without an opening one", where());
  if (kind() !== "end") throw new SyntaxFault("expected a comma or the end", where());
  return matchers;
}

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const char = text[at] ?? "";
    if (space.test(char)) {
      at += 1;
    } else if (char === "{" || char === "}" || char === ",") {
      tokens.push({ kind: char, value: char, offset: at });
      at += 1;
    } else if (char === "=" || char === "!") {
      const two = text.slice(at, at + 2);
      const value = ["=~", "!=", "!~"].includes(two) ? two : char;
      if (value === "!") throw new SyntaxFault("expected one of = != =~ !~", at);
      tokens.push({ kind: "operator", value, offset: at });
      at += value.length;
    } else if (char === '"') {
      const end = closingQuote(text, at);
      tokens.push({ kind: "text", value: unquote(text.slice(at + 1, end), at + 1), offset: at });
      at = end + 1;
    } else {
      const from = at;
      while (at < text.length && !reserved.test(text[at] ?? "")) at += 1;
      if (at === from) throw new SyntaxFault(`${JSON.stringify(char)} must stand between double quotes`, at);
      tokens.push({ kind: "text", value: text.slice(from, at), offset: from });
    }
  }
  return tokens;
}

function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  throw new SyntaxFault("the closing double quote is missing", open);
}

/** A Go string literal's inside. Its escapes may spell bytes, so the result is put together as bytes. */
function unquote(inner: string, offset: number): string {
  if (!/[\\\n]/.test(inner)) return inner;
  const parts: Uint8Array[] = [];
  for (let at = 0; at < inner.length;) {
    const bad = new SyntaxFault("an escape that Go's strings do not know", offset + at);
    if (inner[at] === "\n") throw new SyntaxFault("a line break inside a string is written \\n", offset + at);
    if (inner[at] !== "\\") {
      const end = inner.slice(at).search(/[\\\n]/);
      const plain = inner.slice(at, end < 0 ? undefined : at + end);
      parts.push(Buffer.from(plain));
      at += plain.length;
      continue;
    }
    const simple = escapes[inner[at + 1] ?? ""];
    const coded = /^\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(
      inner.slice(at, at + 10),
    );
    if (simple !== undefined && Object.hasOwn(escapes, inner[at + 1] ?? "")) {
      parts.push(Buffer.from(simple));
      at += 2;
    } else if (coded !== null) {
      const [whole, octal, hex, short, long] = coded;
      const byte = octal === undefined ? Number.parseInt(hex ?? "", 16) : Number.parseInt(octal, 8);
      const point = Number.parseInt(short ?? long ?? "", 16);
      const isByte = octal !== undefined || hex !== undefined;
      const surrogate = point >= 0xd800 && point <= 0xdfff;
      if (isByte ? byte > 255 : point > 0x10ffff || surrogate) throw bad;
      parts.push(isByte ? Uint8Array.of(byte) : Buffer.from(String.fromCodePoint(point)));
      at += whole.length;
    } else {
      throw bad;
    }
  }
  try {
    return utf8.decode(Buffer.concat(parts));
  } catch {
    throw new SyntaxFault("the string's bytes are no valid UTF-8", offset);
  }
}
