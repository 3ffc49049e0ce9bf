import { z } from "zod";

/** Label and annotation values; a key may be any text that a sender made up, `__proto__` included. */
export const Labels = z.record(z.string(), z.string());
export type Labels = Readonly<Record<string, string>>;

/** One entry of an Alertmanager notification. Loose: newer senders add fields. */
export const Alert = z.looseObject({
  status: z.enum(["firing", "resolved"]),
  labels: Labels,
  annotations: Labels.default({}),
  /** RFC 3339. With the fingerprint it names the episode. */
  startsAt: z.iso.datetime({ offset: true }),
  /** RFC 3339; the zero time `0001-01-01T00:00:00Z` while the alert fires. */
  endsAt: z.iso.datetime({ offset: true }),
  generatorURL: z.string().default(""),
  fingerprint: z.string().regex(/^[0-9a-f]{16}$/, "expected 16 hexadecimal digits"),
});
export type Alert = z.infer<typeof Alert>;

/** The body that Alertmanager posts, payload version 4. */
export const Notification = z.looseObject({
  version: z.literal("4"),
  groupKey: z.string(),
  truncatedAlerts: z.int().nonnegative().default(0),
  receiver: z.string(),
  status: z.enum(["firing", "resolved"]),
  alerts: z.array(Alert),
  groupLabels: Labels.default({}),
  commonLabels: Labels.default({}),
  commonAnnotations: Labels.default({}),
  externalURL: z.string().default(""),
});
export type Notification = z.infer<typeof Notification>;

/** The value of a label; a missing label equals the empty string, as Alertmanager has it. */
export const label = (labels: Labels, name: string): string =>
  Object.hasOwn(labels, name) ? (labels[name] ?? "") : "";
