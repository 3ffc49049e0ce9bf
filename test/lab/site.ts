import { slackStandIn, type SlackStandIn } from "../stand-ins/slack.ts";
import { postAlerts, startAlertmanager } from "./alertmanager.ts";
import type { Lab } from "./dockerd.ts";
import { prepareHomeostat, tellingAt, type Environment, type HomeostatProcess } from "./homeostat.ts";
import type { Program } from "./program.ts";

type Alert = Parameters<typeof postAlerts>[1][number];

/** Homeostat as a process between a real Alertmanager, or two that do not know of each other, a Swarm and Slack. */
export type Site = AsyncDisposable & {
  readonly homeostat: HomeostatProcess;
  readonly slack: SlackStandIn;
  readonly alertmanagers: readonly Program[];
  /** Lets alerts fire, in each Alertmanager. */
  fire(...alerts: readonly Alert[]): Promise<void>;
  /** Ends alerts that fire. */
  resolve(...alerts: readonly Alert[]): Promise<void>;
  /** To be undone first at the end, the last one first. */
  defer(undo: () => unknown): void;
};

/** Nothing of Homeostat runs before `homeostat.start()`. */
export async function aSite(wanted: {
  lab: Lab;
  rules: string;
  env?: Environment;
  /** One for each Alertmanager; default one that groups by alertname and service. */
  alerting?: readonly NonNullable<Parameters<typeof startAlertmanager>[0]>[];
}): Promise<Site> {
  await using parts = new AsyncDisposableStack();
  const slack = parts.use(await slackStandIn());
  const env: Record<string, string> = { DOCKER_HOST: wanted.lab.host, ...tellingAt(slack) };
  Object.assign(env, wanted.env);
  const homeostat = parts.adopt(await prepareHomeostat({ rules: wanted.rules, env }), ({ close }) => close());
  const alertmanagers: Program[] = [];
  for (const alerting of wanted.alerting ?? [{}]) {
    const started = startAlertmanager({ ...alerting, webhook: homeostat.webhook });
    alertmanagers.push(parts.adopt(await started, ({ stop }) => stop()));
  }
  const [first] = alertmanagers;
  // Homeostat reads it when it starts.
  if (first !== undefined) env["HOMEOSTAT_ALERTMANAGER_URL"] ??= first.url;
  const urls = alertmanagers.map(({ url }) => url);
  // From when on they fire, which is not before they are told of: of what is old Alertmanager sends at once, and in parts.
  const since = new Map<string, string>();
  const beginning = ({ labels }: Alert, now: string): string => {
    const key = JSON.stringify(labels);
    since.set(key, since.get(key) ?? now);
    return since.get(key) ?? now;
  };
  const post = (alerts: readonly Alert[], more: { endsAt?: string }): Promise<void> => {
    const now = new Date().toISOString();
    return postAlerts(
      urls,
      alerts.map((alert) => ({ startsAt: beginning(alert, now), ...alert, ...more })),
    );
  };
  const own = parts.move();
  return {
    homeostat,
    slack,
    alertmanagers,
    fire: (...alerts) => post(alerts, {}),
    async resolve(...alerts) {
      await post(alerts, { endsAt: new Date(Date.now() - 1).toISOString() });
      for (const { labels } of alerts) since.delete(JSON.stringify(labels));
    },
    defer: (undo) => own.defer(async () => void (await undo())),
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  };
}
