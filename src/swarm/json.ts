/** What ECMAScript 2026 has and TypeScript's libraries do not describe yet. */
declare global {
  interface JSON {
    rawJSON(text: string): object;
    parse(
      text: string,
      reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/**
 * Parses JSON so that `JSON.stringify` gives the same text again. The engine's specs hold 64-bit integers (ulimits,
 * durations in nanoseconds, `MaxAttempts`), of which a double keeps 53 bits: written back rounded, the engine refuses
 * them or, worse, takes them. A number that a double cannot keep stays as its text, in an opaque object.
 */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? JSON.rawJSON(source)
      : value,
  );
}

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
