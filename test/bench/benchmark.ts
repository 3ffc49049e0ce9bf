/** What one comparison came to. Both sides are measured within one run, so that the machine's mood cancels out. */
export type Result = {
  readonly what: string;
  /** Both sides, with units. */
  readonly ours: string;
  readonly against: string;
  /** Their comparison in `unit`; null where both are only told. */
  readonly value: number | null;
  readonly unit: string;
  /** Null: told and not judged. */
  readonly target: { readonly kind: "at-least" | "at-most"; readonly value: number } | null;
};

export type Benchmark = {
  readonly name: string;
  /** How it is measured, for docs/benchmarks.md. */
  readonly method: string;
  /** Why it cannot run here; null when it can. */
  readonly missing: () => string | null;
  /** @param quick a fraction of the time, to see that it works: the numbers are rough then. */
  readonly run: (quick: boolean) => Promise<readonly Result[]>;
};

/** Null where there is nothing to meet. */
export function isMet({ value, target }: Result): boolean | null {
  if (target === null || value === null) return null;
  return target.kind === "at-least" ? value >= target.value : value <= target.value;
}
