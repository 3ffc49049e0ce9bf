import type { Catalog } from "../core/catalog.ts";
import { compileCatalog } from "../core/compile.ts";
import type { RuleFault } from "../core/faults.ts";
import { readRules, type RuleFiles } from "./read.ts";

export type LoadResult =
  | {
      readonly kind: "loaded";
      readonly catalog: Catalog;
      /** How many files it was made of. */
      readonly files: number;
      /** Of the files, for `watchCatalog`. */
      readonly hash: string;
    }
  | {
      readonly kind: "refused";
      /** All of them, at least one. */
      readonly faults: readonly RuleFault[];
      readonly hash: string;
    };

/** Reads and compiles a folder's rule files. Rejects only with the signal's reason. */
export const loadCatalog = async (dir: string, signal?: AbortSignal): Promise<LoadResult> =>
  compiled(await readRules(dir, signal));

/** The catalog that the files make, or every fault of them. */
export function compiled({ files, faults, hash }: RuleFiles): LoadResult {
  const catalog = compileCatalog(files);
  const all = catalog.ok ? faults : [...faults, ...catalog.faults];
  return catalog.ok && all.length === 0
    ? { kind: "loaded", catalog: catalog.catalog, files: files.length, hash }
    : { kind: "refused", faults: all, hash };
}
