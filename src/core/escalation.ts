import { label, type Labels } from "./alert.ts";
import type { Group } from "./episode.ts";
import type { Posted } from "./ports.ts";
import type { Reason } from "./reason.ts";

/**
 * Why a person is asked.
 *
 * unknown    no rule takes the alert
 * rule       a rule says so
 * failed     what was tried did not help, or went wrong
 * held       a rule would act and is held back for long
 * truncated  Alertmanager cut a notification: what is missing cannot be known
 * catalog    the rules could not be loaded
 */
export type EscalationKind = "unknown" | "rule" | "failed" | "held" | "truncated" | "catalog";

/** One alert as it is shown to people, bounded in size. */
export type Sample = {
  readonly labels: Labels;
  readonly annotations: Labels;
  /** RFC 3339. */
  readonly startsAt: string;
  readonly generatorURL: string;
  readonly fingerprint: string;
  /** False when labels were cut to size: then they no longer identify the alert. */
  readonly whole: boolean;
};

/** What a human must see. One escalation is one thread, or one line of a digest. Times in epoch milliseconds. */
export type Escalation = {
  readonly id: string;
  readonly kind: EscalationKind;
  readonly title: string;
  readonly reason: Reason;
  readonly rule: string | null;
  readonly group: Group | null;
  readonly openedAt: number;
  /** Episodes in it that are still open. */
  readonly firing: number;
  /** Episodes that were ever in it. */
  readonly total: number;
  /** The first ten of them. */
  readonly samples: readonly Sample[];
  /** What was considered, in order, and why nothing (more) was done. */
  readonly trail: readonly string[];
  /** As the rule names it; null is the channel of the settings. */
  readonly channel: string | null;
  readonly mention: string | null;
  readonly status: "open" | "resolved";
  readonly resolvedAt: number | null;
  /** Where its thread is; null as long as it was not delivered, and for good when it is told in a digest. */
  readonly posted: Posted | null;
  /** The digest that tells it; null when it has a thread of its own. */
  readonly digest: string | null;
};

/** The order in which escalations were opened, as a number: lists are paged by it. */
export const serialOf = ({ id }: Pick<Escalation, "id">): number => Number.parseInt(id, 36);

/** What a caller asks to be told. */
export type Question = {
  readonly kind: EscalationKind;
  readonly reason: Reason;
  readonly rule: string | null;
  readonly group: Group | null;
  readonly alert: Omit<Sample, "whole"> | null;
  readonly trail: readonly string[];
  readonly channel: string | null;
  readonly mention: string | null;
};

const mostSamples = 10;
const mostTrail = 50;
const longestStep = 1000;

/** The escalation that a question opens, before anybody is in it: `join` adds the alert. */
export function openEscalation(
  question: Question,
  { id, now, digest }: { id: string; now: number; digest: string | null },
): Escalation {
  const { kind, reason, rule, group, channel, mention, trail } = question;
  return {
    id,
    kind,
    title: titleOf(question),
    reason: { code: reason.code, message: short(reason.message, longestStep) },
    rule,
    group: group === null ? null : { ...group, labels: bounded(group.labels).labels },
    openedAt: now,
    firing: 0,
    total: 0,
    samples: [],
    trail: trail.slice(0, mostTrail).map((step) => short(step, longestStep)),
    channel,
    mention,
    status: "open",
    resolvedAt: null,
    posted: null,
    digest,
  };
}

/** One episode more. */
export function join(escalation: Escalation, alert: NonNullable<Question["alert"]>): Escalation {
  const { samples } = escalation;
  return {
    ...escalation,
    firing: escalation.firing + 1,
    total: escalation.total + 1,
    samples: samples.length < mostSamples ? [...samples, sampleOf(alert)] : samples,
  };
}

/** One episode less; without any the escalation is resolved. */
export function leave(escalation: Escalation, now: number): Escalation {
  const firing = Math.max(0, escalation.firing - 1);
  return firing > 0 ? { ...escalation, firing } : resolve(escalation, now);
}

export const resolve = (escalation: Escalation, now: number): Escalation => ({
  ...escalation,
  firing: 0,
  status: "resolved",
  resolvedAt: now,
});

/** `HighLatency on shop_web`: what people call an alert. */
export function nameOf(labels: Labels): string {
  const name = label(labels, "alertname") || "An alert without a name";
  const where = ["service", "job", "instance"].map((key) => label(labels, key)).find((value) => value !== "");
  return where === undefined ? name : `${name} on ${where}`;
}

function titleOf({ kind, alert, group, rule, reason }: Question): string {
  const name = short(nameOf(alert?.labels ?? group?.labels ?? {}), 200);
  const by = rule ?? "a rule";
  switch (kind) {
    case "unknown":
      return `${name}: no rule knows this alert`;
    case "rule":
      return `${name}: ${by} asks a person`;
    case "failed":
      return `${name}: ${by} could not mend it (${reason.code})`;
    case "held":
      return `${name}: ${by} would act but is held (${reason.code})`;
    case "truncated":
      return `Alertmanager left alerts out for ${short(group?.receiver ?? "a receiver", 100)}`;
    case "catalog":
      return `The rules could not be loaded (${reason.code})`;
    default:
      return kind satisfies never;
  }
}

const mostLabels = 40;
const longestValue = 500;
const longestAnnotation = 2000;
const longestUrl = 2000;

/**
 * A group can hold ten thousand alerts with labels of 64 KiB, and an escalation is written again at each change:
 * what is kept of an alert is bounded, and says so.
 */
function sampleOf(alert: NonNullable<Question["alert"]>): Sample {
  const { labels, whole } = bounded(alert.labels);
  const annotations = Object.entries(alert.annotations).slice(0, mostLabels);
  return {
    labels,
    annotations: Object.fromEntries(
      annotations.map(([name, value]) => [short(name, longestValue), short(value, longestAnnotation)]),
    ),
    startsAt: alert.startsAt,
    generatorURL: alert.generatorURL.length > longestUrl ? "" : alert.generatorURL,
    fingerprint: alert.fingerprint,
    whole,
  };
}

function bounded(labels: Labels): { labels: Labels; whole: boolean } {
  const all = Object.entries(labels);
  const kept = all.slice(0, mostLabels);
  const fits = ([name, value]: [string, string]): boolean =>
    Math.max(name.length, value.length) <= longestValue;
  return {
    labels: Object.fromEntries(
      kept.map(([name, value]) => [short(name, longestValue), short(value, longestValue)]),
    ),
    whole: all.length <= mostLabels && kept.every(fits),
  };
}

const short = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;
