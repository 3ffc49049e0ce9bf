import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireBinary } from "./binaries.ts";
import { startProgram, type Program } from "./program.ts";

type Options = {
  /** Where it posts; it sends to nobody without one. */
  readonly webhook?: string;
  readonly bearer?: string;
  /** Labels; default alertname and service, as in alertmanager/alertmanager.yml. */
  readonly groupBy?: readonly string[];
  /** Default 1s: with 0s the first flush catches part of a group and all of it comes again. */
  readonly groupWait?: string;
  readonly groupInterval?: string;
  readonly repeatInterval?: string;
  readonly sendResolved?: boolean;
  readonly maxAlerts?: number;
};

/** Starts a real Alertmanager without gossip: two of them are the pair that has lost sight of each other. */
export function startAlertmanager(options: Options = {}): Promise<Program> {
  return startProgram({
    binary: requireBinary("prometheus-alertmanager"),
    ready: "/-/ready",
    arguments: async (directory) => {
      // JSON is YAML.
      await writeFile(join(directory, "alertmanager.yml"), JSON.stringify(configuration(options)));
      return [
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
      ];
    },
  });
}

const configuration = (options: Options) => ({
  route: {
    receiver: "homeostat",
    group_by: options.groupBy ?? ["alertname", "service"],
    group_wait: options.groupWait ?? "1s",
    group_interval: options.groupInterval ?? "1s",
    repeat_interval: options.repeatInterval ?? "1h",
  },
  receivers: [
    {
      name: "homeostat",
      webhook_configs:
        options.webhook === undefined
          ? []
          : [
              {
                url: options.webhook,
                send_resolved: options.sendResolved ?? true,
                max_alerts: options.maxAlerts ?? 0,
                http_config:
                  options.bearer === undefined
                    ? {}
                    : { authorization: { type: "Bearer", credentials: options.bearer } },
              },
            ],
    },
  ],
});

type Posted = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  /** In the past: resolved. Absent: it resolves by itself after resolve_timeout, 5 minutes. */
  readonly endsAt?: string;
  readonly generatorURL?: string;
};

/** Posts alerts as Prometheus does, without one; to several Alertmanagers as to a pair. */
export async function postAlerts(urls: string | readonly string[], alerts: readonly Posted[]): Promise<void> {
  await Promise.all([urls].flat().map((url) => post(`${url}/api/v2/alerts`, alerts)));
}

/** Silences everything with this label for an hour; returns the silence's id. */
export async function silence(url: string, name: string, value: string): Promise<string> {
  const now = Date.now();
  const answer = await post(`${url}/api/v2/silences`, {
    matchers: [{ name, value, isRegex: false, isEqual: true }],
    startsAt: new Date(now - 1000).toISOString(),
    endsAt: new Date(now + 3_600_000).toISOString(),
    createdBy: "test",
    comment: "a test's silence",
  });
  return String(Object(JSON.parse(answer)).silenceID);
}

async function post(url: string, body: unknown): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return text;
}
