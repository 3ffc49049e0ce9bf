import type { Scope, Template } from "./catalog.ts";
import {
  compileExpression,
  ExpressionError,
  typeName,
  type Compiled,
  type Expression,
  type TextFault,
} from "./expression.ts";

/** A text cut at its `${…}`: literal parts as they stand and expressions with the place where each begins. */
export type TemplatePart =
  | { readonly kind: "literal"; readonly text: string }
  /** `offset`: of the expression's first character within the template. */
  | { readonly kind: "expression"; readonly source: string; readonly offset: number };

export type CompiledTemplate = Template & {
  readonly needsService: boolean;
  readonly parts: readonly TemplatePart[];
  /** CEL's type of each expression, in order. */
  readonly types: readonly string[];
};

/** Characters of a template, and of what one may become. */
const longest = 16_384;
const longestRendered = 262_144;
const mostExpressions = 100;
/** Types that have a text. */
const printable = new Set("string int uint double bool dyn google.protobuf.Timestamp".split(" "));

/** Cuts a template; a `}` within a string or a map of CEL ends nothing, and `$${` stands for `${` itself. */
export function parseTemplate(
  text: string,
):
  | { readonly ok: true; readonly parts: readonly TemplatePart[] }
  | { readonly ok: false; readonly fault: TextFault } {
  const parts: TemplatePart[] = [];
  let literal = "";
  const flush = (): void => {
    if (literal !== "") parts.push({ kind: "literal", text: literal });
    literal = "";
  };
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("${", at);
    if (open === -1) break;
    if (open > at && text[open - 1] === "$") {
      literal += `${text.slice(at, open)}{`;
      at = open + 2;
      continue;
    }
    literal += text.slice(at, open);
    flush();
    const close = endOfExpression(text, open + 2);
    if (close === null) {
      const message = "${ without its }";
      return { ok: false, fault: { message, offset: open, expected: "${expression}" } };
    }
    parts.push({ kind: "expression", source: text.slice(open + 2, close), offset: open + 2 });
    at = close + 1;
  }
  literal += text.slice(at);
  flush();
  return { ok: true, parts };
}

/** Where the `}` stands that ends the expression; null when none does. */
function endOfExpression(text: string, start: number): number | null {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"' || char === "'") {
      const end = endOfString(text, at);
      if (end === null) return null;
      at = end;
    } else if (char === "/" && text[at + 1] === "/") {
      const end = text.indexOf("\n", at);
      if (end === -1) return null;
      at = end;
    } else if (char === "{") depth++;
    else if (char === "}" && depth-- === 0) return at;
  }
  return null;
}

/** The last character of the string that begins at `start`; null when it does not end. A backslash hides a quote in raw strings too. */
function endOfString(text: string, start: number): number | null {
  const quote = text[start] ?? "";
  const triple = text.startsWith(quote.repeat(3), start);
  const mark = triple ? quote.repeat(3) : quote;
  for (let at = start + mark.length; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text.startsWith(mark, at)) return at + mark.length - 1;
  }
  return null;
}

/**
 * Compiles a text with `${…}`, all faults at once.
 * @param escape makes a value fit for where the text goes, such as a URL; literal parts stay as they are.
 */
export function compileTemplate(
  text: string,
  escape: (value: string) => string = (value) => value,
): Compiled<CompiledTemplate> {
  if (text.length > longest) {
    const message = `the text has ${text.length} characters`;
    return {
      ok: false,
      faults: [{ message, offset: 0, expected: `at most ${longest} characters` }],
    };
  }
  const cut = parseTemplate(text);
  if (!cut.ok) return { ok: false, faults: [cut.fault] };
  const pieces: (string | Expression)[] = [];
  const faults: TextFault[] = [];
  for (const part of cut.parts) {
    if (part.kind === "literal") {
      pieces.push(part.text);
      continue;
    }
    const compiled = compileExpression(part.source);
    if (!compiled.ok) {
      faults.push(...compiled.faults.map((fault) => ({ ...fault, offset: part.offset + fault.offset })));
    } else if (!printable.has(compiled.value.type)) {
      const message = `\${${part.source}} gives ${compiled.value.type}, which has no text`;
      faults.push({ message, offset: part.offset, expected: "a text or a number" });
    } else pieces.push(compiled.value);
  }
  const expressions = pieces.filter((piece) => typeof piece !== "string");
  if (expressions.length > mostExpressions) {
    const message = `the text has ${expressions.length} expressions`;
    faults.push({ message, offset: 0, expected: `at most ${mostExpressions}` });
  }
  if (faults.length > 0) return { ok: false, faults };
  return {
    ok: true,
    value: {
      source: text,
      parts: cut.parts,
      types: expressions.map(({ type }) => type),
      needsService: expressions.some(({ needsService }) => needsService),
      render: (scope) => render(text, pieces, scope, escape),
    },
  };
}

function render(
  source: string,
  pieces: readonly (string | Expression)[],
  scope: Scope,
  escape: (value: string) => string,
): string {
  let text = "";
  for (const piece of pieces) {
    text += typeof piece === "string" ? piece : escape(print(piece, piece.evaluate(scope)));
    if (text.length > longestRendered)
      throw new ExpressionError(source, `it gives more than ${longestRendered} characters`);
  }
  return text;
}

function print({ source }: Expression, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "boolean")
    return String(value);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  throw new ExpressionError(source, `expected a text or a number, got ${typeName(value)}`);
}
