import type { Alert, Labels, Notification } from "../core/alert.ts";
import type { Firing } from "./evaluator.ts";
import { fingerprint } from "./fingerprint.ts";

/** Go's zero time: what `endsAt` is while an alert fires. */
const notEnded = "0001-01-01T00:00:00Z";

/** What alertmanager.yml would say in `group_by`. */
const groupBy = ["alertname", "service"];

/** One alert as Alertmanager's webhook carries it. `url`: where its links lead. */
export const alertOf = (firing: Firing, url: string): Alert => ({
  status: firing.endsAt === null ? "firing" : "resolved",
  labels: firing.labels,
  annotations: firing.annotations,
  startsAt: new Date(firing.startsAt).toISOString(),
  endsAt: firing.endsAt === null ? notEnded : new Date(firing.endsAt).toISOString(),
  generatorURL: `${url}/graph?g0.expr=${encodeURIComponent(firing.expression)}&g0.tab=1`,
  fingerprint: fingerprint(firing.labels),
});

/** The notification of a group of one alert, payload version 4. */
export function notificationOf(firing: Firing, url: string): Notification {
  const alert = alertOf(firing, url);
  const groupLabels: Labels = Object.fromEntries(
    groupBy.flatMap((name) => {
      const value = alert.labels[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const pairs = Object.entries(groupLabels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return {
    version: "4",
    groupKey: `{}:{${pairs.join(", ")}}`,
    truncatedAlerts: 0,
    receiver: "homeostat",
    status: alert.status,
    alerts: [alert],
    groupLabels,
    commonLabels: alert.labels,
    commonAnnotations: alert.annotations,
    externalURL: url,
  };
}
