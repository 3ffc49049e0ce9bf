import { describe, expect, it } from "vitest";
import type { Catalog } from "../../src/core/catalog.ts";
import { compileCatalog } from "../../src/core/compile.ts";
import { fakeClock } from "../stand-ins/clock.ts";
import { FakeSwarm } from "../stand-ins/swarm.ts";
import { memoryStore } from "../store/memory.ts";
import { aHomeostat, firing, minutes, resolved, seconds, start } from "./homeostat.ts";

const rule = (more = "", name = "scale-out") => `
  - name: ${name}
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
    cooldown: {up: 1m, down: 10m}
${more}`;
const rules = (...all: string[]): string => `rules:\n${all.join("\n")}`;

function catalogOf(text: string): { kind: "loaded"; catalog: Catalog } {
  const compiled = compileCatalog([{ file: "new.yml", text }]);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return { kind: "loaded", catalog: compiled.catalog };
}

describe("an alert that nobody confirms", () => {
  it("goes on when it is told again after it expired, and no try is made twice", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      rules: rules(rule()),
      settings: { episodeTtl: minutes(30) },
      alertmanager: null,
    });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(minutes(40));
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    expect(await post(firing())).toMatchObject({ accepted: 1 });
    expect(swarm.changes.map(({ intent }) => intent.split("/").at(-1))).toEqual(["1.0", "2.0"]);
    await stop();
  });

  it("is denied for five minutes before it is given up, however long it was held before", async () => {
    const alertmanager = { state: "suppressed" as "firing" | "suppressed" | "absent" };
    const { post, clock, controller, decisions, stop } = await aHomeostat({
      rules: rules(rule()),
      alertmanager,
    });
    await post(firing());
    await clock.advance(minutes(20));
    alertmanager.state = "absent";
    await clock.advance(minutes(4));
    expect((await decisions()).at(-1)).toBe("AlertNotFiring");
    expect(controller.episodes({ limit: 1 })).toHaveLength(1);
    await clock.advance(minutes(3));
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    await stop();
  });

  it("does not expire because a new process was told nothing yet", async () => {
    const clock = fakeClock(start);
    const store = memoryStore();
    const settings = { episodeTtl: minutes(30) };
    const first = await aHomeostat({ rules: rules(rule()), store, clock, settings });
    const unknown = firing({ labels: { alertname: "Unknown" } });
    await first.post(unknown);
    for (let round = 0; round < 4; round += 1) {
      await clock.advance(minutes(20));
      await first.post(unknown);
    }
    await first.stop();
    const second = await aHomeostat({ rules: rules(rule()), store, clock, settings });
    await clock.advance(minutes(20));
    expect(second.controller.escalations({ limit: 9 })).toMatchObject([{ status: "open" }]);
    await clock.advance(minutes(12));
    expect(second.controller.episodes({ limit: 1 })).toEqual([]);
    await second.stop();
  });
});

it("an alert that ends while a person is about to be asked is not asked about, and stays ended", async () => {
  const { post, clock, swarm, controller, stop } = await aHomeostat({
    rules: rules(`
  - name: ask
    match: ['alertname="SlowResponses"']
    do: [{action: escalate}]`),
  });
  swarm.set("shop_web");
  const { tasks } = swarm;
  swarm.tasks = async function (this: FakeSwarm, id) {
    this.tasks = tasks;
    await post(resolved());
    return tasks.call(this, id);
  };
  await post(firing());
  await clock.advance(minutes(1));
  expect(controller.episodes({ limit: 9 })).toEqual([]);
  expect(controller.escalations({ limit: 9 })).toEqual([]);
  await stop();
});

it("an alert that ends while its service cannot be read stays ended", async () => {
  const { post, clock, swarm, controller, stop } = await aHomeostat({
    rules: rules(rule("    when: service.image == 'web:1'")),
  });
  const { service } = swarm;
  swarm.service = async function (this: FakeSwarm) {
    this.failNext(Infinity);
    await clock.sleep(minutes(6));
    return service.call(this, "shop_web");
  };
  await post(firing());
  await clock.advance(minutes(3));
  await post(resolved());
  await clock.advance(minutes(30));
  // What was read too late must not bring back how it stood before.
  expect(controller.episodes({ limit: 9 }).filter(({ alert }) => alert.status === "firing")).toEqual([]);
  await stop();
});

