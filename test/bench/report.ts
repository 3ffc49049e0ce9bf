import { availableParallelism, cpus } from "node:os";
import { isMet, type Benchmark, type Result } from "./benchmark.ts";

export type Measured = {
  readonly benchmark: Benchmark;
  readonly results: readonly Result[];
  readonly missing: string | null;
};

const columns = ["what", "ours", "against", "comes to", "target", ""] as const;

function cells(result: Result): readonly string[] {
  const { what, ours, against, value, unit, target } = result;
  const met = isMet(result);
  const number = value === null ? "" : `${value.toFixed(2)} ${unit}`;
  const wanted = target === null ? "" : `${target.kind === "at-least" ? "≥" : "≤"} ${target.value}`;
  return [what, ours, against, number, wanted, met === null ? "" : met ? "met" : "missed"];
}

/** A Markdown table that reads well in a terminal too. */
export function table(results: readonly Result[]): string {
  const rows = [columns, ...results.map(cells)];
  const widths = columns.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  const [head = columns, ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

const begin = "<!-- results: written by npm run bench -- --write -->";
const end = "<!-- end of results -->";

/** The page with its results replaced; sections of benchmarks that were not run stay. */
export function page(old: string, measured: readonly Measured[]): string {
  const [before = "", rest = ""] = old.split(begin);
  const [results = "", after = ""] = rest.split(end);
  const sections = new Map(
    results
      .split(/^(?=### )/m)
      .filter((section) => section.startsWith("### "))
      .map((section) => [section.slice(4, section.indexOf("\n")).trim(), section.trim()]),
  );
  const machine = `${availableParallelism()} processors (${cpus()[0]?.model.trim() ?? "unknown"}), Node ${process.versions.node}`;
  for (const { benchmark, results: found } of measured) {
    if (found.length === 0) continue;
    const day = new Date().toISOString().slice(0, 10);
    sections.set(
      benchmark.name,
      `### ${benchmark.name}\n${benchmark.method}\n\n${table(found)}\n\nMeasured on ${day}, ${machine}.`,
    );
  }
  return `${before}${begin}\n\n${[...sections.values()].join("\n\n")}\n\n${end}${after}`;
}
