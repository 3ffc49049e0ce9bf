import { ExpressionError, type Compiled } from "./expression.ts";
import { compileTemplate, type CompiledTemplate } from "./template.ts";

/** Scheme and host, and what must follow before a value may stand. */
const start = /^https?:\/\/[^\s/?#@\\]+(?<end>[/?#])?/i;

/**
 * Compiles the URL of a webhook. Its host is written out, and values are escaped as one part of a path or query, so
 * that an alert chooses neither where a call goes nor which of several paths it takes.
 */
export function compileUrl(text: string): Compiled<CompiledTemplate> {
  const compiled = compileTemplate(text, (value) => encodeURIComponent(value.toWellFormed()));
  if (!compiled.ok) return compiled;
  const [first] = compiled.value.parts;
  const literal = first?.kind === "literal" ? first.text : "";
  const host = start.exec(literal);
  if (host === null || !URL.canParse(host[0])) {
    const message = "the URL does not begin with a scheme and a host that are written out";
    return refused(message, "http:// or https://, a host without user and password, and a path");
  }
  if (host.groups?.["end"] === undefined && compiled.value.parts.length > 1)
    return refused("an expression may choose the path and not the host", `${host[0]}/\${…}`);
  const template = compiled.value;
  return {
    ok: true,
    value: { ...template, render: (scope) => plain(text, template.render(scope)) },
  };
}

/** A value of dots alone would lead the path upwards. */
function plain(source: string, url: string): string {
  const [path = ""] = url.split(/[?#]/);
  if (path.split("/").some((part) => /^(?:\.|%2e){1,2}$/i.test(part)))
    throw new ExpressionError(source, "a part of the path would be made of dots alone");
  return url;
}

const refused = (
  message: string,
  expected: string,
): { ok: false; faults: [{ message: string; offset: number; expected: string }] } => ({
  ok: false,
  faults: [{ message, offset: 0, expected }],
});
