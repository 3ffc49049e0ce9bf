import { z } from "zod";
import type { EntryKind } from "../core/journal.ts";
import type { Settings } from "../settings/settings.ts";
import { ask, explainNo, understood } from "./client.ts";
import type { CommandDeps, ExitCode } from "./deps.ts";
import { json, painter, relative, table } from "./terminal.ts";

const EntryShown = z.looseObject({
  seq: z.number(),
  at: z.number(),
  kind: z.string(),
  episode: z.string().optional(),
  target: z.string().optional(),
  data: z.unknown(),
});
const HistoryShown = z.looseObject({ items: z.array(EntryShown), next: z.number().nullable() });

export type HistoryOptions = {
  readonly limit?: string;
  readonly before?: string;
  readonly kind?: string;
  readonly episode?: string;
  readonly target?: string;
  readonly json?: boolean;
};

/** The journal's newest entries, the newest last, as on a terminal one reads upwards from the prompt. */
export async function history(
  deps: CommandDeps,
  settings: Settings,
  options: HistoryOptions,
): Promise<ExitCode> {
  const { json: asJson = false, ...filters } = options;
  const query = new URLSearchParams(Object.entries(filters)).toString();
  const shown = understood(
    HistoryShown,
    await ask(deps, settings, `/api/v1/history${query === "" ? "" : `?${query}`}`),
  );
  if (shown.kind === "refused") return explainNo(deps, asJson, shown);
  const { items, next } = shown.value;
  if (asJson) {
    deps.out.write(json(shown.value));
    return 0;
  }
  const paint = painter(deps.out, deps.env);
  if (next !== null) deps.out.write(`${paint("dim", `older entries: --before ${next}`)}\n`);
  if (items.length === 0) deps.out.write("The journal holds nothing of that kind.\n");
  const now = deps.now();
  const rows = items
    .toReversed()
    .map((entry) => [
      relative(entry.at, now),
      entry.kind,
      entry.target ?? "",
      summary(entry.kind, entry.data),
    ]);
  deps.out.write(table(rows, paint, ["dim", "strong"]));
  return 0;
}

/** A value inside an entry's data, as text; empty where there is none. */
function at(data: unknown, ...path: string[]): string {
  let value = data;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return "";
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

const joined = (separator: string, ...parts: string[]): string =>
  parts.filter((part) => part !== "").join(separator);

const isKnown = (kind: string): kind is EntryKind => Object.hasOwn(summaries, kind);
const summary = (kind: string, data: unknown): string => (isKnown(kind) ? summaries[kind](data) : "");

/** What each kind of entry says in one line; the shapes are in core/journal.ts. */
const summaries: Readonly<Record<EntryKind, (data: unknown) => string>> = {
  notification: (data) => joined(" ", "received for", at(data, "receiver"), at(data, "groupKey")),
  episode: (data) =>
    joined(" ", at(data, "event"), at(data, "alert", "labels", "alertname"), at(data, "why")),
  decision: (data) =>
    joined(
      ": ",
      at(data, "rule"),
      joined(" ", at(data, "decision", "kind"), at(data, "decision", "reason", "code")),
      at(data, "decision", "reason", "message"),
    ),
  intent: (data) =>
    joined(" ", at(data, "intent", "rule"), "will", at(data, "intent", "action"), change(data)),
  outcome: (data) => joined(": ", at(data, "result", "kind"), at(data, "result", "message")),
  verification: (data) =>
    joined(
      ": ",
      at(data, "judgement", "kind"),
      joined(" ", at(data, "judgement", "progress"), at(data, "judgement", "reason", "message")),
    ),
  noticed: (data) => joined(": ", at(data, "code"), at(data, "message")),
  escalation: (data) => joined(" ", at(data, "event"), at(data, "title"), at(data, "reason", "message")),
  message: (data) => joined(" ", at(data, "event"), at(data, "channel"), at(data, "error")),
  pause: (data) =>
    joined(" ", at(data, "event"), at(data, "scope"), "by", at(data, "by"), at(data, "reason")),
  catalog: (data) =>
    joined(
      " ",
      at(data, "event"),
      at(data, "version"),
      at(data, "rules") === "" ? "" : `with ${at(data, "rules")} rules`,
    ),
  process: (data) => joined(" ", at(data, "event"), at(data, "version")),
};

function change(data: unknown): string {
  const [before, after] = [at(data, "intent", "effect", "before"), at(data, "intent", "effect", "after")];
  return before === "" || before === after ? "" : `from ${before} to ${after} replicas`;
}
