import fc from "fast-check";
import { expect, it } from "vitest";
import { Duration, formatAge, formatDuration, parseDuration } from "../../src/core/duration.ts";

const rows: [text: string, ms: number | null][] = [
  ["0", 0],
  ["0s", 0],
  ["500ms", 500],
  ["30s", 30_000],
  ["1m30s", 90_000],
  ["1h", 3_600_000],
  ["1d", 86_400_000],
  ["1w", 604_800_000],
  ["1y", 31_536_000_000],
  ["1y2w3d4h5m6s7ms", 31_536_000_000 + 2 * 604_800_000 + 3 * 86_400_000 + 4 * 3_600_000 + 306_007],
  ["", null],
  ["5", null],
  ["1.5h", null],
  ["-5m", null],
  ["5m1h", null],
  ["5m5m", null],
  [" 5m", null],
  ["5M", null],
  ["999999999y", null],
];
it.each(rows)("%j is %s", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
  expect(Duration.safeParse(text).success).toBe(ms !== null);
});

it("reads back what it writes", () => {
  fc.assert(
    fc.property(fc.nat(9_223_372_036_854), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});

const ages: [ms: number, text: string][] = [
  [0, "0s"],
  [8, "8ms"],
  [1212, "1.2s"],
  [3000, "3s"],
  [59_960, "60s"],
  [250_400, "4m10s"],
];
it.each(ages)("%s ms reads as %s", (ms, text) => expect(formatAge(ms)).toBe(text));
