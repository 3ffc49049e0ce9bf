import type { RuleFault } from "../core/faults.ts";

/** `rules/a.yml:3:7: message (expected …, found …)`: one line, as compilers print it and editors read it. */
export function formatFault(fault: RuleFault): string {
  const { file, line, column, message, expected, found } = fault;
  const details = [
    ...(expected === null ? [] : [`expected ${expected}`]),
    ...(found === null ? [] : [`found ${found}`]),
  ].join(", ");
  return `${file}:${line}:${column}: ${message}${details === "" ? "" : ` (${details})`}`;
}
