import { describe, expect, it } from "vitest";
import type { Entry, EntryKind } from "../../src/core/journal.ts";
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
${more}`;

const outcomes = async (journal: (kinds: EntryKind[]) => Promise<Entry[]>): Promise<string[]> =>
  (await journal(["outcome"])).map(({ data }) => (data as { result: { kind: string } }).result.kind);

describe("once", () => {
  const deaths = Array.from({ length: 9 }, (_, index) => index + 2).flatMap((commit) => [
    { commit, when: "before" as const },
    { commit, when: "after" as const },
  ]);
  it.each(deaths)(
    "when it dies $when commit $commit, the next process makes it exactly one effect and one escalation",
    async ({ commit, when }) => {
      const clock = fakeClock(start);
      const store = memoryStore();
      const swarm = new FakeSwarm(clock);
      swarm.set("shop_web", { replicas: 2 });
      const alerts = [
        firing(),
        firing({ labels: { alertname: "Unknown" }, fingerprint: "00000000000000aa" }),
      ];
      const doomed = mortal(store, commit, when);
      const first = await aHomeostat({
        rules: rules("    repeat: once"),
        store: doomed,
        swarm,
        clock,
      });
      const accepted = first.post(...alerts);
      await clock.advance(seconds(5));
      const answered = await Promise.race([accepted.then(() => true), Promise.resolve(false)]);

      const second = await aHomeostat({ rules: rules("    repeat: once"), store, swarm, clock });
      // Alertmanager comes again where it got no answer, and its pair comes anyway.
      if (!answered) await second.post(...alerts);
      await clock.advance(seconds(30));
      await second.post(...alerts);
      await clock.advance(minutes(2));

      expect(swarm.changes.map(({ set }) => set)).toEqual([{ kind: "replicas", replicas: 4 }]);
      expect(second.controller.escalations({ limit: 9 })).toMatchObject([{ kind: "unknown", firing: 1 }]);
      expect(second.controller.episodes({ limit: 9 }).flatMap(({ courses }) => courses)).toMatchObject([
        { phase: "done", tries: 1 },
      ]);
      await second.stop();
    },
  );

  it("dies often enough in the test above for it to mean something", async () => {
    const clock = fakeClock(start);
    const swarm = new FakeSwarm(clock);
    swarm.set("shop_web");
    const last = mortal(memoryStore(), 10, "before");
    const homeostat = await aHomeostat({
      rules: rules("    repeat: once"),
      store: last,
      swarm,
      clock,
    });
    void homeostat.post(
      firing(),
      firing({ labels: { alertname: "Unknown" }, fingerprint: "00000000000000aa" }),
    );
    await clock.advance(minutes(1));
    // The life of one alert takes fewer commits than the latest death above.
    expect(last.died).toBe(false);
    expect(swarm.changes).toHaveLength(1);
  });

  it("when the answer to the update is lost", async () => {
    const { post, clock, swarm, journal, stop } = await aHomeostat({
      rules: rules("    repeat: once"),
    });
    swarm.set("shop_web");
    const { service } = swarm;
    swarm.service = async function (this: FakeSwarm, name) {
      const answer = await service.call(this, name);
      this.failNext(1, { after: true });
      this.service = service;
      return answer;
    };
    await post(firing());
    await clock.advance(seconds(10));
    expect(swarm.changes).toHaveLength(1);
    expect((await journal(["outcome"])).map(({ data }) => (data as { result: object }).result)).toEqual([
      { kind: "applied" },
    ]);
    await stop();
  });

  it("when the cluster is away for half a minute, it acts afterwards", async () => {
    const { post, clock, swarm, decisions, stop } = await aHomeostat({
      rules: rules("    repeat: once"),
    });
    swarm.set("shop_web");
    swarm.failNext(Infinity);
    await post(firing());
    await clock.advance(seconds(30));
    expect(await decisions()).toEqual(["ObservationFailed"]);
    swarm.failNext(0);
    await clock.advance(minutes(1));
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it("when the store takes long to write the intent down, it looks again before it acts", async () => {
    const store = memoryStore();
    const { post, clock, swarm, journal, stop } = await aHomeostat({
      rules: rules("    repeat: once"),
      store,
    });
    swarm.set("shop_web", { replicas: 2 });
    const { service } = swarm;
    swarm.service = async function (this: FakeSwarm, name) {
      const seen = await service.call(this, name);
      this.service = service;
      store.failNext(7);
      return seen;
    };
    await post(firing());
    expect(swarm.changes).toEqual([]);
    await clock.advance(seconds(30));
    expect(swarm.changes).toHaveLength(1);
    expect(await outcomes(journal)).toEqual(["stale", "applied"]);
    await stop();
  });

  it("when somebody else moves the service between reading and writing, it reads again and decides again", async () => {
    const { post, swarm, journal, stop } = await aHomeostat({ rules: rules("    repeat: once") });
    swarm.set("shop_web", { replicas: 2, image: "web:1" });
    const { update } = swarm;
    swarm.update = async function (this: FakeSwarm, change) {
      this.update = update;
      this.set("shop_web", { image: "web:2" });
      return update.call(this, change);
    };
    await post(firing());
    expect(swarm.peek("shop_web")).toMatchObject({ replicas: 4, image: "web:2" });
    expect(await outcomes(journal)).toEqual(["conflict", "applied"]);
    await stop();
  });
});

describe("a person outranks it", () => {
  it("a change by hand is noticed, left alone for its time, and not fought", async () => {
    const { post, clock, swarm, journal, decisions, stop } = await aHomeostat({ rules: rules() });
    swarm.set("shop_web", { replicas: 2 });
    await post(firing());
    await clock.advance(seconds(10));
    swarm.set("shop_web", { replicas: 9, intent: swarm.peek("shop_web").intent });
    await clock.advance(minutes(5));
    expect(swarm.peek("shop_web").replicas).toBe(9);
    expect(await decisions()).toEqual(["act", "ChangedByHand"]);
    expect((await journal(["noticed"])).map(({ data }) => (data as { code: string }).code)).toEqual([
      "ChangedByHand",
    ]);
    await clock.advance(minutes(5) + seconds(30));
    expect(swarm.peek("shop_web").replicas).toBe(11);
    await stop();
  });

  it("a pause holds everything until it is resumed, and then nothing waits any longer", async () => {
    const { post, clock, swarm, controller, decisions, stop } = await aHomeostat({
      rules: rules(),
    });
    swarm.set("shop_web");
    await controller.pause({ scope: "all", by: "ana", reason: "deploy day", until: null });
    await post(firing());
    await clock.advance(minutes(30));
    expect([swarm.changes.length, (await decisions())[0]]).toEqual([0, "Paused"]);
    expect(controller.escalations({ limit: 1 })).toEqual([]);
    expect(await controller.resume("all", "ana")).toBe(true);
    await clock.advance(seconds(1));
    expect(swarm.changes).toHaveLength(1);
    expect(await controller.resume("all", "ana")).toBe(false);
    await stop();
  });

  it("a pause outlives the process", async () => {
    const store = memoryStore();
    const clock = fakeClock(start);
    const first = await aHomeostat({ rules: rules(), store, clock });
    await first.controller.pause({ scope: "up", by: "ana", reason: "", until: null });
    await first.stop();
    const second = await aHomeostat({ rules: rules(), store, clock });
    second.swarm.set("shop_web");
    await second.post(firing());
    expect(second.swarm.changes).toEqual([]);
    await second.stop();
  });

  it("a pause that cannot be stored fails in the person's face and does not hold", async () => {
    const store = memoryStore();
    const { controller, stop } = await aHomeostat({ rules: rules(), store });
    store.failNext(1);
    await expect(
      controller.pause({ scope: "all", by: "ana", reason: "", until: null }),
    ).rejects.toBeInstanceOf(Fault);
    expect((await controller.status()).pauses).toEqual([]);
    await stop();
  });

  it("a deploy in progress is waited for", async () => {
    const { post, clock, swarm, decisions, stop } = await aHomeostat({
      rules: rules("    repeat: once"),
    });
    swarm.set("shop_web", { update: { state: "updating", message: "" } });
    await post(firing());
    await clock.advance(minutes(1));
    expect([await decisions(), swarm.changes.length]).toEqual([["RolloutInProgress"], 0]);
    swarm.set("shop_web", { update: { state: "completed", message: "" } });
    await clock.advance(minutes(1));
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });
});

describe("what did not help", () => {
  it("is taken back where the rule says so, and a person is told after the last try", async () => {
    const { post, clock, swarm, controller, journal, stop } = await aHomeostat({
      rules: rules("    otherwise: rollback\n    attempts: 1\n    verify: {within: 30s}"),
    });
    swarm.set("shop_web", { replicas: 2 });
    swarm.startsAfter = Infinity;
    await post(firing());
    await clock.advance(minutes(1));
    expect(swarm.changes.map(({ set }) => set)).toEqual([
      { kind: "replicas", replicas: 4 },
      { kind: "replicas", replicas: 2 },
    ]);
    expect(controller.escalations({ limit: 1 })).toMatchObject([
      { kind: "failed", reason: { code: "NotConverged" } },
    ]);
    expect(await journal(["noticed"])).toEqual([]);
    await stop();
  });

  it("is not taken back when somebody has moved on from it", async () => {
    const { post, clock, swarm, stop } = await aHomeostat({
      rules: rules("    otherwise: rollback\n    attempts: 1\n    verify: {within: 30s}"),
    });
    swarm.set("shop_web", { replicas: 2 });
    swarm.startsAfter = Infinity;
    await post(firing());
    await clock.advance(seconds(20));
    swarm.set("shop_web", { replicas: 7, intent: swarm.peek("shop_web").intent });
    await clock.advance(minutes(1));
    expect(swarm.peek("shop_web").replicas).toBe(7);
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it("wakes nobody where the rule says to ignore it", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      rules: rules("    otherwise: ignore\n    attempts: 1\n    verify: {within: 30s}"),
    });
    swarm.set("shop_web");
    swarm.startsAfter = Infinity;
    await post(firing());
    await clock.advance(minutes(5));
    expect(controller.escalations({ limit: 1 })).toEqual([]);
    await stop();
  });

  it("a webhook that answers with an error is tried again under another key, then told", async () => {
    const webhook = `
