import { z } from "zod";
import { shown } from "./shown.ts";

/** Label and annotation values; a key may be any text that a sender made up, `__proto__` included. */
export type Labels = Readonly<Record<string, string>>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isLabels(value: unknown): value is Labels {
  if (!isObject(value)) return false;
  for (const key in value) if (typeof value[key] !== "string") return false;
  return true;
}

/**
 * Checked in place instead of by `z.record`, which copies and thereby drops a label named `__proto__`:
 * a label is part of an alert's identity, whatever its name.
 */
export const Labels = z.custom<Labels>(isLabels, "expected an object of texts");

const text = (): z.ZodString => z.string("expected a text");
const time = z.iso.datetime({ offset: true, error: "expected an RFC 3339 time" });
const status = z.enum(["firing", "resolved"], 'expected "firing" or "resolved"');

/** One entry of an Alertmanager notification. Loose: newer senders add fields. */
export const Alert = z.looseObject(
  {
    status,
    labels: Labels,
    annotations: Labels.default({}),
    /** RFC 3339. With the fingerprint it names the episode. */
    startsAt: time,
    /** RFC 3339; the zero time `0001-01-01T00:00:00Z` while the alert fires. */
    endsAt: time,
    generatorURL: text().default(""),
    fingerprint: text().regex(/^[0-9a-f]{16}$/, "expected 16 hexadecimal digits"),
  },
  "expected an object",
);
export type Alert = z.infer<typeof Alert>;

/** The body that Alertmanager posts, payload version 4. */
export const Notification = z.looseObject(
  {
    version: z.literal("4", 'expected "4"'),
    groupKey: text(),
    truncatedAlerts: z.int("expected a whole number").nonnegative("expected a number from 0").default(0),
    receiver: text(),
    status,
    alerts: z.array(Alert, "expected a list"),
    groupLabels: Labels.default({}),
    commonLabels: Labels.default({}),
    commonAnnotations: Labels.default({}),
    externalURL: text().default(""),
  },
  "expected an object",
);
export type Notification = z.infer<typeof Notification>;

/** Its alerts are looked at one by one, so that a body of faults ends early. */
const Envelope = Notification.extend({
  alerts: z.custom<readonly unknown[]>(Array.isArray, "expected a list"),
});

/** So many faults are told of one notification: a 16 MiB body could hold millions. */
const mostFaults = 20;

export type NotificationRead =
  | { readonly kind: "notification"; readonly notification: Notification }
  /** Each fault reads `alerts[3].startsAt: expected an RFC 3339 time, received "yesterday"`; at most 20. */
  | { readonly kind: "faulty"; readonly faults: readonly string[] };

/** Reads a parsed JSON value as an Alertmanager notification of payload version 4. */
export function readNotification(value: unknown): NotificationRead {
  const envelope = Envelope.safeParse(value);
  if (!envelope.success)
    return { kind: "faulty", faults: faultsOf(envelope.error, value, "").slice(0, mostFaults) };
  const alerts: Alert[] = [];
  const faults: string[] = [];
  for (const [index, item] of envelope.data.alerts.entries()) {
    const alert = Alert.safeParse(item);
    if (alert.success) alerts.push(alert.data);
    else faults.push(...faultsOf(alert.error, item, `alerts[${index}]`));
    if (faults.length >= mostFaults) break;
  }
  if (faults.length > 0) return { kind: "faulty", faults: faults.slice(0, mostFaults) };
  return { kind: "notification", notification: { ...envelope.data, alerts } };
}

function faultsOf(error: z.ZodError, value: unknown, prefix: string): string[] {
  return error.issues.map((issue) => {
    const [field] = issue.path;
    const found = field === undefined ? value : isObject(value) ? value[String(field)] : undefined;
    const path = [prefix, field].filter((part) => part !== undefined && part !== "").join(".");
    const wrong = issue.code === "custom" && isObject(found) ? wrongLabel(found) : undefined;
    if (wrong !== undefined)
      return `${path}[${shown(wrong[0])}]: expected a text, received ${shown(wrong[1])}`;
    return `${path === "" ? "body" : path}: ${issue.message}, received ${shown(found)}`;
  });
}

const wrongLabel = (labels: Record<string, unknown>): [string, unknown] | undefined =>
  Object.entries(labels).find(([, value]) => typeof value !== "string");

/** The value of a label; a missing label equals the empty string, as Alertmanager has it. */
export const label = (labels: Labels, name: string): string =>
  Object.hasOwn(labels, name) ? (labels[name] ?? "") : "";
