import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";

/** Upper bounds of the histogram, in seconds, as Prometheus' client libraries have them by default. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type ShopOptions = {
  /** The label `service`; left out where Prometheus' configuration gives it. */
  readonly service?: string;
  /** How many replicas share the load now. */
  readonly replicas: () => number;
  /** Requests a second to all replicas together. */
  readonly load: () => number;
  /** Requests a second that one replica serves at most. Default 20. */
  readonly capacity?: number;
  /** Seconds that a request takes on an idle replica. Default 0.02. */
  readonly idle?: number;
  /** The part of requests that fail, 0 to 1. */
  readonly failing?: () => number;
  /** Milliseconds; only differences count. */
  readonly now?: () => number;
};

/** Mean seconds a request takes: a queue with one server a replica, cut at ten seconds where it would grow for ever. */
function latency(load: number, replicas: number, capacity = 20, idle = 0.02): number {
  const utilisation = replicas === 0 ? 1 : load / (replicas * capacity);
  return utilisation >= 1 ? 10 : Math.min(10, idle / (1 - utilisation));
}

/**
 * The `/metrics` of a service whose latency follows its load and its replicas. Requests are not served but counted:
 * at each scrape, those since the last one, with exponentially distributed durations.
 */
export function shopMetrics(options: ShopOptions): () => string {
  const {
    replicas,
    load,
    capacity = 20,
    idle = 0.02,
    failing = () => 0,
    now = () => performance.now(),
  } = options;
  const label = options.service === undefined ? "" : `service="${options.service}",`;
  const below = buckets.map(() => 0);
  let last = now();
  let count = 0;
  let sum = 0;
  let failed = 0;
  return () => {
    const at = now();
    const requests = (load() * (at - last)) / 1000;
    last = at;
    const mean = latency(load(), replicas(), capacity, idle);
    buckets.forEach(
      (bound, index) => (below[index] = (below[index] ?? 0) + requests * (1 - Math.exp(-bound / mean))),
    );
    count += requests;
    sum += requests * mean;
    failed += requests * failing();
    const name = "http_request_duration_seconds";
    return [
      `# TYPE ${name} histogram`,
      ...buckets.map((bound, index) => `${name}_bucket{${label}le="${bound}"} ${below[index]}`),
      `${name}_bucket{${label}le="+Inf"} ${count}`,
      `${name}_sum{${label}} ${sum}`,
      `${name}_count{${label}} ${count}`,
      "# TYPE http_requests_total counter",
      `http_requests_total{${label}code="200"} ${count - failed}`,
      `http_requests_total{${label}code="500"} ${failed}`,
      "",
    ].join("\n");
  };
}

/** Serves one exporter for all replicas of the shop on loopback; `address` is `host:port`. */
export async function startShop(options: ShopOptions): Promise<{ address: string; stop(): Promise<void> }> {
  const server = createServer(answering(shopMetrics(options)));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the shop listens on no port");
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `127.0.0.1:${at.port}`, stop };
}

export const answering =
  (metrics: () => string): RequestListener =>
  (request, response) => {
    if (request.url !== "/metrics") response.writeHead(200).end("open\n");
    else response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(metrics());
  };
