import { z } from "zod";

/** Prometheus's units, greatest first; milliseconds. */
const units = [
  ["y", 365 * 24 * 3_600_000],
  ["w", 7 * 24 * 3_600_000],
  ["d", 24 * 3_600_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const shape = new RegExp(`^(?=.)${units.map(([unit]) => `(?:(\\d{1,9})${unit})?`).join("")}$`);

const expected = "expected a duration such as 30s, 5m or 1h30m";

/** Prometheus counts nanoseconds in 64 bits, about 292 years; beyond that dates could not be written down either. */
const longest = 9_223_372_036_854;

/** Milliseconds of a duration in Prometheus's notation (`1h30m`, `500ms`, `0`); null when it is none. */
export function parseDuration(text: string): number | null {
  if (text === "0") return 0;
  const parts = shape.exec(text);
  if (parts === null) return null;
  const ms = units.reduce((sum, [, size], index) => sum + Number(parts[index + 1] ?? 0) * size, 0);
  return ms <= longest ? ms : null;
}

/** The shortest exact notation: 90,000 is `1m30s`. */
export function formatDuration(ms: number): string {
  let rest = Math.abs(Math.round(ms));
  if (rest === 0) return "0s";
  // Clocks are set back now and then; the sign is for reading and not part of the notation.
  let text = ms < 0 ? "-" : "";
  for (const [unit, size] of units) {
    if (rest < size) continue;
    text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text;
}

/** A duration that was measured, as people want to read it: `8ms`, `1.2s`, `4m10s`. */
export function formatAge(ms: number): string {
  if (Math.abs(ms) < 1000) return formatDuration(ms);
  return Math.abs(ms) < 60_000
    ? `${Number((ms / 1000).toFixed(1))}s`
    : formatDuration(Math.round(ms / 1000) * 1000);
}

/** A duration as people write it; milliseconds once parsed. */
export const Duration = z.string(expected).transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  context.addIssue(expected);
  return z.NEVER;
});
