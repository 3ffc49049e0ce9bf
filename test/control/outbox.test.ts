import { setTimeout as realTime } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Escalations, type Raised } from "../../src/control/escalations.ts";
import { Outbox } from "../../src/control/outbox.ts";
import type { Owed } from "../../src/control/owed.ts";
import type { Messenger, Store } from "../../src/core/ports.ts";
import type { Step } from "../../src/core/step.ts";
import { connectSlack } from "../../src/slack/slack.ts";
import { fakeClock, type FakeClock } from "../stand-ins/clock.ts";
import { slackStandIn, type SlackStandIn } from "../stand-ins/slack.ts";
import { memoryStore, type MemoryStore } from "../store/memory.ts";

/* The outbox with Slack's real client, over HTTP to a stand-in that is as strict as Slack; only time is made. */

// Hundreds of real requests, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

let clock: FakeClock;
let slack: SlackStandIn;
let store: MemoryStore;
let steps: Step[];
let running: Outbox[];

beforeEach(async () => {
  clock = fakeClock();
  slack = await slackStandIn({ now: () => clock.now(), every: 1000 });
  store = memoryStore();
  steps = [];
  running = [];
});
afterEach(async () => {
  await slack.close();
  await Promise.all(running.map((outbox) => outbox.stop()));
});

const log = { info: () => {}, warn: () => {}, error: () => {} };
const connect = (): Messenger => connectSlack({ token: slack.token, apiUrl: slack.url, deadline: 300 });

/** A process: what is in memory, on the store that outlives it. */
async function begin(parts: { store?: Store; messenger?: Messenger } = {}) {
  const escalations = new Escalations({ log, channel: "#ops", delivers: true, dryRun: false });
  await escalations.load(store);
  const outbox = new Outbox({
    store,
    messenger: connect(),
    escalations,
    clock,
    log,
    onStep: (step) => void steps.push(step),
    ...parts,
  });
  outbox.start();
  const commit = async (change: Raised): Promise<string> => {
    await store.commit({ append: change.entries, put: change.puts });
    change.applied();
    return change.id;
  };
  const raise = (
    episode: string,
    { key = "g", channel = null }: { key?: string; channel?: string | null } = {},
  ) =>
    commit(
      escalations.raise(
        {
          kind: "unknown",
          reason: { code: "UnknownAlert", message: "No rule takes it" },
          rule: null,
          group: { key, labels: {}, receiver: "r", externalURL: "http://am:9093" },
          alert: {
            labels: { alertname: "Slow", service: episode },
            annotations: {},
            startsAt: "2026-01-15T12:00:00Z",
            generatorURL: "",
            fingerprint: "00000000000000aa",
          },
          trail: [],
          channel,
          mention: null,
          episode,
        },
        clock.now(),
      ),
    );
  const resolve = (id: string, episode: string) => commit(escalations.resolveFor(id, episode, clock.now()));
  return { escalations, outbox, raise, resolve };
}
async function beginAndStop(): ReturnType<typeof begin> {
  const process = await begin();
  running.push(process.outbox);
  return process;
}

/**
 * Lets made time pass, in steps, until something holds, at most `within` ms of it. Made time stands still while a
 * request is under way.
 */
async function until(what: () => boolean, { within = 10 * 60_000, step = 500 } = {}): Promise<number> {
  const start = clock.now();
  for (;;) {
    for (let look = 0; look < 3 || slack.busy > 0; look += 1) {
      if (what()) return clock.now() - start;
      await realTime(1);
    }
    if (clock.now() - start >= within) throw new Error(`it did not come about within ${within} ms`);
    await clock.advance(step);
  }
}
const threads = () => slack.messages("ops").filter(({ thread }) => thread === null);
const replies = () => slack.messages("ops").filter(({ thread }) => thread !== null);
const owedInStore = async (): Promise<Owed[]> =>
  (await store.list("outbox/", { limit: 100 })).map(({ value }) => value as Owed);

