import { describe, expect, it } from "vitest";
import type { Change } from "../../src/core/ports.ts";
import { Fault } from "../../src/core/reason.ts";
import { fakeClock } from "../stand-ins/clock.ts";
import { FakeSwarm } from "../stand-ins/swarm.ts";
import { memoryStore } from "../store/memory.ts";
import { aHomeostat, firing, minutes, resolved, seconds, start } from "./homeostat.ts";
import { mortal } from "./mortal.ts";

const rules = (more = "") => `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
    cooldown: {up: 1m, down: 10m}
    repeat: once
${more}`;
const call = `
rules:
  - name: call
    match: ['alertname="SlowResponses"']
    repeat: once
    attempts: 1
    do: [{action: call-webhook, url: 'https://chat.example/'}]
`;

describe("what was answered", () => {
  const deaths = [3, 4, 5, 6, 7].flatMap((at) => [
    { at, when: "before" as const },
    { at, when: "after" as const },
  ]);
  it.each(deaths)("is done once though it died $when commit $at and nobody sends it again", async (death) => {
    const clock = fakeClock(start);
    const store = memoryStore();
    const swarm = new FakeSwarm(clock);
    swarm.set("shop_web");
    const first = await aHomeostat({
      rules: rules(),
      store: mortal(store, death.at, death.when),
      swarm,
      clock,
    });
    expect(
      await first.post(
        firing(),
        firing({ labels: { alertname: "Unknown" }, fingerprint: "00000000000000aa" }),
      ),
    ).toMatchObject({ kind: "accepted" });
    await clock.advance(seconds(1));
    const second = await aHomeostat({ rules: rules(), store, swarm, clock });
    await clock.advance(minutes(2));
    expect(swarm.changes).toHaveLength(1);
    expect(second.controller.escalations({ limit: 9 })).toMatchObject([{ kind: "unknown", firing: 1 }]);
    await second.stop();
  });

  it("is not worked through again by the next process", async () => {
    const store = memoryStore();
    const { post, clock, stop } = await aHomeostat({ rules: rules(), store });
    await post(firing());
    await clock.advance(seconds(1));
    const [entry] = await store.read({ kinds: ["notification"], order: "newest-first", limit: 1 });
    expect((await store.get("cursor"))?.value).toEqual({ seq: (entry?.seq ?? 0) + 1, alert: 0 });
    await stop();
  });

  it("to a twin waits for the disk as the first does, and fails with it", async () => {
    const store = memoryStore();
    const { post, stop } = await aHomeostat({ rules: rules(), store });
    const { commit } = store;
    const { promise: written, reject } = Promise.withResolvers<never>();
    store.commit = () => written;
    const both = [post(firing()), post(firing())];
    store.commit = commit;
    const early = await Promise.race([both[1], Promise.resolve("waits")]);
    expect(early).toBe("waits");
    reject(new Fault("unavailable", "the disk is full"));
    expect(await Promise.all(both)).toMatchObject([{ kind: "unavailable" }, { kind: "unavailable" }]);
    await stop();
  });
});

describe("a new process", () => {
  it("matches what an earlier one could not, for want of the service", async () => {
    const clock = fakeClock(start);
    const store = memoryStore();
    const swarm = new FakeSwarm(clock);
    swarm.set("shop_web");
    const seeing = rules("    when: service.image == 'web:1'");
    swarm.failNext(Infinity);
    const first = await aHomeostat({ rules: seeing, store, swarm, clock });
    await first.post(firing());
    await first.stop();
    swarm.failNext(0);
    const second = await aHomeostat({ rules: seeing, store, swarm, clock });
    await clock.advance(seconds(10));
    expect(swarm.changes).toHaveLength(1);
    await second.stop();
  });

  it("does not call again where it cannot know whether the call was made, and tells a person", async () => {
    const clock = fakeClock(start);
    const store = memoryStore();
    const first = await aHomeostat({ rules: call, store: mortal(store, 4, "after"), clock });
    await first.post(firing());
    await clock.advance(seconds(1));
    expect(await store.list("intent/", { limit: 9 })).toHaveLength(1);
    const second = await aHomeostat({ rules: call, store, clock });
    await clock.advance(minutes(1));
    expect(second.calls).toEqual([]);
    expect(second.controller.escalations({ limit: 9 })).toMatchObject([
      { reason: { code: "OutcomeUnknown" } },
    ]);
    await second.stop();
  });

  it("takes back what an earlier one was about to, and the course goes on as failed", async () => {
    const clock = fakeClock(start);
    const store = memoryStore();
    const swarm = new FakeSwarm(clock);
    swarm.set("shop_web", { replicas: 2 });
    swarm.startsAfter = Infinity;
    const undoing = rules("    otherwise: rollback\n    attempts: 1\n    verify: {within: 30s}");
    const first = await aHomeostat({ rules: undoing, store, swarm, clock });
    await first.post(firing());
    const { update } = swarm;
    swarm.update = () => new Promise(() => {}); // dies while it takes back
    await clock.advance(seconds(35));
    expect(await store.list("intent/", { limit: 9 })).toHaveLength(2);
    swarm.update = update;
    const second = await aHomeostat({ rules: undoing, store, swarm, clock });
    await clock.advance(minutes(1));
    expect(swarm.peek("shop_web").replicas).toBe(2);
    expect(await store.list("intent/", { limit: 9 })).toEqual([]);
    expect(second.controller.episodes({ limit: 1 })).toMatchObject([
      { courses: [{ phase: "handed-over", tries: 1 }] },
    ]);
    await second.stop();
  });
});

