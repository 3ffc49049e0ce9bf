import { z } from "zod";
import { urlOf } from "../settings/listen.ts";
import type { Settings } from "../settings/settings.ts";
import type { CommandDeps, ExitCode } from "./deps.ts";
import { json, painter } from "./terminal.ts";

export type Answer =
  | { readonly kind: "answered"; readonly value: unknown }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** Milliseconds until the server must have answered. */
const patience = 15_000;

const ErrorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Asks the running server. Everything that goes wrong is an answer that says what to do. */
export async function ask(
  deps: CommandDeps,
  settings: Settings,
  path: string,
  body?: object,
): Promise<Answer> {
  const base = settings.url ?? urlOf(settings.listen);
  const token = settings.adminToken?.reveal();
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  try {
    const response = await deps.fetch(`${base}${path}`, {
      headers,
      // A redirect would carry the token to somebody else.
      redirect: "error",
      signal: AbortSignal.timeout(patience),
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
    const value: unknown = await response.json();
    if (response.ok) return { kind: "answered", value };
    const read = ErrorBody.safeParse(value);
    const error = read.success
      ? read.data.error
      : { code: "NotHomeostat", message: `${base} answered ${response.status}` };
    return {
      kind: "refused",
      code: error.code,
      message: `${error.message}${advice(response.status)}`,
    };
  } catch (error) {
    return {
      kind: "refused",
      code: "Unreachable",
      message: `No usable answer from ${base}: ${why(error)}. Is "homeostat serve" running there? --url or HOMEOSTAT_URL says where`,
    };
  }
}

const advice = (status: number): string =>
  status === 401 ? "; set HOMEOSTAT_ADMIN_TOKEN or HOMEOSTAT_ADMIN_TOKEN_FILE" : "";

function why(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return `none within ${patience / 1000} s`;
  const { cause } = error;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : error.message;
}

/** Prints a refusal: a no that is explained. */
export function explainNo(
  deps: CommandDeps,
  asJson: boolean,
  no: { readonly code: string; readonly message: string },
): ExitCode {
  if (asJson) deps.out.write(json({ error: { code: no.code, message: no.message } }));
  else deps.err.write(`${painter(deps.err, deps.env)("bad", no.code)}: ${no.message}\n`);
  return 1;
}

/** The part of an answer that is shown; an answer of another shape comes from something else. */
export const understood = <T extends z.ZodType>(
  schema: T,
  answer: Answer,
): { kind: "value"; value: z.infer<T> } | Extract<Answer, { kind: "refused" }> => {
  if (answer.kind === "refused") return answer;
  const read = schema.safeParse(answer.value);
  if (read.success) return { kind: "value", value: read.data };
  return {
    kind: "refused",
    code: "NotUnderstood",
    message: "What answered is no Homeostat, or one of another version",
  };
};
