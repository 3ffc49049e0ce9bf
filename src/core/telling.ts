import { label, type Labels } from "./alert.ts";
import { nameOf, type Escalation, type Sample } from "./escalation.ts";
import type { Message } from "./message.ts";

type Link = Message["links"][number];
type Field = Message["fields"][number];

/** Labels that say how monitoring is built and not what is wrong. */
const noise = new Set([
  "alertname",
  "monitor",
  "prometheus",
  "prometheus_replica",
  "replica",
  "endpoint",
  "__name__",
]);
const longestSilenceUrl = 2000;
const mostListed = 20;

/** What a person reads of one escalation: what fired, since when, where to look, and why nothing was done. */
export function escalationMessage(
  escalation: Escalation,
  { now, dryRun }: { now: number; dryRun: boolean },
): Message {
  const { samples, total, status, title } = escalation;
  const several = total > 1 ? ` (${total} alerts)` : "";
  const resolved = status === "resolved";
  const shared = commonLabels(samples.map((sample) => sample.labels));
  const { mention } = escalation;
  return {
    title: `${resolved ? "Resolved: " : ""}${title}${several}`,
    mood: resolved ? "resolved" : "problem",
    // An edit rings nobody, and what is over needs nobody.
    ...(resolved || mention === null ? {} : { mention }),
    paragraphs: [
      ...whatItSays(samples[0]),
      escalation.reason.message,
      ...differing(escalation, shared),
    ].filter((text) => text !== ""),
    fields: [
      ...timing(escalation, now),
      ...labelFields(samples.length === 0 ? (escalation.group?.labels ?? {}) : shared),
    ],
    links: linksOf(escalation, shared),
    trail: escalation.trail,
    footer: footer([escalation.id, escalation.reason.code], dryRun),
  };
}

/** What is said in the thread once it is over: an edit of its first message rings nobody. */
export const resolvedReply = (escalation: Escalation): string =>
  `Resolved after ${lasted((escalation.resolvedAt ?? escalation.openedAt) - startOf(escalation))}`;

/** A storm as one message: how many of what, the biggest twenty, since when. */
export function digestMessage(
  digest: { readonly id: string; readonly openedAt: number; readonly mention: string | null },
  escalations: readonly Escalation[],
  { now, dryRun }: { now: number; dryRun: boolean },
): Message {
  const open = escalations.filter(({ status }) => status === "open");
  const resolved = open.length === 0;
  const last = Math.max(digest.openedAt, ...escalations.map(({ resolvedAt }) => resolvedAt ?? 0));
  const rows = counted(escalations);
  const more = rows.length - mostListed;
  const links = [...new Set(escalations.map(({ group }) => group?.externalURL ?? ""))].filter(
    (url) => url !== "",
  );
  const count = `${escalations.length} ${escalations.length === 1 ? "escalation" : "escalations"}`;
  return {
    title: `${resolved ? "Resolved: " : ""}${count} at once`,
    mood: resolved ? "resolved" : "problem",
    ...(resolved || digest.mention === null ? {} : { mention: digest.mention }),
    paragraphs: [
      "So many came within a short time that they share this message, which is edited as it grows.",
      [
        ...rows
          .slice(0, mostListed)
          .map((row) => `${row.count} × ${row.text}${row.open === 0 ? ", resolved" : ""}`),
        ...(more > 0 ? [`and ${more} more`] : []),
      ].join("\n"),
    ],
    fields: [
      { name: "Since", value: since(digest.openedAt, resolved ? last : now, resolved) },
      { name: "Open", value: `${open.length} of ${escalations.length}` },
    ],
    links: links.slice(0, 3).map((url) => ({ text: "Alertmanager", url })),
    trail: [],
    footer: footer([digest.id], dryRun),
  };
}

/** The escalations by what they are called and why they were opened, most alerts first. */
function counted(escalations: readonly Escalation[]): { text: string; count: number; open: number }[] {
  const rows = new Map<string, { text: string; count: number; open: number; since: number }>();
  for (const escalation of escalations) {
    const alertname = label(escalation.samples[0]?.labels ?? escalation.group?.labels ?? {}, "alertname");
    const key = JSON.stringify([alertname, escalation.reason.code]);
    const row = rows.get(key) ?? {
      text: `${alertname || escalation.title} (${escalation.reason.code}), since ${time(escalation.openedAt)}`,
      count: 0,
      open: 0,
      since: escalation.openedAt,
    };
    row.count += Math.max(1, escalation.total);
    row.open += escalation.status === "open" ? 1 : 0;
    rows.set(key, row);
  }
  return [...rows.values()].toSorted((a, b) => b.count - a.count || a.since - b.since);
}

