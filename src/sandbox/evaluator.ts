import type { Labels } from "../core/alert.ts";

/** An alert rule: what is looked at, what is too much, and for how long it must last. */
export type Condition<World> = {
  /** `alertname` is among them. */
  readonly labels: Labels;
  /** PromQL as it would stand in Prometheus, for the alert's link. */
  readonly expression: string;
  /** How long the value must be bad before the alert fires; milliseconds. */
  readonly for: number;
  readonly value: (world: World) => number;
  readonly bad: (value: number) => boolean;
  readonly annotations: (value: number) => Labels;
};

/** An alert that fires, or that has just ended. Times in epoch milliseconds. */
export type Firing = {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly expression: string;
  readonly startsAt: number;
  /** Null while it fires. */
  readonly endsAt: number | null;
};

/** What is remembered from one evaluation to the next, a row a condition. */
export type AlertState = {
  /** Since when the value has been bad; null while it is good. */
  readonly badSince: number | null;
  readonly alert: Firing | null;
};

export const silent: AlertState = { badSince: null, alert: null };

/**
 * One evaluation of one condition, as Prometheus does it: pending while it lasts for less than `for`, then firing;
 * good again it ends, and is shown once more as ended. Annotations follow the value while it fires.
 */
export function evaluate<World>(
  condition: Condition<World>,
  before: AlertState,
  world: World,
  now: number,
): AlertState {
  const value = condition.value(world);
  const firing = before.alert !== null && before.alert.endsAt === null ? before.alert : null;
  if (!condition.bad(value)) {
    return { badSince: null, alert: firing === null ? null : { ...firing, endsAt: now } };
  }
  const badSince = before.badSince ?? now;
  if (now - badSince < condition.for) return { badSince, alert: firing };
  const { labels, expression } = condition;
  const annotations = condition.annotations(value);
  const startsAt = firing?.startsAt ?? now;
  return { badSince, alert: { labels, annotations, expression, startsAt, endsAt: null } };
}