describe("a new catalog", () => {
  const unknown = { kind: "unknown", status: "open" };

  it("takes an open alert up also by a rule that wants to see the service", async () => {
    const { post, clock, swarm, controller, reload, stop } = await aHomeostat({
      rules: rules(rule()).replace("SlowResponses", "Other"),
    });
    swarm.set("shop_web");
    await post(firing());
    expect(controller.escalations({ limit: 9 })).toMatchObject([unknown]);
    await reload(catalogOf(rules(rule("    when: service.image == 'web:1'"))));
    await clock.advance(seconds(1));
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it.each([
    ["waits", 0],
    ["is verified", seconds(30)],
  ])(
    "without the rule whose course %s: another rule takes the alert, or a person",
    async (_, startsAfter) => {
      const { post, clock, swarm, controller, reload, journal, stop } = await aHomeostat({
        rules: rules(rule()),
      });
      swarm.set("shop_web");
      swarm.startsAfter = startsAfter;
      await post(firing());
      await clock.advance(seconds(1));
      await reload(catalogOf(rules(rule("    when: service.image == 'web:1'", "renamed"))));
      await clock.advance(minutes(3));
      expect(swarm.changes.map(({ intent }) => intent.split("/")[1])).toEqual(
        expect.arrayContaining(["scale-out", "renamed"]),
      );
      await reload(catalogOf(rules(rule()).replace("SlowResponses", "Other")));
      await clock.advance(minutes(3));
      expect(controller.escalations({ limit: 9 })).toMatchObject([unknown]);
      // And the rule that is written because of that takes it up.
      await reload(catalogOf(rules(rule("", "third"))));
      await clock.advance(minutes(3));
      expect((await journal(["intent"])).at(-1)?.data).toMatchObject({ intent: { rule: "third" } });
      await stop();
    },
  );

  it("without the rule of an alert that ended meanwhile: its episode ends", async () => {
    const { post, clock, swarm, controller, reload, stop } = await aHomeostat({ rules: rules(rule()) });
    swarm.set("shop_web");
    swarm.startsAfter = seconds(30);
    await post(firing());
    await reload(catalogOf(rules(rule()).replace("SlowResponses", "Other").replace("scale-out", "other")));
    await post(resolved());
    await clock.advance(minutes(1));
    expect(controller.episodes({ limit: 9 })).toEqual([]);
    await stop();
  });

  it("with fewer steps than were made: the try is over and the next one begins", async () => {
    const steps = (...all: string[]): string =>
      rules(`
  - name: steps
    match: ['alertname="SlowResponses"']
    cooldown: 1m
    do:
${all.map((step) => `      - {action: ${step}, service: '\${alert.labels.service}'}`).join("\n")}`);
    const { post, clock, swarm, reload, journal, stop } = await aHomeostat({
      rules: steps("restart-service", "restart-service"),
    });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(seconds(10));
    await reload(catalogOf(steps("restart-service")));
    await clock.advance(minutes(1));
    expect(swarm.changes.map(({ intent }) => intent.split("/").at(-1))).toEqual(["1.0", "2.0"]);
    expect(JSON.stringify(await journal(["decision"]))).not.toContain("RuleGone");
    await stop();
  });
});

it("an alert that is denied while another rule's action is verified is kept until that is judged", async () => {
  const alertmanager = { state: "firing" as "firing" | "absent" };
  const { post, clock, swarm, controller, stop } = await aHomeostat({
    alertmanager,
    rules: rules(
      rule("    continue: true\n    attempts: 1\n    verify: {within: 12m}"),
      rule("", "other").replace("alert.labels.service", "alert.labels.other"),
    ),
  });
  swarm.set("shop_web");
  swarm.startsAfter = Infinity;
  await post(firing({ labels: { other: "shop_none" } }));
  alertmanager.state = "absent";
  await clock.advance(minutes(11));
  expect(controller.episodes({ limit: 1 })).toHaveLength(1);
  await clock.advance(minutes(2));
  expect(controller.escalations({ limit: 9 })).toMatchObject([
    { kind: "failed", reason: { code: "NotConverged" } },
  ]);
  await stop();
});
