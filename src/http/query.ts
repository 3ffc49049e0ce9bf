import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { shown } from "../core/shown.ts";
import type { Refusal } from "./answer.ts";

export type Asked<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** A request's query, strict: an unknown or repeated parameter is more likely a slip than a wish. */
export function readQuery<T extends z.ZodObject>(request: IncomingMessage, schema: T): Asked<z.infer<T>> {
  const given = new URLSearchParams((request.url ?? "").split("?").slice(1).join("?"));
  const names = [...given.keys()];
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined)
    return badQuery(`${shown(repeated)}: expected it once, received it several times`);
  return checked(schema, Object.fromEntries(given), "BadQuery");
}

/** A JSON value against a schema; the refusal names each field, what was expected and what was found. */
export function checked<T extends z.ZodObject>(schema: T, value: unknown, code: string): Asked<z.infer<T>> {
  const read = schema.safeParse(value);
  if (read.success) return { kind: "value", value: read.data };
  const faults = read.error.issues.slice(0, 20).map((issue) => {
    const [field] = issue.path;
    if (issue.code === "unrecognized_keys") {
      const known = Object.keys(schema.shape);
      return `${shown(issue.keys[0])}: expected ${known.length === 0 ? "no parameter" : `one of ${known.join(", ")}`}`;
    }
    const found =
      field === undefined ? value : Object.entries(value ?? {}).find(([name]) => name === field)?.[1];
    return `${field === undefined ? "body" : String(field)}: ${issue.message}, received ${shown(found)}`;
  });
  return { kind: "refused", refusal: { status: 400, code, message: faults.join("; "), faults } };
}

const badQuery = (message: string): { kind: "refused"; refusal: Refusal } => ({
  kind: "refused",
  refusal: { status: 400, code: "BadQuery", message },
});
