import { assemble, type Running } from "../../src/assemble.ts";
import { compileCatalog } from "../../src/core/compile.ts";
import { readNotification } from "../../src/core/alert.ts";
import type { Receipt } from "../../src/core/controller.ts";
import type { Entry, EntryKind } from "../../src/core/journal.ts";
import type { Store } from "../../src/core/ports.ts";
import { Settings } from "../../src/settings/settings.ts";
import { fakeClock } from "../stand-ins/clock.ts";
import { FakeSwarm } from "../stand-ins/swarm.ts";
import { memoryStore } from "../store/memory.ts";

export const start = Date.parse("2026-03-01T12:00:00Z");
export const seconds = (count: number): number => count * 1000;
export const minutes = (count: number): number => count * 60_000;

type Wanted = {
  rules: string;
  settings?: Partial<Settings>;
  store?: Store;
  clock?: ReturnType<typeof fakeClock>;
  swarm?: FakeSwarm;
  /** Errors are what the test is about: they need not be shown. */
  quiet?: boolean;
  /** Accepted notifications that may wait before senders are sent back. */
  mostWaiting?: number;
  /** What Alertmanager's API says of every alert; null: there is no Alertmanager to ask. */
  alertmanager?: { state: "firing" | "suppressed" | "absent" } | null;
};

/** A whole Homeostat in virtual time, on a Swarm and a store in memory. */
export async function aHomeostat(wanted: Wanted) {
  const clock = wanted.clock ?? fakeClock(start);
  const store = wanted.store ?? memoryStore();
  const swarm = wanted.swarm ?? new FakeSwarm(clock);
  const calls: { url: string; body: string; key: string }[] = [];
  const answer = { status: 200 };
  const compiled = compileCatalog([{ file: "rules.yml", text: wanted.rules }]);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults, null, 2));
  const { alertmanager = { state: "firing" } } = wanted;
  const running: Running = await assemble({
    settings: { ...Settings.parse({}), ...wanted.settings },
    world: {
      store,
      swarm,
      clock,
      metrics: null,
      messenger: null,
      alerts: alertmanager === null ? null : { state: async () => alertmanager.state },
      caller: {
        async call({ url, body, headers }) {
          calls.push({ url, body, key: headers["idempotency-key"] ?? "" });
          return answer;
        },
      },
    },
    catalog: compiled.catalog,
    log: {
      info() {},
      warn() {},
      error: (data, message) => wanted.quiet === true || console.error(message, data),
    },
    version: "test",
    ...(wanted.mostWaiting === undefined ? {} : { mostWaiting: wanted.mostWaiting }),
  });
  const journal = (kinds?: EntryKind[]): Promise<Entry[]> =>
    store.read({ ...(kinds === undefined ? {} : { kinds }), order: "oldest-first", limit: 10_000 });
  return {
    ...running,
    clock,
    store,
    swarm,
    calls,
    answer,
    journal,
    /** Posts alerts and lets everything that is due now happen. */
    async post(...alerts: object[]): Promise<Receipt> {
      const body = notification(...alerts);
      const read = readNotification(body);
      if (read.kind === "faulty") throw new Error(read.faults.join("\n"));
      const receipt = await running.controller.receive(read.notification, Buffer.from(JSON.stringify(body)));
      await clock.advance(0);
      return receipt;
    },
    /** The last word on each decision, in order: its kind, or its reason's code for a hold. */
    async decisions(): Promise<string[]> {
      return (await journal(["decision"])).map(({ data }) => {
        const { decision } = data as { decision: { kind: string; reason: { code: string } } };
        return decision.kind === "act" ? "act" : decision.reason.code;
      });
    },
  };
}

export const firing = (
  patch: { labels?: Record<string, string>; startsAt?: number; fingerprint?: string } = {},
) => ({
  status: "firing",
  labels: { alertname: "SlowResponses", service: "shop_web", ...patch.labels },
  annotations: {},
  startsAt: new Date(patch.startsAt ?? start).toISOString(),
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: "",
  fingerprint: patch.fingerprint ?? "4b888d7e74b10b0b",
});
export const resolved = (patch: Parameters<typeof firing>[0] & { endsAt?: number } = {}) => ({
  ...firing(patch),
  status: "resolved",
  endsAt: new Date(patch.endsAt ?? start + minutes(1)).toISOString(),
});
export const notification = (...alerts: object[]) => ({
  version: "4",
  groupKey: '{}:{alertname="SlowResponses"}',
  truncatedAlerts: 0,
  receiver: "homeostat",
  status: "firing",
  alerts,
  groupLabels: { alertname: "SlowResponses" },
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "http://alertmanager.example",
});
