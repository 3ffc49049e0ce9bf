import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Document } from "yaml";
import { shown } from "../core/shown.ts";
import { nearest } from "../core/nearest.ts";
import { codeOf, type ReadFile } from "./read-file.ts";
import { keys, secrets } from "./settings.ts";

/** What homeostat.yml says, by key, each with where it stands (`homeostat.yml:3:9: listen`). */
export type FileSettings = {
  readonly values: ReadonlyMap<string, { readonly origin: string; readonly value: unknown }>;
  readonly faults: readonly string[];
};

const defaultPath = "homeostat.yml";

const known: readonly string[] = [...keys, ...[...secrets].map((key) => `${key}File`)];

/** Reads the settings file; a missing one is nothing unusual unless it was named. */
export function readSettingsFile(named: string | undefined, readFile: ReadFile): FileSettings {
  const chosen = named === undefined || named === "" ? null : named;
  const path = chosen ?? defaultPath;
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code = codeOf(error);
    if (chosen === null && code === "ENOENT") return { values: new Map(), faults: [] };
    const name = chosen === null ? path : "HOMEOSTAT_CONFIG";
    return {
      values: new Map(),
      faults: [`${name}: expected a readable file, received ${shown(path)} (${code})`],
    };
  }
  return parseSettings(path, text);
}

function parseSettings(path: string, text: string): FileSettings {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
  });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const values = new Map<string, { origin: string; value: unknown }>();
  // Behind a colon the parser quotes the text it stumbled over, which may be part of a secret.
  const faults = document.errors.map(
    (error) => `${at(error.pos[0])}: expected YAML, received a fault: ${error.message.replace(/:.*/s, "")}`,
  );
  const { contents } = document;
  if (faults.length > 0 || contents === null || isEmpty(contents)) return { values, faults };
  if (!isMap<Node, Node | null>(contents)) {
    faults.push(
      `${at(contents.range?.[0] ?? 0)}: expected settings, each as "key: value", received ${isSeq(contents) ? "a list" : "something else"}`,
    );
    return { values, faults };
  }
  for (const { key, value } of contents.items) {
    const name = isScalar(key) ? String(key.value) : "";
    const origin = `${at((value ?? key).range?.[0] ?? 0)}: ${name}`;
    if (!known.includes(name)) {
      const near = nearest(name, known);
      faults.push(
        `${at(key.range?.[0] ?? 0)}: expected a setting, received ${shown(name)}${near === undefined ? "" : `; did you mean ${near}?`}`,
      );
      continue;
    }
    const plain = plainOf(value, document);
    if (plain.kind === "bad-alias")
      faults.push(
        `${origin}: expected a plain value, received an alias that names nothing, or too many of them`,
      );
    else if (plain.value !== null) values.set(name, { origin, value: plain.value });
  }
  return { values, faults };
}

const isEmpty = (node: Node): boolean => isScalar(node) && node.value === null;

/** `toJS` throws when an alias names nothing, or when aliases would expand without end. */
function plainOf(
  node: Node | null,
  document: Document,
): { kind: "value"; value: unknown } | { kind: "bad-alias" } {
  try {
    return { kind: "value", value: node?.toJS(document) ?? null };
  } catch {
    return { kind: "bad-alias" };
  }
}
