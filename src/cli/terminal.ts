import { styleText } from "node:util";
import type { Environment } from "../settings/load.ts";
import type { Output } from "./deps.ts";

export type Tone = "good" | "bad" | "warn" | "dim" | "strong";

const styles = { good: "green", bad: "red", warn: "yellow", dim: "gray", strong: "bold" } as const;

export type Paint = (tone: Tone, text: string) => string;

/** Colours on a terminal only, and never against NO_COLOR (any value but nothing). */
export function painter(output: Output, env: Environment): Paint {
  if (!output.isTTY || (env["NO_COLOR"] ?? "") !== "") return (_tone, text) => text;
  return (tone, text) => styleText(styles[tone], text, { validateStream: false });
}

// Control characters, line separators, and what is invisible: it can turn the direction of writing.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** A text that others made up, on one line and unable to command the terminal. */
export const plain = (text: string): string => text.replace(unsafe, " ").trim();

/** Columns aligned by their plain texts; `tones` paints whole columns after the widths are known. */
export function table(
  rows: readonly (readonly string[])[],
  paint: Paint,
  tones: readonly (Tone | null)[] = [],
): string {
  const cells = rows.map((row) => row.map(plain));
  const widths: number[] = [];
  for (const row of cells)
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const padded = column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0);
        const tone = tones[column] ?? null;
        return tone === null ? padded : paint(tone, padded);
      })
      .join("  ")
      .trimEnd();
  return cells.map((row) => `${line(row)}\n`).join("");
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** The two greatest units, which is what a person wants to know: `3h 12m`. */
export function roughly(ms: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, ms);
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.length === 0 ? "0s" : parts.slice(0, 2).join(" ");
}

export const relative = (at: number, now: number): string =>
  at > now ? `in ${roughly(at - now)}` : `${roughly(now - at)} ago`;

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
