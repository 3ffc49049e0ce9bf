/** Why something was decided: a CamelCase code for machines and metrics, a sentence for people. */
export type Reason = { readonly code: string; readonly message: string };

export const reason = (code: string, message: string): Reason => ({ code, message });

/** A bug's reason: nobody foresaw it, and people shall hear of it. */
export const internalError = (cause: unknown): Reason =>
  reason(
    "InternalError",
    `Homeostat itself failed: ${cause instanceof Error ? cause.message : String(cause)}`,
  );

/**
 * An expected I/O fault, translated by an adapter so that the core never sees a library's error.
 * `unavailable` may pass by itself; `refused` will not.
 */
export class Fault extends Error {
  readonly code: "unavailable" | "refused" | "rate-limited";
  /** How long the other side asked us to wait, in milliseconds; null when it did not say. */
  readonly retryAfter: number | null;

  constructor(code: Fault["code"], message: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.retryAfter = options.retryAfter ?? null;
  }
}
