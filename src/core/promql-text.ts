import type { TextFault } from "./expression.ts";
import type { CompiledTemplate } from "./template.ts";

/**
 * Escapes a value for within a PromQL string. The hexadecimal form is read alike in both kinds of quotes, so that
 * no value ends the string it stands in.
 */
export const escapePromql = (value: string): string =>
  value
    .replaceAll("\\", String.raw`\\`)
    .replaceAll('"', String.raw`\x22`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("'", String.raw`\x27`)
    .replaceAll("`", String.raw`\x60`);

/** A value must stand within quotes, where it can only be text; a number may stand outside as well. */
export function promqlFaults(template: CompiledTemplate): TextFault[] {
  const faults: TextFault[] = [];
  let open: string | null = null;
  let index = 0;
  for (const part of template.parts) {
    if (part.kind === "literal") {
      open = quoteAfter(part.text, open);
      continue;
    }
    const type = template.types[index++];
    if (open === '"' || open === "'" || ((type === "int" || type === "double") && open === null)) continue;
    const message = `\${${part.source}} stands outside of quotes`;
    faults.push({ message, offset: part.offset, expected: `"\${…}"` });
  }
  return faults;
}

/** The quote that is open behind a piece of PromQL; `#` for a comment, null for none. */
function quoteAfter(text: string, before: string | null): string | null {
  let open = before;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (open === "#") open = char === "\n" ? null : open;
    else if (open === null) open = ['"', "'", "`", "#"].includes(char) ? char : null;
    else if (char === "\\" && open !== "`") at++;
    else if (char === open) open = null;
  }
  return open;
}
