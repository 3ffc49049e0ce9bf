import type { AddressInfo } from "node:net";
import { z } from "zod";
import { createMetrics } from "../../src/http/metrics.ts";
import { createServer, type ServerParts } from "../../src/http/server.ts";
import { Secret } from "../../src/settings/secret.ts";
import { FakeController, noon } from "./fake-controller.ts";

export type Running = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly controller: FakeController;
  readonly logged: { data: object; message: string }[];
  readonly metrics: ReturnType<typeof createMetrics>;
};

type Choice = {
  webhookToken?: string;
  adminToken?: string;
  /** What the settings say; the test's server is on loopback all the same. */
  host?: string;
  limits?: ServerParts["limits"];
};

/** The real server on a free loopback port, in front of a controller that only remembers. */
export async function running(choice: Choice = {}): Promise<Running> {
  const controller = new FakeController();
  const logged: { data: object; message: string }[] = [];
  const metrics = createMetrics();
  const server = createServer({
    controller,
    settings: {
      listen: { host: choice.host ?? "127.0.0.1", port: 0 },
      cluster: "default",
      webhookToken: choice.webhookToken === undefined ? null : new Secret(choice.webhookToken),
      adminToken: choice.adminToken === undefined ? null : new Secret(choice.adminToken),
    },
    metrics,
    clock: { now: () => noon },
    log: { error: (data, message) => logged.push({ data, message }) },
    ...(choice.limits === undefined ? {} : { limits: choice.limits }),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    controller,
    logged,
    metrics,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A notification as Alertmanager writes it, with `count` alerts. */
export function notification(count = 1, more: object = {}): Record<string, unknown> {
  const alerts = Array.from({ length: count }, (_, index) => ({
    status: "firing",
    labels: { alertname: "SlowResponses", service: `shop_web${index}` },
    annotations: { summary: "slow" },
    startsAt: "2026-11-21T09:12:18.119Z",
    endsAt: "0001-01-01T00:00:00Z",
    generatorURL: "http://127.0.0.1:9090/graph",
    fingerprint: index.toString(16).padStart(16, "0"),
  }));
  return {
    version: "4",
    groupKey: '{}:{alertname="SlowResponses"}',
    truncatedAlerts: 0,
    receiver: "homeostat",
    status: "firing",
    alerts,
    groupLabels: { alertname: "SlowResponses" },
    commonLabels: { alertname: "SlowResponses" },
    commonAnnotations: {},
    externalURL: "http://127.0.0.1:9093",
    ...more,
  };
}

export const asJson = { "content-type": "application/json" };

export const send = (
  server: Running,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = asJson,
): Promise<Response> => fetch(`${server.url}/webhooks/alertmanager`, { method: "POST", body, headers });

const ErrorBody = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    faults: z.array(z.string()).optional(),
  }),
});

export const errorOf = async (response: Response): Promise<z.infer<typeof ErrorBody>["error"]> =>
  ErrorBody.parse(await response.json()).error;
