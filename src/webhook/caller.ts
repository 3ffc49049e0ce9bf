import { readFile } from "node:fs/promises";
import type { Caller } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";

/** Milliseconds. */
const defaultDeadline = 10_000;

/**
 * Calls URLs of rules. `allow` lists hosts as they stand in a URL, with the port where it is not the scheme's own
 * (`runner.internal`, `10.0.0.5:8080`); `deadline` is in milliseconds and covers one whole call.
 *
 * Redirects are not followed: they would lead past the list, and would send headers to a host nobody chose.
 * A Fault that is `unavailable` does not tell whether the other side acted.
 */
export function connectCaller(options: { allow: readonly string[]; deadline?: number }): Caller {
  const { allow, deadline = defaultDeadline } = options;
  const allowed = new Set(allow.map((host) => host.toLowerCase()));

  return {
    async call(request, signal) {
      const url = URL.parse(request.url);
      if (url === null)
        throw new Fault("refused", "The rule's URL is not one; expected http://… or https://…");
      checkTarget(url, allowed);
      const headers = headersOf(request.headers, await bearer(request.bearerFile));
      const limit = AbortSignal.any([signal, AbortSignal.timeout(deadline)]);
      try {
        const response = await fetch(url, {
          method: request.method,
          headers,
          redirect: "manual",
          signal: limit,
          // fetch refuses a body with GET.
          ...(request.method === "GET" ? {} : { body: request.body }),
        });
        // The answer's body is nobody's concern, and could be endless.
        await response.body?.cancel();
        return { status: response.status };
      } catch (error) {
        if (error instanceof Fault) throw error;
        if (signal.aborted)
          throw new Fault("unavailable", `${url.host} was not waited for`, {
            cause: signal.reason,
          });
        if (limit.aborted) throw new Fault("unavailable", `${url.host} did not answer within ${deadline} ms`);
        throw new Fault("unavailable", `${url.host} does not answer`, { cause: error });
      }
    },
  };
}

function checkTarget(url: URL, allowed: ReadonlySet<string>): void {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Fault("refused", `A webhook goes by http or https, not by ${url.protocol.slice(0, -1)}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Fault("refused", "A webhook's URL holds no credentials: give it a header or bearerFile");
  }
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (allowed.has(url.host) || allowed.has(`${url.hostname}:${port}`)) return;
  throw new Fault(
    "refused",
    `Webhooks to ${url.host} are not allowed; HOMEOSTAT_CALL_WEBHOOK_ALLOW lists the hosts that are`,
  );
}

async function bearer(file: string | null): Promise<string | null> {
  if (file === null) return null;
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Fault("refused", `The rule's bearerFile ${file} cannot be read`, { cause: error });
  });
  if (text.trim() === "") throw new Fault("refused", `The rule's bearerFile ${file} is empty`);
  return text.trim();
}

function headersOf(given: Readonly<Record<string, string>>, token: string | null): Headers {
  try {
    const headers = new Headers(Object.entries(given));
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    return headers;
  } catch {
    // Without the cause: it quotes the value, which may be a token.
    throw new Fault("refused", "A header of the webhook has a name or value that HTTP does not allow");
  }
}
