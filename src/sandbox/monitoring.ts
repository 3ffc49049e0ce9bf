import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { evaluate, silent, type AlertState, type Condition, type Firing } from "./evaluator.ts";
import { alertOf, notificationOf } from "./payload.ts";

/** How long Homeostat may take to answer a notification; milliseconds. */
const deadline = 5000;
/** An alert that still fires is sent again after this long; milliseconds. */
const repeatAfter = 15_000;

export type Webhook = { readonly url: string; readonly token: string };

/** One condition, what it says now, and what Homeostat has accepted of that. */
type Row<World> = {
  readonly condition: Condition<World>;
  state: AlertState;
  accepted: { readonly alert: Firing; readonly at: number } | null;
  posting: Promise<void> | null;
};

/**
 * What Prometheus and Alertmanager are elsewhere, small: evaluates the conditions, posts what changed to Homeostat's
 * webhook, again while it fires and until it was accepted, and answers `GET /api/v2/alerts`. A condition has one
 * series here, and so each alert is a group of its own.
 */
export class Monitoring<World> {
  readonly #rows: readonly Row<World>[];
  readonly #server: Server;
  readonly #stopping = new AbortController();

  constructor(conditions: readonly Condition<World>[]) {
    this.#rows = conditions.map((condition) => ({
      condition,
      state: silent,
      accepted: null,
      posting: null,
    }));
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Listens on loopback. */
  async start(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new TypeError("it is not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Looks at the world once and tells the webhook what is new, without waiting for its answer. */
  evaluate(world: World, now: number, webhook: Webhook): void {
    for (const row of this.#rows) {
      const ended = row.state.alert?.endsAt === null ? null : row.state.alert;
      row.state = evaluate(row.condition, row.state, world, now);
      // The end of an alert is kept until Homeostat has accepted it.
      if (ended !== null && row.state.alert === null && isNews(ended, row.accepted?.alert))
        row.state = { ...row.state, alert: ended };
      const { alert, accepted } = { alert: row.state.alert, accepted: row.accepted };
      if (alert === null || row.posting !== null || this.#stopping.signal.aborted) continue;
      const repeats = alert.endsAt === null && accepted !== null && now - accepted.at >= repeatAfter;
      if (!repeats && !isNews(alert, accepted?.alert)) continue;
      row.posting = this.#post(alert, webhook).then((ok) => {
        if (ok) row.accepted = { alert, at: now };
        row.posting = null;
      });
    }
  }

  /** True once it was accepted. Anything else is tried again at the next evaluation. */
  async #post(alert: Firing, { url, token }: Webhook): Promise<boolean> {
    try {
      const response = await fetch(`${url}/webhooks/alertmanager`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify(notificationOf(alert, this.url)),
        signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(deadline)]),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://sandbox");
    if (request.method === "GET" && pathname === "/api/v2/alerts") {
      const matchers = searchParams.getAll("filter").map(readMatcher);
      if (matchers.includes(null)) return answer(response, 400, JSON.stringify("bad matcher format"));
      return answer(response, 200, JSON.stringify(this.#listed(matchers.filter((one) => one !== null))));
    }
    // The links of alerts lead here.
    if (request.method === "GET" && (pathname === "/" || pathname === "/graph"))
      return answer(
        response,
        200,
        JSON.stringify("Prometheus and Alertmanager have their pages here; the sandbox has none"),
      );
    answer(response, 404, JSON.stringify("not found"));
  }

  /** What fires now, as Alertmanager's API v2 lists it. */
  #listed(matchers: readonly Matcher[]): object[] {
    return this.#rows.flatMap(({ state: { alert } }) => {
      if (alert === null || alert.endsAt !== null) return [];
      if (!matchers.every(({ name, value }) => (alert.labels[name] ?? "") === value)) return [];
      const { labels, annotations, startsAt, generatorURL, fingerprint } = alertOf(alert, this.url);
      // As far as is known now it ends in a minute; each evaluation puts that off.
      const endsAt = new Date(Date.now() + 60_000).toISOString();
      const status = { state: "active", silencedBy: [], inhibitedBy: [] };
      const receivers = [{ name: "homeostat" }];
      return [
        {
          labels,
          annotations,
          startsAt,
          endsAt,
          updatedAt: startsAt,
          generatorURL,
          fingerprint,
          receivers,
          status,
        },
      ];
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#rows.map(({ posting }) => posting ?? Promise.resolve()));
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const isNews = (alert: Firing, accepted: Firing | undefined): boolean =>
  accepted?.startsAt !== alert.startsAt || accepted.endsAt !== alert.endsAt;

const answer = (response: ServerResponse, status: number, json: string): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(json);

type Matcher = { readonly name: string; readonly value: string };

/** `name="value"`, the one form of matcher that Homeostat asks with; null for any other. */
function readMatcher(text: string): Matcher | null {
  const parts = /^([a-zA-Z_][a-zA-Z0-9_]*)=("(?:[^"\\\n]|\\["\\n])*")$/.exec(text);
  const [, name, value] = parts ?? [];
  return name === undefined || value === undefined ? null : { name, value: String(JSON.parse(value)) };
}
