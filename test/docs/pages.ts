import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export type Page = { readonly file: string; readonly text: string };

/** A file of the project, by its path from the root. */
export const page = (file: string): Page => ({ file, text: readFileSync(join(root, file), "utf8") });

/** What users read, from the root's pages to those of docs/. */
export const pages: readonly Page[] = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
].map(page);

/** A fenced block: what stands behind the three backticks, what stands between them, and where. */
export type Fence = { readonly info: string; readonly text: string; readonly where: string };

export function fences({ file, text }: Page): Fence[] {
  const found = [...text.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)];
  return found.map(({ 1: info = "", 2: inside = "", index }) => ({
    info,
    text: inside,
    where: `${file}:${text.slice(0, index).split("\n").length}`,
  }));
}

/** The part below a heading, up to the next one that is not deeper. */
export function section({ file, text }: Page, heading: string): string {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (start === -1) throw new Error(`${file} has no heading ${heading}`);
  const depth = lines[start]?.indexOf(" ") ?? 0;
  const length = lines.slice(start + 1).findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= depth);
  return lines.slice(start, length === -1 ? undefined : start + 1 + length).join("\n");
}

/** The rows of the tables in a text whose first column has this title, as cells by column. */
export function rows(text: string, first: string): Record<string, string>[] {
  const found: Record<string, string>[] = [];
  let columns: string[] | null = null;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) {
      columns = null;
      continue;
    }
    // `\|` is a bar within a cell.
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll(String.raw`\|`, "|"));
    if (columns === null) columns = cells;
    else if (columns[0] === first && !/^-+$/.test(cells[0] ?? ""))
      found.push(Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""])));
  }
  return found;
}

/** What stands between the backticks of a cell; empty where it is no code alone. */
export const code = (cell = ""): string => /^`([^`]+)`$/.exec(cell)?.[1] ?? "";

export const codes = (text: string): string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, inside = ""]) => inside);
