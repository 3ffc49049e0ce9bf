import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AlertSource, Caller, Clock, Messenger, Metrics, Store, Swarm } from "./core/ports.ts";
import { connectAlertmanager } from "./prometheus/alerts.ts";
import { connectPrometheus } from "./prometheus/metrics.ts";
import type { Settings } from "./settings/settings.ts";
import { connectSlack } from "./slack/slack.ts";
import { openStore } from "./store/open.ts";
import { connectSwarm } from "./swarm/swarm.ts";
import { connectCaller } from "./webhook/caller.ts";

/** Everything outside that Homeostat reads or changes, behind the core's ports. Null: not configured. */
export type World = {
  readonly store: Store;
  readonly swarm: Swarm;
  readonly metrics: Metrics | null;
  readonly alerts: AlertSource | null;
  readonly caller: Caller;
  readonly messenger: Messenger | null;
  readonly clock: Clock;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const done = () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      // A timer of 0 takes a whole millisecond, which is long beside everything else that an alert waits for.
      const timer = ms > 0 ? setTimeout(done, ms) : null;
      const turn = ms > 0 ? null : setImmediate(done);
      const stop = () => {
        if (timer !== null) clearTimeout(timer);
        if (turn !== null) clearImmediate(turn);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", stop, { once: true });
    }),
};

/** Connects to what the settings name. Only the store is opened; the others are first spoken to when they are needed. */
export async function connectWorld(settings: Settings): Promise<World> {
  const { prometheusUrl, alertmanagerUrl, slackBotToken, slackApiUrl } = settings;
  return {
    swarm: await connectCluster(settings),
    metrics: prometheusUrl === null ? null : connectPrometheus({ url: prometheusUrl }),
    alerts: alertmanagerUrl === null ? null : connectAlertmanager({ url: alertmanagerUrl }),
    caller: connectCaller({ allow: settings.callWebhookAllow }),
    messenger:
      slackBotToken === null
        ? null
        : connectSlack({
            token: slackBotToken.reveal(),
            ...(slackApiUrl === null ? {} : { apiUrl: slackApiUrl }),
          }),
    clock: systemClock,
    store: await openStore(settings.store.path),
  };
}

export const connectCluster = async (settings: Settings): Promise<Swarm> =>
  connectSwarm({ host: settings.dockerHost, ...(await dockerKeys(settings)) });

/** As Docker's own tools have it: with DOCKER_TLS_VERIFY the three files of DOCKER_CERT_PATH are used. */
async function dockerKeys({ dockerTlsVerify, dockerCertPath }: Settings) {
  if (!dockerTlsVerify || dockerCertPath === null) return {};
  const text = (name: string): Promise<string> => readFile(join(dockerCertPath, name), "utf8");
  const [ca, cert, key] = await Promise.all([text("ca.pem"), text("cert.pem"), text("key.pem")]);
  return { tls: { ca, cert, key } };
}
