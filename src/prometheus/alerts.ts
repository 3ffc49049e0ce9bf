import { z } from "zod";
import type { Alert } from "../core/alert.ts";
import type { AlertSource } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";

/** Milliseconds. */
const defaultDeadline = 10_000;
/** Bytes. The filters leave one alert, or a few that differ in labels too long to ask for. */
const largestAnswer = 4 * 1024 * 1024;
/** Characters of matchers in one URL; an alert's labels may hold far more, and servers limit the length of a URL. */
const longestFilter = 4000;

const Listed = z.array(
  z.looseObject({
    fingerprint: z.string(),
    status: z.looseObject({ state: z.enum(["active", "suppressed", "unprocessed"]) }),
  }),
);

/**
 * What Alertmanager's API v2 knows of an alert. `url` may carry a path (`--web.route-prefix`); `deadline` is in
 * milliseconds and covers one whole question. Every failure is a Fault.
 *
 * `absent` is what this Alertmanager says now: one that has just started knows no alert until Prometheus sends it
 * again (within a minute by default).
 */
export function connectAlertmanager(options: {
  url: string;
  deadline?: number;
  bearer?: string;
}): AlertSource {
  const { deadline = defaultDeadline } = options;
  const base = new URL(options.url);
  const server = `Alertmanager at ${base.host}`;
  const headers = options.bearer === undefined ? {} : { authorization: `Bearer ${options.bearer}` };

  return {
    async state(alert, signal) {
      const question = new URL(`${base.pathname.replace(/\/$/, "")}/api/v2/alerts`, base);
      for (const filter of filters(alert.labels)) question.searchParams.append("filter", filter);
      const limit = AbortSignal.any([signal, AbortSignal.timeout(deadline)]);
      try {
        const response = await fetch(question, { headers, redirect: "manual", signal: limit });
        const text = await readUpTo(largestAnswer, response, server);
        if (response.status !== 200) throw refused(response.status, text, server);
        return stateOf(alert.fingerprint, text, server);
      } catch (error) {
        if (error instanceof Fault) throw error;
        if (signal.aborted)
          throw new Fault("unavailable", `${server} was not waited for`, { cause: signal.reason });
        if (limit.aborted) throw new Fault("unavailable", `${server} did not answer within ${deadline} ms`);
        throw new Fault("unavailable", `${server} does not answer`, { cause: error });
      }
    },
  };
}

/**
 * One matcher a label, as many as a URL carries; the fingerprint decides in the end. Quoted so that both of
 * Alertmanager's grammars read the same: only `\`, `"` and line breaks mean something between quotes to either.
 */
function filters(labels: Alert["labels"]): string[] {
  const quote = (text: string) =>
    `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
  // Short ones first: the most matchers in the least room.
  const pairs = Object.entries(labels)
    .filter(([, value]) => value !== "")
    .toSorted(([, a], [, b]) => a.length - b.length);
  const chosen: string[] = [];
  let room = longestFilter;
  for (const [name, value] of pairs) {
    // Only the newer grammar has names that need quotes, and only its servers have such labels.
    const filter = `${/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : quote(name)}=${quote(value)}`;
    room -= encodeURIComponent(filter.toWellFormed()).length;
    if (room < 0) break;
    chosen.push(filter);
  }
  return chosen;
}

function stateOf(fingerprint: string, text: string, server: string): "firing" | "suppressed" | "absent" {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Fault("refused", `${server} answers, but not with JSON; is the URL right?`);
  }
  const listed = Listed.safeParse(json);
  if (!listed.success)
    throw new Fault("refused", `${server} answers, but not as Alertmanager's API v2 does; is the URL right?`);
  const found = listed.data.find((alert) => alert.fingerprint === fingerprint);
  if (found === undefined) return "absent";
  // `unprocessed`: it fires, and no route has looked at it yet.
  return found.status.state === "suppressed" ? "suppressed" : "firing";
}

function refused(status: number, text: string, server: string): Fault {
  const said = `HTTP ${status}${text === "" ? "" : `: ${text.slice(0, 200)}`}`;
  if (status === 429) return new Fault("rate-limited", `${server} is asked too much: ${said}`);
  if (status >= 500) return new Fault("unavailable", `${server} fails: ${said}`);
  return new Fault("refused", `${server} refuses the question: ${said}`);
}

async function readUpTo(bytes: number, response: Response, server: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let read = 0;
  for await (const part of response.body ?? []) {
    read += part.byteLength;
    // Leaving the loop cancels the rest of the body.
    if (read > bytes) throw new Fault("refused", `${server} answers with more than ${bytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
