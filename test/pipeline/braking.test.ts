import { describe, expect, it } from "vitest";
import type { Change, Store } from "../../src/core/ports.ts";
import { fakeClock } from "../stand-ins/clock.ts";
import { FakeSwarm } from "../stand-ins/swarm.ts";
import { memoryStore } from "../store/memory.ts";
import { aHomeostat, firing, minutes, resolved, seconds, start } from "./homeostat.ts";

const rules = (more = "") => `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
    cooldown: {up: 1m, down: 10m}
${more}`;

const everything = { scope: "all", by: "ana", reason: "", until: null };

/** Does something while the first update is under way: before it happens, or after it failed without happening. */
function meanwhile(swarm: FakeSwarm, work: () => Promise<unknown>): void {
  const { update } = swarm;
  swarm.update = async function (this: FakeSwarm, change) {
    this.update = update;
    await work();
    return update.call(this, change);
  };
}

describe("between a decision and its effect", () => {
  it("a pause stops it, though the intent was written already", async () => {
    const store: Store = memoryStore();
    const homeostat = await aHomeostat({ rules: rules(), store });
    const { post, clock, swarm, controller, journal, decisions, stop } = homeostat;
    swarm.set("shop_web");
    const { commit } = store;
    store.commit = async (change: Change) => {
      if (change.append?.some(({ kind }) => kind === "intent")) {
        store.commit = commit;
        await controller.pause(everything);
      }
      return commit.call(store, change);
    };
    await post(firing());
    await clock.advance(minutes(1));
    expect(swarm.changes).toEqual([]);
    expect((await journal(["outcome"])).map(({ data }) => data)).toMatchObject([
      { result: { kind: "stale", message: "ana paused all" } },
    ]);
    expect((await decisions()).at(-1)).toBe("Paused");
    // It was no try and starts no cooldown.
    await controller.resume("all", "ana");
    await clock.advance(seconds(1));
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it.each([
    ["paused", 0],
    ["resolved", 0],
    ["left alone", 1],
  ])("an update that did not arrive and was %s meanwhile is given again %d times", async (what, times) => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({ rules: rules("    repeat: once") });
    swarm.set("shop_web");
    meanwhile(swarm, async () => {
      swarm.failNext(3);
      if (what === "paused") await controller.pause(everything);
      if (what === "resolved") await post(resolved());
    });
    await post(firing());
    await clock.advance(minutes(5));
    expect(swarm.changes).toHaveLength(times);
    await stop();
  });

  it("one that conflicts after the alert has ended is not decided again, and the episode ends", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({ rules: rules() });
    swarm.set("shop_web", { image: "web:1" });
    meanwhile(swarm, async () => {
      await post(resolved());
      swarm.set("shop_web", { image: "web:2" });
    });
    await post(firing());
    await clock.advance(minutes(5));
    expect(swarm.changes).toEqual([]);
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    await stop();
  });

  it("what a try has still to do is left out once the alert has ended", async () => {
    const { post, clock, swarm, calls, controller, decisions, stop } = await aHomeostat({
      rules: `
rules:
  - name: steps
    match: ['alertname="SlowResponses"']
    do:
      - {action: restart-service, service: '\${alert.labels.service}'}
      - {action: call-webhook, url: 'https://chat.example/'}
`,
    });
    swarm.set("shop_web");
    swarm.startsAfter = seconds(20);
    await post(firing());
    await post(resolved());
    await clock.advance(minutes(1));
    expect([swarm.changes.length, calls.length]).toEqual([1, 0]);
    expect((await decisions()).at(-1)).toBe("NoLongerWanted");
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    await stop();
  });
});

describe("an intent of an earlier process that has not happened", () => {
  /** Dies between writing the intent and its effect. */
  async function died() {
    const clock = fakeClock(start);
    const store = memoryStore();
    const swarm = new FakeSwarm(clock);
    swarm.set("shop_web");
    const first = await aHomeostat({ rules: rules("    otherwise: rollback"), store, swarm, clock });
    swarm.update = () => new Promise(() => {});
    await first.post(firing());
    const alive = new FakeSwarm(clock);
    alive.set("shop_web", swarm.peek("shop_web"));
    expect(alive.peek("shop_web").version).toBe(swarm.peek("shop_web").version);
    return { clock, store, swarm: alive, first };
  }

  it("is not given again by a dry run", async () => {
    const { clock, store, swarm } = await died();
    const dry = await aHomeostat({ rules: rules(), store, swarm, clock, settings: { dryRun: true } });
    await clock.advance(minutes(5));
    expect(swarm.changes).toEqual([]);
    await dry.stop();
  });

  it("is not given again while a person has paused", async () => {
    const { clock, store, swarm, first } = await died();
    await first.controller.pause(everything);
    const second = await aHomeostat({ rules: rules(), store, swarm, clock });
    await clock.advance(minutes(5));
    expect(swarm.changes).toEqual([]);
    await second.stop();
  });

  it("is not given again when its rule was taken away, and the alert goes to a person", async () => {
    const { clock, store, swarm } = await died();
    const other = rules().replace("SlowResponses", "Other").replace("scale-out", "other");
    const second = await aHomeostat({ rules: other, store, swarm, clock });
    await clock.advance(minutes(5));
    expect(swarm.changes).toEqual([]);
    expect(second.controller.escalations({ limit: 9 })).toMatchObject([{ kind: "unknown" }]);
    await second.stop();
  });
});

it("a dry run takes nothing back that an earlier process did", async () => {
  const clock = fakeClock(start);
  const store = memoryStore();
  const swarm = new FakeSwarm(clock);
  swarm.set("shop_web", { replicas: 2 });
  swarm.startsAfter = Infinity;
  const undoing = rules("    otherwise: rollback\n    attempts: 1\n    verify: {within: 30s}");
  const first = await aHomeostat({ rules: undoing, store, swarm, clock });
  await first.post(firing());
  await first.stop();
  const dry = await aHomeostat({ rules: undoing, store, swarm, clock, settings: { dryRun: true } });
  await clock.advance(minutes(5));
  expect(swarm.peek("shop_web").replicas).toBe(4);
  await dry.stop();
});

it("a label on the service that brakes one direction also brakes an absolute size that turns out to go there", async () => {
  const { post, clock, swarm, decisions, stop } = await aHomeostat({
    rules: rules().replace("by: +2", "to: 3"),
  });
  const labels = { "homeostat.min": "1", "homeostat.max": "9", "homeostat.pause": "down" };
  swarm.set("shop_web", { replicas: 5, labels });
  await post(firing());
  await clock.advance(minutes(1));
  expect([await decisions(), swarm.changes.length]).toEqual([["Paused"], 0]);
  swarm.set("shop_web", { replicas: 2, labels });
  await clock.advance(minutes(15));
  expect(swarm.peek("shop_web").replicas).toBe(3);
  await stop();
});
