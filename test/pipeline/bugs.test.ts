import { describe, expect, it } from "vitest";
import { compileCatalog } from "../../src/core/compile.ts";
import { FakeSwarm } from "../stand-ins/swarm.ts";
import { memoryStore } from "../store/memory.ts";
import { aHomeostat, firing, minutes, seconds } from "./homeostat.ts";

/* What an adapter throws that is no Fault is a bug there. It must neither end the process nor leave anything hanging. */

const rules = (more = "", by = "by: +2") => `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', ${by}}]
    cooldown: {up: 1m, down: 10m}
${more}`;

const bug = async (): Promise<never> => {
  throw new TypeError("undefined is not a function");
};

describe("a bug", () => {
  it("in the update that happened all the same makes one effect, which is verified", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      quiet: true,
      rules: rules("    repeat: once"),
    });
    swarm.set("shop_web");
    const { update } = swarm;
    swarm.update = async function (this: FakeSwarm, change) {
      await update.call(this, change);
      return bug();
    };
    await post(firing());
    await clock.advance(minutes(3));
    expect(swarm.changes).toHaveLength(1);
    expect(controller.episodes({ limit: 1 })).toMatchObject([{ courses: [{ phase: "done", tries: 1 }] }]);
    await stop();
  });

  it("in every update is a failure that a person is told of", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      quiet: true,
      rules: rules("    attempts: 1"),
    });
    swarm.set("shop_web");
    swarm.update = bug;
    await post(firing());
    await clock.advance(minutes(10));
    expect(controller.escalations({ limit: 9 })).toMatchObject([
      { kind: "failed", reason: { code: "ActionFailed" } },
    ]);
    await stop();
  });

  it("in looking after an action is a failure once its time is over", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      quiet: true,
      rules: rules("    attempts: 1"),
    });
    swarm.set("shop_web");
    swarm.tasks = bug;
    await post(firing());
    await clock.advance(minutes(10));
    expect(controller.escalations({ limit: 9 })).toMatchObject([
      { kind: "failed", reason: { code: "VerificationUnknown" } },
    ]);
    await stop();
  });

  it("in reading a service that decides who takes the alert is told to a person", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      quiet: true,
      rules: rules("    when: service.image == 'web:1'"),
    });
    let reads = 0;
    swarm.service = async () => {
      reads += 1;
      return bug();
    };
    await post(firing());
    await clock.advance(minutes(10));
    expect(reads).toBeLessThan(200); // every few seconds, and not by ever more at a time
    expect(controller.escalations({ limit: 9 })).toMatchObject([{ kind: "held" }]);
    await stop();
  });
});

describe("what is to be taken back", () => {
  const undoing = rules("    otherwise: rollback\n    attempts: 1\n    verify: {within: 30s}");

  it("is taken back although the cluster did not answer at first", async () => {
    const { post, clock, swarm, stop } = await aHomeostat({ quiet: true, rules: undoing });
    swarm.set("shop_web", { replicas: 2 });
    swarm.startsAfter = Infinity;
    await post(firing());
    const { tasks } = swarm;
    swarm.tasks = async function (this: FakeSwarm, id) {
      const seen = await tasks.call(this, id);
      if (clock.now() >= Date.parse("2026-03-01T12:00:30Z")) this.failNext(2);
      return seen;
    };
    await clock.advance(minutes(1));
    expect(swarm.peek("shop_web").replicas).toBe(2);
    await stop();
  });

  it.each([
    [
      "ana paused down",
      async (the: Awaited<ReturnType<typeof aHomeostat>>) => {
        await the.controller.pause({ scope: "down", by: "ana", reason: "", until: null });
      },
    ],
    [
      "homeostat.pause",
      async ({ swarm }: Awaited<ReturnType<typeof aHomeostat>>) => {
        const { labels, intent } = swarm.peek("shop_web");
        swarm.set("shop_web", { labels: { ...labels, "homeostat.pause": "all" }, intent });
      },
    ],
  ])("and is not, because of %s, says so in the journal and to the person", async (why, brake) => {
    const homeostat = await aHomeostat({ quiet: true, rules: undoing });
    const { post, clock, swarm, controller, journal, stop } = homeostat;
    swarm.set("shop_web", { replicas: 2 });
    swarm.startsAfter = Infinity;
    await post(firing());
    await brake(homeostat);
    await clock.advance(minutes(1));
    expect(swarm.peek("shop_web").replicas).toBe(4);
    expect((await journal(["decision"])).at(-1)?.data).toMatchObject({
      decision: { kind: "hold", reason: { code: "Paused", message: expect.stringContaining(why) } },
    });
    expect(controller.escalations({ limit: 9 })[0]?.reason.message).toContain(why);
    await stop();
  });
});

it("a pause that was stored holds, though another one given at the same time could not be", async () => {
  const store = memoryStore();
  const { post, clock, swarm, controller, stop } = await aHomeostat({ quiet: true, rules: rules(), store });
  swarm.set("shop_web");
  store.failNext(1);
  const given = await Promise.allSettled([
    controller.pause({ scope: "down", by: "ana", reason: "", until: null }),
    controller.pause({ scope: "all", by: "ben", reason: "", until: null }),
  ]);
  expect(given.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect((await controller.status()).pauses).toMatchObject([{ scope: "all" }]);
  await post(firing());
  await clock.advance(seconds(10));
  expect(swarm.changes).toEqual([]);
  await stop();
});

it("an alert that a bug keeps from being taken up goes to a person, and those behind it go on", async () => {
  const { post, clock, swarm, controller, reload, stop } = await aHomeostat({ quiet: true, rules: rules() });
  swarm.set("shop_web");
  const compiled = compileCatalog([{ file: "rules.yml", text: rules() }]);
  if (!compiled.ok) throw new Error("bad rules");
  const { catalog } = compiled;
  await reload({
    kind: "loaded",
    catalog: {
      ...catalog,
      rule: (name) => catalog.rule(name),
      candidates(alert) {
        if (alert.labels["bad"] === "yes") throw new TypeError("undefined is not a function");
        return catalog.candidates(alert);
      },
    },
  });
  await post(firing({ labels: { bad: "yes" }, fingerprint: "00000000000000bb" }), firing());
  await clock.advance(seconds(5));
  expect(swarm.changes).toHaveLength(1);
  expect(controller.escalations({ limit: 9 })).toMatchObject([
    { kind: "failed", reason: { code: "InternalError" } },
  ]);
  await stop();
});
