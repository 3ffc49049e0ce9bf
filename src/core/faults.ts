/** One thing that is wrong with the catalog, and where. */
export type RuleFault = {
  readonly file: string;
  /** From 1; a tab counts as one column. */
  readonly line: number;
  readonly column: number;
  /** The place within the file's value, such as `rules[0].do[1].by`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** What would be right; null where the message says it all. */
  readonly expected: string | null;
  /** What stands there, shortened; null where there is nothing to show. */
  readonly found: string | null;
};