describe("an escalation", () => {
  it("is one thread, edited when it changes, and answered when it is over", async () => {
    const { escalations, outbox, raise, resolve } = await beginAndStop();
    const id = await raise("a");
    await until(() => outbox.pending() === 0);
    expect(threads()).toMatchObject([{ text: "🔴 Slow on a: no rule knows this alert", edits: 0 }]);
    expect(escalations.list()).toMatchObject([{ posted: { channel: "C000000001", ts: threads()[0]?.ts } }]);
    await raise("b");
    await until(() => outbox.pending() === 0);
    expect(threads()).toMatchObject([
      { text: "🔴 Slow on a: no rule knows this alert (2 alerts)", edits: 1 },
    ]);
    await resolve(id, "a");
    await resolve(id, "b");
    await until(() => outbox.pending() === 0);
    expect(threads()).toMatchObject([
      { text: "✅ Resolved: Slow on a: no rule knows this alert (2 alerts)", edits: 2 },
    ]);
    expect(replies()).toMatchObject([
      { text: expect.stringMatching(/^✅ Resolved after \d+s$/), thread: threads()[0]?.ts },
    ]);
    await expect(owedInStore()).resolves.toEqual([]);
    const journal = await store.read({ kinds: ["message"], order: "oldest-first", limit: 10 });
    expect(journal.map(({ data }) => data)).toMatchObject(
      ["posted", "updated", "updated", "replied"].map((event) => ({
        escalation: id,
        event,
        channel: "C000000001",
      })),
    );
    expect(steps).toEqual(
      ["posted", "updated", "updated", "posted"].map((result) => ({ kind: "delivered", result })),
    );
  });

  it("that is over before Slack was back is told in one message", async () => {
    slack.failNext({ kind: "500", n: 2 });
    const { outbox, raise, resolve } = await beginAndStop();
    const id = await raise("a");
    await raise("b");
    await resolve(id, "a");
    await resolve(id, "b");
    await until(() => outbox.pending() === 0);
    expect(threads()).toMatchObject([
      { text: "✅ Resolved: Slow on a: no rule knows this alert (2 alerts)", edits: 0 },
    ]);
    expect(replies()).toEqual([]);
  });

  it("whose message somebody deleted is neither edited nor posted again", async () => {
    const { outbox, raise, resolve } = await beginAndStop();
    const id = await raise("a");
    await until(() => outbox.pending() === 0);
    slack.remove("ops", threads()[0]?.ts ?? "");
    await resolve(id, "a");
    await until(() => outbox.pending() === 0);
    expect(slack.messages("ops")).toEqual([]);
  });

  it("whose message is deleted before it is answered is left at that", async () => {
    const real = connect();
    const messenger: Messenger = {
      ...real,
      async update(at, message, signal) {
        const result = await real.update(at, message, signal);
        slack.remove("ops", at.ts);
        return result;
      },
    };
    const { outbox, raise, resolve } = await begin({ messenger });
    running.push(outbox);
    const id = await raise("a");
    await until(() => outbox.pending() === 0);
    await resolve(id, "a");
    await until(() => outbox.pending() === 0);
    expect(slack.messages("ops")).toEqual([]);
  });
});