rules:
  - name: call
    match: ['alertname="SlowResponses"']
    attempts: 2
    cooldown: 1m
    do: [{action: call-webhook, url: 'https://chat.example/'}]
`;
    const { post, clock, calls, answer, controller, stop } = await aHomeostat({ rules: webhook });
    answer.status = 500;
    await post(firing());
    await clock.advance(minutes(3));
    expect(calls.map(({ key }) => key.split("/").at(-1))).toEqual(["1.0", "2.0"]);
    expect(controller.escalations({ limit: 1 })).toMatchObject([{ kind: "failed" }]);
    await stop();
  });

  it("a hold that nobody expects is told to a person once it lasts", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({ rules: rules() });
    swarm.set("shop_web", { labels: {} });
    await post(firing());
    await clock.advance(minutes(4));
    expect(controller.escalations({ limit: 1 })).toEqual([]);
    await clock.advance(minutes(2));
    expect(controller.escalations({ limit: 9 })).toMatchObject([
      { kind: "held", reason: { code: "NoBounds" } },
    ]);
    await clock.advance(minutes(30));
    expect(controller.escalations({ limit: 9 })).toHaveLength(1);
    await stop();
  });
});

describe("while the store cannot be written", () => {
  it("sends notifications back, changes nothing, and goes on by itself", async () => {
    const store = memoryStore();
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      rules: rules("    repeat: once"),
      store,
    });
    swarm.set("shop_web");
    store.failNext(1);
    expect(await post(firing())).toMatchObject({
      kind: "unavailable",
      reason: { code: "CannotBeStored" },
    });
    expect(await post(firing())).toMatchObject({ kind: "accepted", accepted: 1 });
    expect(swarm.changes).toHaveLength(1);
    await clock.advance(seconds(5));
    store.failNext(5);
    expect(await post(firing({ startsAt: start + 1 }))).toMatchObject({ kind: "unavailable" });
    expect((await controller.checks()).find(({ name }) => name === "store")).toMatchObject({
      ok: false,
    });
    store.failNext(0);
    expect((await controller.checks()).find(({ name }) => name === "store")).toMatchObject({
      ok: true,
    });
    await post(resolved());
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    await stop();
  });
});

it("a dry run reads the real world, says what it would do, and changes nothing", async () => {
  const { post, clock, swarm, journal, decisions, stop } = await aHomeostat({
    rules: rules(),
    settings: { dryRun: true },
  });
  swarm.set("shop_web");
  await post(firing());
  await clock.advance(minutes(10));
  expect(swarm.changes).toEqual([]);
  expect(await decisions()).toEqual(["DryRun"]);
  expect(await journal(["intent", "outcome"])).toEqual([]);
  const [decision] = await journal(["decision"]);
  expect(JSON.stringify(decision?.data)).toContain("by +2 from 2 is 4");
  await stop();
});