function whatItSays(sample: Sample | undefined): string[] {
  if (sample === undefined) return [];
  const says = (name: string): string => label(sample.annotations, name);
  return [says("summary"), says("description") || says("message")];
}

/** When the first of its alerts began, which is before a person was asked. */
function startOf({ samples, openedAt }: Escalation): number {
  const starts = samples.map(({ startsAt }) => Date.parse(startsAt));
  return Math.min(openedAt, ...starts.filter((at) => !Number.isNaN(at)));
}

function timing(escalation: Escalation, now: number): Field[] {
  const { resolvedAt, total, firing, rule } = escalation;
  const start = startOf(escalation);
  return [
    { name: "Since", value: since(start, resolvedAt ?? now, resolvedAt !== null) },
    ...(resolvedAt === null
      ? []
      : [{ name: "Resolved", value: `after ${lasted(resolvedAt - start)}, at ${utc(resolvedAt)}` }]),
    ...(total > 1 ? [{ name: "Firing", value: `${firing} of ${total} alerts` }] : []),
    ...(rule === null ? [] : [{ name: "Rule", value: rule }]),
  ];
}

/** `2026-01-15 12:00:00 UTC, for 4m 10s (at 12:04:10)`: a message stands still, so its duration says of when it is. */
function since(start: number, end: number, ended: boolean): string {
  const at = ended ? "" : ` (at ${time(end)})`;
  return `${utc(start)}, for ${lasted(end - start)}${at}`;
}

const labelFields = (labels: Labels): Field[] =>
  Object.entries(labels)
    .filter(([name]) => !noise.has(name))
    .map(([name, value]) => ({ name, value }));

/** One line an alert, with what tells it from the others. */
function differing({ samples, total }: Escalation, shared: Labels): string[] {
  if (samples.length < 2) return [];
  const lines = samples.map((sample) => {
    const own = Object.entries(sample.labels).filter(
      ([name]) => !Object.hasOwn(shared, name) && name !== "__name__",
    );
    const text = own.map(([name, value]) => `${name}=${value}`).join(", ");
    return `• ${text || nameOf(sample.labels)}, since ${sample.startsAt}`;
  });
  const more = total - samples.length;
  return [[...lines, ...(more > 0 ? [`… and ${more} more`] : [])].join("\n")];
}

function linksOf({ samples, group }: Escalation, shared: Labels): Link[] {
  const first = samples[0];
  const noted = (names: readonly string[]): string =>
    names.map((name) => label(first?.annotations ?? {}, name)).find((url) => url !== "") ?? "";
  const silence = samples.every(({ whole }) => whole) ? silenceUrl(group?.externalURL ?? "", shared) : "";
  return [
    { text: "Runbook", url: noted(["runbook_url", "runbook"]) },
    { text: "Dashboard", url: noted(["dashboard", "dashboard_url", "dashboardURL"]) },
    { text: "Graph", url: first?.generatorURL ?? "" },
    { text: "Silence", url: silence },
    { text: "Alertmanager", url: group?.externalURL ?? "" },
  ].filter(({ url }) => url !== "");
}

/**
 * Alertmanager's page for a new silence, filled in. Empty where it would silence more than was meant: without a label,
 * or where the address gets too long to be followed.
 */
function silenceUrl(externalURL: string, labels: Labels): string {
  const matchers = Object.entries(labels).map(([name, value]) => `${matcherName(name)}=${quoted(value)}`);
  if (externalURL === "" || matchers.length === 0) return "";
  const filter = encodeURIComponent(`{${matchers.join(",")}}`.toWellFormed());
  const url = `${externalURL.replace(/\/+$/, "")}/#/silences/new?filter=${filter}`;
  return url.length > longestSilenceUrl ? "" : url;
}

const matcherName = (name: string): string => (/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : quoted(name));

/** Go's string syntax as far as both of Alertmanager's parsers read it. */
const quoted = (text: string): string =>
  `"${text
    .replaceAll("\\", String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`)}"`;

function commonLabels(all: readonly Labels[]): Labels {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) =>
      others.every((labels) => Object.hasOwn(labels, name) && labels[name] === value),
    ),
  );
}

const footer = (parts: readonly string[], dryRun: boolean): string =>
  ["Homeostat", ...parts, ...(dryRun ? ["dry run: nothing is changed"] : [])].join(" · ");

const utc = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
const time = (at: number): string => new Date(at).toISOString().slice(11, 19);

/** `4m 10s`: the two largest units, for reading. */
function lasted(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const units = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const largest = units.findIndex(([count]) => count > 0);
  if (largest === -1) return "0s";
  const shown = units.slice(largest, largest + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join(" ");
}
