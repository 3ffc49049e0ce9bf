import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
} from "yaml";
import type { RuleFault } from "./faults.ts";
import { shown } from "./shown.ts";

export type Path = readonly (string | number)[];

type Details = {
  readonly message: string;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  /** A character within the text that stands at the path. */
  readonly offset?: number;
  /** Point at the last key of the path instead of its value. */
  readonly atKey?: boolean;
};

/** So much is told of what makes no good YAML: the first error causes most others. */
const mostErrors = 20;
/** Characters of one file. */
const largest = 4 * 1024 * 1024;

/** One rule file as YAML, which knows where everything stands in it. */
export class RuleSource {
  readonly file: string;
  /** The file's value; undefined where it is no YAML. */
  readonly value: unknown;
  readonly faults: readonly RuleFault[];
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #document: Document | null;

  constructor({ file, text }: { readonly file: string; readonly text: string }) {
    this.file = file;
    this.#text = text;
    const faults: RuleFault[] = [];
    this.#document = this.#parse(faults);
    if (this.#document !== null && faults.length === 0) this.value = this.#read(this.#document, faults);
    this.faults = faults;
  }

  /** Where a path stands, or the nearest thing around it that there is. Both from 1. */
  place(path: Path, at: { offset?: number; atKey?: boolean } = {}): { line: number; column: number } {
    let node: Node | null = this.#resolved(this.#document?.contents ?? null);
    let start = startOf(node) ?? 0;
    for (const [index, step] of path.entries()) {
      const found = childOf(node, step);
      if (found === null) return this.#at(start);
      if (at.atKey === true && index === path.length - 1) return this.#at(startOf(found.key) ?? start);
      // A missing value has no place of its own.
      start = startOf(found.value) ?? startOf(found.key) ?? start;
      node = this.#resolved(found.value);
    }
    return this.#at(start + within(node, start, this.#text, at.offset ?? 0));
  }

  fault(path: Path, { message, expected, found, offset = 0, atKey = false }: Details): RuleFault {
    return {
      file: this.file,
      ...this.place(path, { offset, atKey }),
      path: pathText(path),
      message,
      expected: expected ?? null,
      found: found ?? null,
    };
  }

  /** Null where it is no YAML, which the faults then say. */
  #parse(faults: RuleFault[]): Document | null {
    const refuse = (offset: number, message: string, expected: string): void => {
      faults.push(this.#faultAt(offset, message, expected));
    };
    if (this.#text.length > largest) {
      refuse(0, `the file has ${this.#text.length} characters`, `at most ${largest}`);
      return null;
    }
    try {
      const document = parseDocument(this.#text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        // "silent" would let a second document pass.
        logLevel: "error",
        // Its own check compares every key with every other one.
        uniqueKeys: false,
      });
      if (document.errors.some(isTooDeep)) throw new RangeError("nested too deeply");
      const wrong = [...document.errors, ...document.warnings].slice(0, mostErrors);
      for (const { code, pos, message } of wrong) {
        if (code === "MULTIPLE_DOCS") refuse(pos[0], "a second document begins", "one document a file");
        else refuse(pos[0], oneLine(message), code === "TAG_RESOLVE_FAILED" ? "no tag" : "YAML");
      }
      return wrong.length === 0 ? document : null;
    } catch {
      // The parser goes down into what is nested by calling itself.
      refuse(0, "the file is nested too deeply", "a list of rules");
      return null;
    }
  }

  /** The file's value; undefined where its aliases do not let it be read. */
  #read(document: Document, faults: RuleFault[]): unknown {
    let alias = 0;
    try {
      visit(document, {
        Alias: (_, node) => {
          if (alias === 0) alias = startOf(node) ?? 0;
        },
        Map: (_, { items }) => this.#checkKeys(items, faults),
      });
      return document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      const fault =
        error instanceof ReferenceError
          ? this.#faultAt(alias, oneLine(error.message), "few aliases, each of an anchor before it")
          : this.#faultAt(0, "the file is nested too deeply", "a list of rules");
      faults.push(fault);
      return undefined;
    }
  }

  #checkKeys(items: readonly { readonly key: unknown }[], faults: RuleFault[]): void {
    const seen = new Set<string>();
    for (const { key } of items) {
      if (faults.length >= mostErrors) return;
      const name = isScalar(key) ? String(key.value) : "";
      const at = startOf(key) ?? 0;
      // JavaScript keeps this one for itself, and some would lose it without a word.
      if (name === "__proto__")
        faults.push(this.#faultAt(at, "the key __proto__ cannot be used", "another key"));
      else if (seen.has(name))
        faults.push(this.#faultAt(at, `the key ${shown(name)} stands twice`, "every key once"));
      seen.add(name);
    }
  }

  #resolved(node: Node | null): Node | null {
    if (!isAlias(node) || this.#document === null) return node;
    try {
      return node.resolve(this.#document) ?? null;
    } catch {
      return null;
    }
  }

  #faultAt(offset: number, message: string, expected?: string): RuleFault {
    return {
      file: this.file,
      ...this.#at(offset),
      path: "",
      message,
      expected: expected ?? null,
      found: null,
    };
  }

  #at(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(Math.max(0, Math.min(offset, this.#text.length)));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

const isTooDeep = ({ message }: { readonly message: string }): boolean =>
  message.startsWith("Maximum call stack");

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 300);

const startOf = (node: unknown): number | null => {
  if (!isAlias(node) && !isScalar(node) && !isMap(node) && !isSeq(node)) return null;
  return node.range?.[0] ?? null;
};

function childOf(node: Node | null, step: string | number): { key: unknown; value: Node | null } | null {
  if (isMap<unknown, Node | null>(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
    return pair === undefined ? null : { key: pair.key, value: pair.value };
  }
  if (isSeq<Node | null>(node) && typeof step === "number" && step in node.items) {
    const value = node.items[step] ?? null;
    return { key: value, value };
  }
  return null;
}

/** How far into its source the n-th character of a scalar stands; 0 where escapes or folds make that unknowable. */
function within(node: Node | null, start: number, text: string, offset: number): number {
  if (!isScalar(node) || typeof node.value !== "string" || !node.range) return 0;
  const source = text.slice(node.range[0], node.range[1]);
  if (node.range[0] !== start || offset === 0) return 0;
  if (source === node.value) return offset;
  return source.slice(1, -1) === node.value ? offset + 1 : 0;
}

/** `rules[0].do[1].by` */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${shown(step)}]`;
  }
  return text;
}
