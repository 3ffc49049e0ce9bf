const heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** A row of small columns; `top` is as high as it gets. */
export const spark = (values: readonly number[], top: number): string =>
  values
    .map((value) => {
      const height = Math.floor((Math.max(0, value) / top) * heights.length);
      return heights[Math.min(height, heights.length - 1)];
    })
    .join("");

/** A bar of `width` characters, filled as far as `value` is of `top`. */
export function bar(value: number, top: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, value / top)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/** One square a replica: `■` runs, `□` is wanted and does not run yet, `·` could be added. */
export function squares(running: number, wanted: number, most: number): string {
  const starting = Math.max(0, wanted - running);
  return (
    "■".repeat(running) + "□".repeat(starting) + "·".repeat(Math.max(0, most - Math.max(wanted, running)))
  );
}
