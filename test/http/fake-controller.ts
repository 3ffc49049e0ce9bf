import type { Notification } from "../../src/core/alert.ts";
import type { Check, Controller, Page, Receipt, ServiceView, Status } from "../../src/core/controller.ts";
import type { Entry } from "../../src/core/journal.ts";
import type { Pause } from "../../src/core/pause.ts";

export const noon = Date.parse("2026-11-21T12:00:00Z");

export const service = (name: string, more: Partial<ServiceView> = {}): ServiceView => ({
  id: `id-${name}`,
  name,
  version: 7,
  mode: "replicated",
  replicas: 3,
  running: 2,
  image: "shop:1",
  labels: {},
  intent: null,
  updatedAt: noon - 60_000,
  update: null,
  previous: null,
  min: 1,
  max: 5,
  history: null,
  failedTasks: 1,
  ...more,
});

type Method = keyof Controller;

/** A controller that remembers what it was asked, and can be told to fail or to hang. */
export class FakeController implements Controller {
  readonly received: { notification: Notification; body: Uint8Array }[] = [];
  readonly paused = new Map<string, Pause>();
  entries: Entry[] = [];
  servicesThere: ServiceView[] = [service("shop_web")];
  rulesThere: ReturnType<Controller["rules"]> = [];
  episodesOpen: ReturnType<Controller["episodes"]> = [];
  escalationsThere: ReturnType<Controller["escalations"]> = [];
  readiness: Check[] = [{ name: "store", ok: true, message: "writable" }];
  receipt: Receipt | null = null;
  now = noon;
  readonly #failures = new Map<Method, Error | "hang">();

  /** The next call of that method rejects with the error, or never answers. */
  failNext(method: Method, how: Error | "hang"): void {
    this.#failures.set(method, how);
  }

  async #fate(method: Method): Promise<void> {
    const how = this.#failures.get(method);
    this.#failures.delete(method);
    if (how === "hang") await new Promise<never>(() => {});
    if (how instanceof Error) throw how;
  }

  async receive(notification: Notification, body: Uint8Array): Promise<Receipt> {
    await this.#fate("receive");
    if (this.receipt !== null) return this.receipt;
    this.received.push({ notification, body });
    return { kind: "accepted", accepted: notification.alerts.length, duplicates: 0 };
  }

  async status(): Promise<Status> {
    await this.#fate("status");
    return {
      version: "0.1.0",
      startedAt: noon - 3_600_000,
      dryRun: false,
      catalog: { version: "abc", rules: this.rulesThere.length, faults: [] },
      pauses: [...this.paused.values()],
      backlog: 4,
      episodes: { open: 3, held: 1, verifying: 1, handedOver: 1 },
      escalations: { open: 2, undelivered: 1 },
      checks: this.readiness,
    };
  }

  async checks(): Promise<readonly Check[]> {
    await this.#fate("checks");
    return this.readiness;
  }

  rules(): ReturnType<Controller["rules"]> {
    return this.rulesThere;
  }

  episodes({ limit, before }: Page): ReturnType<Controller["episodes"]> {
    return this.episodesOpen
      .filter((episode) => before === undefined || episode.serial < before)
      .slice(0, limit);
  }

  async history(page: Parameters<Controller["history"]>[0]): Promise<readonly Entry[]> {
    await this.#fate("history");
    return this.entries
      .filter((entry) => page.before === undefined || entry.seq < page.before)
      .filter((entry) => page.kinds === undefined || page.kinds.includes(entry.kind))
      .filter((entry) => page.episode === undefined || entry.episode === page.episode)
      .filter((entry) => page.target === undefined || entry.target === page.target)
      .toSorted((a, b) => b.seq - a.seq)
      .slice(0, page.limit);
  }

  async services(_signal: AbortSignal): Promise<readonly ServiceView[]> {
    await this.#fate("services");
    return this.servicesThere;
  }

  escalations({ limit }: Page): ReturnType<Controller["escalations"]> {
    return this.escalationsThere.slice(0, limit);
  }

  async pause(pause: Omit<Pause, "at">): Promise<Pause> {
    await this.#fate("pause");
    const whole = { ...pause, at: this.now };
    this.paused.set(pause.scope, whole);
    return whole;
  }

  async resume(scope: string): Promise<boolean> {
    return this.paused.delete(scope);
  }
}
