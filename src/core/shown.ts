const longest = 80;

/** How a fault names what it found: short, on one line, and never more of a sender's text than helps. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "string")
    return JSON.stringify(value.length > longest ? `${value.slice(0, longest)}…` : value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "something else";
}
