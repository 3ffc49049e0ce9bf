import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Catalog } from "../core/catalog.ts";
import { compileCatalog, type CatalogFile } from "../core/compile.ts";
import type { RuleFault } from "../core/faults.ts";

/** `hash`: over the names and contents that were read, so that a change is told from a touch. */
export type LoadedCatalog = { readonly hash: string } & (
  | { readonly kind: "loaded"; readonly catalog: Catalog }
  /** All faults of all files. */
  | { readonly kind: "refused"; readonly faults: readonly RuleFault[] }
);

/** What a folder of rules holds now; nothing is compiled yet. */
export type RuleFiles = {
  readonly folder: string;
  readonly files: readonly CatalogFile[];
  readonly faults: readonly RuleFault[];
  readonly hash: string;
};

const mostFiles = 1000;
/** Bytes. */
const largestFile = 4 * 1024 * 1024;
/** Reading one file may take so long, in milliseconds: the folder may be on a network drive. */
const patience = 10_000;

/** Reads and compiles the rules of a folder. */
export const loadCatalog = async (folder: string): Promise<LoadedCatalog> =>
  compileFiles(await readRules(folder));

/**
 * Reads `*.yml` and `*.yaml` in name order, but for `*.test.yml`, which hold the rules' tests, and hidden files, which
 * editors leave about. Never rejects: what cannot be read is a fault.
 */
export async function readRules(folder: string): Promise<RuleFiles> {
  const files: CatalogFile[] = [];
  const faults: RuleFault[] = [];
  const names = await namesIn(folder).catch((cause: unknown) => {
    faults.push(fault(folder, `the folder of rules cannot be read: ${codeOf(cause)}`, "a folder"));
    return null;
  });
  if (names?.length === 0)
    faults.push(fault(folder, "the folder holds no rules", "files that end in .yml or .yaml"));
  if (names !== null && names.length > mostFiles)
    faults.push(fault(folder, `the folder holds ${names.length} files`, `at most ${mostFiles}`));
  for (const name of names?.slice(0, mostFiles) ?? []) {
    const read = await readOne(join(folder, name));
    if ("text" in read) files.push(read);
    else faults.push(read);
  }
  return { folder, files, faults, hash: hashOf(files, faults) };
}

/** Compiles what was read. A fault in reading does not keep the faults of the other files back. */
export function compileFiles({ files, faults, hash }: RuleFiles): LoadedCatalog {
  const compiled = compileCatalog(files);
  if (!compiled.ok) return { kind: "refused", faults: [...faults, ...compiled.faults], hash };
  if (faults.length > 0) return { kind: "refused", faults, hash };
  return { kind: "loaded", catalog: compiled.catalog, hash };
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => /^[^.].*\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name)).toSorted();
}

async function readOne(file: string): Promise<CatalogFile | RuleFault> {
  try {
    const found = await stat(file);
    // A pipe or a device would be read for ever.
    if (!found.isFile()) return fault(file, "this is no file", "a file of rules");
    if (found.size > largestFile)
      return fault(file, `the file has ${found.size} bytes`, `at most ${largestFile}`);
    const bytes = await readFile(file, { signal: AbortSignal.timeout(patience) });
    return { file, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (cause) {
    if (cause instanceof TypeError) return fault(file, "the file is no text", "YAML, encoded in UTF-8");
    return fault(file, `the file cannot be read: ${codeOf(cause)}`, "a readable file");
  }
}

const fault = (file: string, message: string, expected: string): RuleFault => ({
  file,
  line: 1,
  column: 1,
  path: "",
  message,
  expected,
  found: null,
});

function hashOf(files: readonly CatalogFile[], faults: readonly RuleFault[]): string {
  const hash = createHash("sha256");
  // The lengths keep a text that moves from one file to the next from looking the same.
  for (const { file, text } of files) hash.update(`${file.length}:${text.length}:${file}${text}`);
  for (const { file, message } of faults) hash.update(`${file}: ${message}\n`);
  return hash.digest("hex");
}

const codeOf = (cause: unknown): string => {
  const code: unknown = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : String(cause);
};