describe("when Slack fails, a message", () => {
  it.each([
    ["500", 3, 1],
    ["429", 3, 1],
    ["hang", 2, 1],
    ["garbage", 3, 1],
    ["lost-answer", 1, 1],
    ["lost-answer", 3, 1],
  ] as const)("arrives once in spite of %s, %i times", async (kind, n, count) => {
    slack.failNext({ kind, n });
    const { outbox, raise } = await beginAndStop();
    await raise("a");
    expect(await until(() => outbox.pending() === 0)).toBeLessThan(60_000);
    expect(threads()).toHaveLength(count);
  });

  it("arrives twice rather than never where the app may not look", async () => {
    slack.mayRead = false;
    slack.failNext({ kind: "lost-answer" });
    const { outbox, raise } = await beginAndStop();
    await raise("a");
    await until(() => outbox.pending() === 0);
    expect(threads()).toHaveLength(2);
  });

  it.each(["500", "hang", "lost-answer"] as const)("is edited in spite of %s", async (kind) => {
    const { outbox, raise } = await beginAndStop();
    await raise("a");
    await until(() => outbox.pending() === 0);
    slack.failNext({ kind, n: 2, method: "chat.update" });
    await raise("b");
    await until(() => outbox.pending() === 0);
    expect(threads()).toMatchObject([{ text: "🔴 Slow on a: no rule knows this alert (2 alerts)" }]);
  });

  it("is answered once although the answer's answer was lost", async () => {
    const { outbox, raise, resolve } = await beginAndStop();
    const id = await raise("a");
    await until(() => outbox.pending() === 0);
    slack.failNext({ kind: "lost-answer", method: "chat.postMessage" });
    await resolve(id, "a");
    await until(() => outbox.pending() === 0);
    expect(replies()).toHaveLength(1);
  });

  it("waits as long as Slack asks", async () => {
    slack.failNext({ kind: "429", retryAfter: 40 });
    const { outbox, raise } = await beginAndStop();
    await raise("a");
    await until(() => outbox.pending() === 0);
    const [first, second] = slack.calls;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(40_000);
    expect(slack.calls).toHaveLength(2);
  });

  it("arrives within a minute after hours of failure, without hundreds of tries", async () => {
    slack.failNext({ kind: "500", n: 10_000 });
    const { outbox, raise } = await beginAndStop();
    await raise("a");
    await until(() => slack.calls.length >= 6);
    const [before, calls] = [clock.now(), slack.calls.length];
    await until(() => clock.now() - before >= 3_600_000, { within: 4_000_000, step: 10_000 });
    expect(slack.calls.length - calls).toBeLessThan(70);
    slack.recover();
    expect(await until(() => outbox.pending() === 0)).toBeLessThan(70_000);
    expect(threads()).toHaveLength(1);
  });

  it("that is refused is kept with the error and tried again every few minutes, while others go on", async () => {
    const { outbox, raise } = await beginAndStop();
    await raise("a", { channel: "#nowhere" });
    await raise("b", { key: "other" });
    await until(() => threads().length === 1 && outbox.pending() === 1);
    const error = expect.stringContaining("channel_not_found");
    await expect(owedInStore()).resolves.toMatchObject([{ op: "post", error }]);
    await expect(store.read({ kinds: ["message"], order: "oldest-first", limit: 10 })).resolves.toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ data: expect.objectContaining({ event: "failed", error }) }),
      ]),
    );
    slack.addChannel("nowhere");
    expect(await until(() => outbox.pending() === 0)).toBeLessThan(200_000);
    expect(slack.messages("nowhere")).toHaveLength(1);
    expect(slack.calls.length).toBeLessThan(6);
  });

  it("that always fails does not hold up the others of its channel", async () => {
    const broken = connect();
    const messenger: Messenger = {
      ...broken,
      post: (to, message, signal) =>
        message.title.startsWith("Slow on bad")
          ? connectSlack({ token: slack.token, apiUrl: "http://127.0.0.1:1/" }).post(to, message, signal)
          : broken.post(to, message, signal),
    };
    const { outbox, raise } = await begin({ messenger });
    running.push(outbox);
    await raise("bad", { key: "bad" });
    await raise("good", { key: "good" });
    await until(() => threads().length === 1);
    expect(outbox.pending()).toBe(1);
  });

  it("is not late when the wall clock is set back by a day", async () => {
    const { outbox, raise } = await beginAndStop();
    await raise("a", { channel: "#nowhere" });
    await until(() => slack.calls.length === 1);
    await clock.advance(10_000);
    slack.addChannel("nowhere");
    clock.set(clock.now() - 86_400_000);
    expect(await until(() => outbox.pending() === 0)).toBeLessThan(200_000);
  });
});

describe("many at once", () => {
  it("are five threads and one digest, at Slack's pace, with few edits", async () => {
    const { outbox, raise } = await beginAndStop();
    for (let n = 0; n < 25; n += 1) {
      await raise(`e${n}`, { key: `g${n}` });
      await until(() => true);
      await clock.advance(500);
    }
    await until(() => outbox.pending() === 0);
    expect(threads()).toHaveLength(6);
    const digest = threads().find(({ text }) => text.includes("at once"));
    expect(digest?.text).toBe("🔴 20 escalations at once");
    expect(digest?.edits).toBeLessThan(12);
    expect(steps.filter((step) => step.kind === "delivered" && step.result === "failed")).toEqual([]);
    const times = slack.calls.map(({ at }) => at);
    expect(times.slice(1).every((at, n) => at - (times[n] ?? 0) >= 1000)).toBe(true);
  });

  it("alerts of one group are one message", async () => {
    const { outbox, raise } = await beginAndStop();
    for (let n = 0; n < 200; n += 1) await raise(`e${n}`);
    await until(() => outbox.pending() === 0);
    expect(threads()).toMatchObject([{ text: "🔴 Slow on e0: no rule knows this alert (200 alerts)" }]);
    expect(slack.calls.length).toBeLessThan(4);
  });
});

