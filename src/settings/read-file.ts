/** Reads a whole file as UTF-8; throws what `fs` throws. */
export type ReadFile = (path: string) => string;

/** The system's name for why, such as ENOENT: an error's message could hold more than the path. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "not readable";