it("an update that conflicted was no try", async () => {
  const { post, clock, swarm, controller, stop } = await aHomeostat({ rules: rules() });
  swarm.set("shop_web");
  const { update } = swarm;
  swarm.update = async function (this: FakeSwarm, change) {
    this.update = update;
    this.set("shop_web", { image: "web:2" });
    return update.call(this, change);
  };
  await post(firing());
  await clock.advance(seconds(10));
  expect(swarm.changes.map(({ intent }) => intent.split("/").at(-1))).toEqual(["1.0"]);
  expect(controller.episodes({ limit: 1 })).toMatchObject([{ courses: [{ phase: "done", tries: 1 }] }]);
  await stop();
});

it("an episode whose action is being verified does not expire", async () => {
  const { post, clock, swarm, controller, stop } = await aHomeostat({
    rules: rules("    attempts: 1\n    verify: {within: 10m}"),
    settings: { episodeTtl: minutes(3) },
  });
  swarm.set("shop_web");
  swarm.startsAfter = Infinity;
  await post(firing());
  await clock.advance(minutes(9));
  expect(controller.episodes({ limit: 9 })).toHaveLength(1);
  await clock.advance(minutes(1) + seconds(5));
  // It is told before it expires.
  expect(controller.escalations({ limit: 9 })).toMatchObject([{ kind: "failed" }]);
  await stop();
});

it("an alert that fires anew takes the place of its earlier life", async () => {
  const { post, clock, swarm, controller, journal, stop } = await aHomeostat({ rules: rules() });
  swarm.set("shop_web");
  await post(firing());
  await clock.advance(minutes(2));
  await post(firing({ startsAt: start + minutes(2) }));
  expect(controller.episodes({ limit: 9 })).toHaveLength(1);
  expect((await journal(["episode"])).map(({ data }) => data)).toContainEqual({
    event: "closed",
    why: "superseded",
  });
  await post(resolved({ startsAt: start + minutes(2), endsAt: start + minutes(3) }));
  await clock.advance(seconds(10));
  expect(controller.episodes({ limit: 9 })).toEqual([]);
  await stop();
});

it("what waits to be worked through outlives the journal's retention", async () => {
  const store = memoryStore();
  const body = JSON.stringify({ at: start });
  const { clock, controller, post, swarm, stop } = await aHomeostat({
    rules: rules(),
    store,
    settings: { retention: minutes(1), retentionSize: body.length },
  });
  swarm.set("shop_web");
  const { commit } = store;
  const { promise: mended, resolve: mend } = Promise.withResolvers<void>();
  store.commit = async (change: Change) => {
    if (change.append?.[0]?.kind !== "notification") await mended;
    return commit.call(store, change);
  };
  await post(firing({ labels: { alertname: "Unknown" } }));
  await post(firing({ fingerprint: "00000000000000bb" }));
  await clock.advance(minutes(5));
  expect((await controller.status()).backlog).toBe(1);
  expect(await store.read({ kinds: ["notification"], order: "oldest-first", limit: 9 })).toHaveLength(2);
  mend();
  await clock.advance(seconds(10));
  expect(swarm.changes).toHaveLength(1);
  await stop();
});

it("of two that pull in opposite directions, the one that wants more is heard", async () => {
  const { post, clock, swarm, decisions, stop } = await aHomeostat({
    rules: `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: shop_web, by: +2, max: 4}]
  - name: scale-in
    match: ['alertname="FastResponses"']
    do: [{action: scale-service, service: shop_web, by: -1}]
`,
  });
  swarm.set("shop_web", { replicas: 4 });
  await post(firing());
  await post(firing({ labels: { alertname: "FastResponses" }, fingerprint: "00000000000000fa" }));
  await clock.advance(minutes(5));
  expect(await decisions()).toEqual(expect.arrayContaining(["AtMaximum", "ConflictingDirections"]));
  expect(swarm.changes).toEqual([]);
  await stop();
});

describe("stopping", () => {
  /** Every update takes three seconds, and is given up when it is not waited for. */
  async function slow() {
    const homeostat = await aHomeostat({ rules: rules() });
    const { swarm, clock } = homeostat;
    swarm.set("shop_web");
    const { update } = swarm;
    swarm.update = async function (this: FakeSwarm, change, signal?: AbortSignal) {
      await clock.sleep(seconds(3), signal).catch((cause: unknown) => {
        throw new Fault("unavailable", "it was not waited for", { cause });
      });
      return update.call(this, change);
    };
    return homeostat;
  }

  it("lets an update that is under way end, and writes down how it ended", async () => {
    const { post, clock, swarm, journal, stop } = await slow();
    await post(firing());
    const stopping = stop();
    await clock.advance(seconds(4));
    await stopping;
    expect(swarm.changes).toHaveLength(1);
    expect(await journal(["outcome"])).toHaveLength(1);
  });

  it("waits for a cluster that hangs no longer than its grace", async () => {
    const { post, clock, swarm, stop } = await slow();
    await post(firing());
    swarm.failNext(Infinity);
    let ended = false;
    const stopping = stop().then(() => (ended = true));
    await clock.advance(seconds(16));
    await stopping;
    expect(ended).toBe(true);
  });
});
