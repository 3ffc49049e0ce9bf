import { z } from "zod";
import { indexRules, type Indexed } from "./catalog-index.ts";
import type { Catalog } from "./catalog.ts";
import { assembleRule, compileTexts } from "./compile-rule.ts";
import type { RuleFault } from "./faults.ts";
import { mostRules, Rule, RuleFile } from "./rule.ts";
import { crossFaults, isRecord, schemaFaults } from "./rule-faults.ts";
import { RuleSource } from "./rule-source.ts";

/** A rule file's name, as it is told in faults, and its content. */
export type CatalogFile = { readonly file: string; readonly text: string };

export type CompiledCatalog =
  | { readonly ok: true; readonly catalog: Catalog }
  /** Of all files at once, by file and place. */
  | { readonly ok: false; readonly faults: readonly RuleFault[] };

/** A file of nothing but faults is told by its first ones. */
const mostFaults = 1000;

const Frame = RuleFile.extend({
  rules: z
    .array(z.unknown(), "expected a list of rules")
    .max(mostRules, `expected at most ${mostRules} rules in a file`),
});

/** Compiles rule files, given in the order in which their rules are to be asked. */
export function compileCatalog(files: readonly CatalogFile[]): CompiledCatalog {
  const faults: RuleFault[] = [];
  const rules: Indexed[] = [];
  const names = new Map<string, string>();
  for (const file of files) {
    if (faults.length >= mostFaults) break;
    faults.push(...compileFile(file, rules, names));
  }
  if (faults.length > 0) return { ok: false, faults: faults.slice(0, mostFaults) };
  const byName = new Map(rules.map(({ rule }) => [rule.name, rule]));
  return {
    ok: true,
    catalog: {
      version: hashOf(files),
      rules: rules.map(({ rule }) => rule),
      rule: (name) => byName.get(name),
      candidates: indexRules(rules),
    },
  };
}

/** Adds a file's rules; the faults are in the order of the file. */
function compileFile(file: CatalogFile, rules: Indexed[], names: Map<string, string>): RuleFault[] {
  const source = new RuleSource(file);
  const faults = [...source.faults];
  if (source.value === undefined) return faults;
  const frame = Frame.safeParse(source.value);
  if (!frame.success) faults.push(...schemaFaults(source, [], frame.error.issues));
  const written = isRecord(source.value) ? source.value["rules"] : undefined;
  if (!Array.isArray(written) || written.length > mostRules) return faults;
  for (const [index, item] of written.entries()) {
    if (faults.length >= mostFaults) break;
    const path = ["rules", index];
    const rule: unknown = item;
    const own: RuleFault[] = [];
    const spec = Rule.safeParse(rule);
    if (!spec.success) own.push(...schemaFaults(source, path, spec.error.issues));
    own.push(...crossFaults(source, path, rule));
    const compiled = compileTexts(source, path, rule);
    own.push(...compiled.faults, ...taken(source, index, rule, names));
    faults.push(...inOrder(own));
    if (!spec.success || own.length > 0) continue;
    const place = { file: file.file, ...source.place(path) };
    rules.push({
      rule: assembleRule(spec.data, compiled.texts, place),
      matchers: compiled.texts.matchers,
    });
  }
  return faults;
}

/** By place, each once: a union's branches may say the same of one value. */
function inOrder(faults: readonly RuleFault[]): RuleFault[] {
  const same = (a: RuleFault, b: RuleFault): boolean =>
    a.line === b.line && a.column === b.column && a.message === b.message;
  return faults
    .filter((fault, index) => faults.findIndex((other) => same(other, fault)) === index)
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** A rule's name stands once in the catalog: the journal, the metrics and people tell rules apart by it. */
function taken(source: RuleSource, index: number, rule: unknown, names: Map<string, string>): RuleFault[] {
  const name = isRecord(rule) ? rule["name"] : undefined;
  if (typeof name !== "string") return [];
  const path = ["rules", index, "name"];
  const first = names.get(name);
  if (first === undefined) {
    const { line, column } = source.place(path);
    names.set(name, `${source.file}:${line}:${column}`);
    return [];
  }
  const message = `the name ${name} is taken by the rule at ${first}`;
  return [source.fault(path, { message, expected: "another name" })];
}

/** 64 bits over names and texts in two halves; it tells versions apart and guards nothing. */
function hashOf(files: readonly CatalogFile[]): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (const { file, text } of files) {
    const whole = `${file.length}:${file}${text.length}:${text}`;
    for (let at = 0; at < whole.length; at++) {
      const code = whole.charCodeAt(at);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 15);
    }
  }
  const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");
  return hex(a) + hex(b);
}