describe("when the store cannot be written", () => {
  it("what was sent is not sent again", async () => {
    const real = connect();
    const messenger: Messenger = {
      ...real,
      async post(to, message, signal) {
        const posted = await real.post(to, message, signal);
        store.failNext(4);
        return posted;
      },
    };
    const { outbox, raise } = await begin({ messenger });
    running.push(outbox);
    await raise("a");
    await until(() => outbox.pending() === 0);
    expect(threads()).toHaveLength(1);
  });

  it("nothing is sent before it is noted", async () => {
    const { outbox, raise } = await beginAndStop();
    const raised = raise("a");
    await raised;
    store.failNext(2);
    await until(() => outbox.pending() === 0);
    expect(threads()).toHaveLength(1);
  });
});

describe("stopping", () => {
  it("lets a message under way end, and leaves the rest to the next process", async () => {
    const first = await begin();
    await first.raise("a", { key: "a" });
    await first.raise("b", { key: "b" });
    await until(() => threads().length === 1);
    await first.outbox.stop();
    const second = await beginAndStop();
    await until(() => second.outbox.pending() === 0);
    expect(threads()).toHaveLength(2);
  });

  it("does not wait for Slack for ever", async () => {
    const messenger: Messenger = {
      ...connect(),
      post: (_to, _message, signal) =>
        new Promise((_done, fail) => signal.addEventListener("abort", () => fail(signal.reason))),
    };
    const { outbox, raise } = await begin({ messenger });
    await raise("a");
    await clock.advance(0);
    let stopped = false;
    const stopping = outbox.stop().then(() => (stopped = true));
    await until(() => stopped, { within: 6000 });
    await stopping;
    await expect(owedInStore()).resolves.toMatchObject([{ op: "post", sending: expect.any(Number) }]);
  });
});

/** The world ends for a process at its n-th call outward, before it is made or after it took effect. */
function mortal(n: number, when: "before" | "after") {
  let calls = 0;
  let dead = false;
  const real = connect();
  async function outward<T>(call: () => Promise<T>): Promise<T> {
    calls += 1;
    const last = calls === n;
    if (dead || (last && when === "before")) return die();
    const result = await call();
    return last || dead ? die() : result;
  }
  const die = <T>(): Promise<T> => {
    dead = true;
    return new Promise<T>(() => {});
  };
  const messenger: Messenger = {
    post: (...args) => outward(() => real.post(...args)),
    update: (...args) => outward(() => real.update(...args)),
    find: (...args) => outward(() => real.find(...args)),
  };
  const mortalStore: Store = Object.assign(Object.create(store) as Store, {
    commit: (change: Parameters<Store["commit"]>[0]) => outward(() => store.commit(change)),
  });
  return { messenger, store: mortalStore, dead: () => dead };
}

describe("killed at any of its calls, the next process", () => {
  const points = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) =>
    (["before", "after"] as const).map((when) => [when, n] as const),
  );

  /** Raised and told, then resolved and told; a process that dies on the way is followed by another. */
  async function story(when: "before" | "after", n: number): Promise<{ died: boolean }> {
    const { dead, ...parts } = mortal(n, when);
    let now = await begin(parts);
    const over = async (): Promise<void> => {
      await until(() => dead() || now.outbox.pending() === 0);
      if (!dead() || now.outbox === running[0]) return;
      now = await beginAndStop();
      await until(() => now.outbox.pending() === 0);
    };
    const id = await now.raise("a");
    await over();
    if (running.length > 0) await until(() => now.outbox.pending() === 0);
    await now.resolve(id, "a");
    await over();
    await until(() => now.outbox.pending() === 0);
    return { died: dead() };
  }

  it.each(points)("posts once, edits and answers once (%s call %i)", async (when, n) => {
    const { died } = await story(when, n);
    expect(died).toBe(n <= 8);
    expect(threads()).toMatchObject([{ text: "✅ Resolved: Slow on a: no rule knows this alert" }]);
    expect(replies()).toHaveLength(1);
    await expect(owedInStore()).resolves.toEqual([]);
  });

  it.each(points)("posts at least once where the app may not look (%s call %i)", async (when, n) => {
    slack.mayRead = false;
    await story(when, n);
    expect(threads().length).toBeGreaterThanOrEqual(1);
    expect(threads().length).toBeLessThanOrEqual(2);
    expect(threads().at(-1)?.text).toBe("✅ Resolved: Slow on a: no rule knows this alert");
    expect(replies().length).toBeGreaterThanOrEqual(1);
  });
});
