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

/** What is told of one file that is no YAML: the first error causes most others. */
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
    const faults: Found[] = [];
    this.#document = this.#parse(faults);
    if (this.#document !== null && !faults.some(isFatal)) {
      this.#lookThrough(this.#document, faults);
      if (!faults.some(isFatal)) this.value = this.#read(this.#document, faults);
    }
    this.faults = faults.map(({ fault }) => fault);
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

  #parse(faults: Found[]): Document | null {
    const file = (message: string, expected?: string): null => {
      faults.push({ fatal: true, fault: this.#faultAt(0, message, expected) });
      return null;
    };
    if (this.#text.length > largest)
      return file(`the file has ${this.#text.length} characters`, `at most ${largest}`);
    let document: Document;
    try {
      document = parseDocument(this.#text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        logLevel: "silent",
      });
    } catch {
      // The parser goes down into what is nested by calling itself.
      return file("the file cannot be read", "YAML that is not nested so deeply");
    }
    if (document.errors.some(({ message }) => message.startsWith("Maximum call stack")))
      return file("the file cannot be read", "YAML that is not nested so deeply");
    for (const error of document.errors.slice(0, mostErrors)) {
      const twice = error.code === "DUPLICATE_KEY";
      const key = twice ? `the key ${this.#word(error.pos[0])} stands twice` : error.message;
      faults.push({
        fatal: !twice,
        fault: this.#faultAt(error.pos[0], oneLine(key), twice ? "every key once" : "YAML"),
      });
    }
    for (const warning of document.warnings) {
      const fault = this.#faultAt(warning.pos[0], oneLine(warning.message), "no tag");
      faults.push({ fatal: false, fault });
    }
    return document;
  }

  /** What YAML allows and rules do not: keys that are no texts, and one that JavaScript keeps for itself. */
  #lookThrough(document: Document, faults: Found[]): void {
    const bad = (node: unknown, message: string): void => {
      const start = isAlias(node) || isScalar(node) || isMap(node) || isSeq(node) ? startOf(node) : 0;
      faults.push({ fatal: false, fault: this.#faultAt(start ?? 0, message, "a text as key") });
    };
    try {
      visit(document, {
        Pair: (_, { key }) => {
          if (!isScalar(key) || typeof key.value !== "string") bad(key, "a key is no text");
          else if (key.value === "__proto__") bad(key, "the key __proto__ cannot be used");
        },
      });
    } catch {
      bad(null, "the file is nested too deeply");
    }
  }

  #read(document: Document, faults: Found[]): unknown {
    try {
      return document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      let alias = 0;
      visit(document, {
        Alias: (_, node) => {
          alias = startOf(node) ?? 0;
          return visit.BREAK;
        },
      });
      const message = error instanceof Error ? oneLine(error.message) : "the aliases cannot be read";
      const fault = this.#faultAt(alias, message, "few aliases, each of an anchor before it");
      faults.push({ fatal: true, fault });
      return undefined;
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

  #word(offset: number): string {
    return shown(/^[^\s:]*/.exec(this.#text.slice(offset, offset + 100))?.[0] ?? "");
  }
}

type Found = { readonly fatal: boolean; readonly fault: RuleFault };
const isFatal = ({ fatal }: Found): boolean => fatal;

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 300);

const startOf = (node: unknown): number | null => {
  if (!isAlias(node) && !isScalar(node) && !isMap(node) && !isSeq(node)) return null;
  return node.range?.[0] ?? null;
};

function childOf(node: Node | null, step: string | number): { key: unknown; value: Node | null } | null {
  if (isMap<unknown, Node | null>(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
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
