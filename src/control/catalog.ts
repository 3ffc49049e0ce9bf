import type { Catalog } from "../core/catalog.ts";

type Counts = { matched: number; acted: number; held: number };

/** The catalog that is in force, and the faults of the newest one where it was refused. */
export class CatalogInUse {
  current: Catalog;
  /** One line a fault of the files as they are now; empty when they are what is in force. */
  faults: readonly string[] = [];
  readonly #counts = new Map<string, Counts>();

  constructor(catalog: Catalog) {
    this.current = catalog;
  }

  count(rule: string, what: keyof Counts): void {
    const counts = this.#counts.get(rule) ?? { matched: 0, acted: 0, held: 0 };
    counts[what] += 1;
    this.#counts.set(rule, counts);
  }

  counts(rule: string): Readonly<Counts> {
    return this.#counts.get(rule) ?? { matched: 0, acted: 0, held: 0 };
  }
}
