import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CatalogFile } from "../core/compile.ts";
import type { RuleFault } from "../core/faults.ts";

/** The rule files of a directory as they are now. */
export type RuleFiles = {
  readonly files: readonly CatalogFile[];
  /** What could not be read, and why. */
  readonly faults: readonly RuleFault[];
  /** The same for the same names and contents. */
  readonly hash: string;
};

/** Bytes of one file, as the compiler has it in characters. */
const largest = 4 * 1024 * 1024;
const mostFiles = 1000;
/** A file may go away between being listed and being read; then the list is made anew. */
const mostReads = 3;

/** Reads `*.yml` and `*.yaml` in name order, but for their tests (`*.test.yml`). What cannot be read is a fault. */
export async function readRules(dir: string, signal?: AbortSignal): Promise<RuleFiles> {
  let read = await readOnce(dir, signal);
  for (let again = 1; again < mostReads && read.vanished; again++) read = await readOnce(dir, signal);
  const { files, faults } = read;
  const hash = createHash("sha256")
    .update(JSON.stringify([files, faults]))
    .digest("hex");
  return { files, faults, hash };
}

type Reading = { files: CatalogFile[]; faults: RuleFault[]; vanished: boolean };

async function readOnce(dir: string, signal: AbortSignal | undefined): Promise<Reading> {
  const reading: Reading = { files: [], faults: [], vanished: false };
  const { files, faults } = reading;
  let names: string[];
  try {
    names = (await readdir(dir)).filter(isRuleFile).toSorted();
  } catch (error) {
    signal?.throwIfAborted();
    const missing = codeOf(error) === "ENOENT";
    const message = missing ? "there is no such folder" : `the folder cannot be read (${codeOf(error)})`;
    faults.push(fault(dir, message, "a folder with rule files"));
    return reading;
  }
  if (names.length > mostFiles) {
    faults.push(fault(dir, `the folder has ${names.length} rule files`, `at most ${mostFiles}`));
    return reading;
  }
  for (const name of names) {
    const file = join(dir, name);
    try {
      const text = await readText(file, signal);
      if (typeof text === "string") files.push({ file, text });
      else if (text !== null) faults.push(text);
    } catch (error) {
      signal?.throwIfAborted();
      reading.vanished ||= codeOf(error) === "ENOENT";
      faults.push(fault(file, `the file cannot be read (${codeOf(error)})`, "a readable file"));
    }
  }
  if (files.length === 0 && faults.length === 0)
    faults.push(fault(dir, "the folder has no rule files", "at least one *.yml or *.yaml"));
  return reading;
}

/** Hidden files are what editors and mounted configs keep beside the real ones. */
const isRuleFile = (name: string): boolean => /^[^.].*\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name);

/** The text, a fault, or null for what is no file. Throws what the system says. */
async function readText(file: string, signal: AbortSignal | undefined): Promise<string | RuleFault | null> {
  const { size, ...kind } = await about(file);
  if (kind.folder) return null;
  if (!kind.file) return fault(file, "it is no file", "a file");
  if (size > largest) return fault(file, `the file has ${size} bytes`, `at most ${largest} bytes`);
  const bytes = await readFile(file, signal === undefined ? {} : { signal });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fault(file, "the file is no valid UTF-8", "text in UTF-8");
  }
}

async function about(file: string): Promise<{ size: number; file: boolean; folder: boolean }> {
  const stats = await stat(file);
  return { size: stats.size, file: stats.isFile(), folder: stats.isDirectory() };
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

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown";
