import { describe, expect, it } from "vitest";
import { aHomeostat, firing, minutes, seconds, start } from "./homeostat.ts";

const rules = (more = "", action = "scale-service", size = ", by: +2") => `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: ${action}, service: '\${alert.labels.service}'${size}}]
    cooldown: {up: 1m, down: 10m}
${more}`;
const hour = minutes(60);

describe("a wall clock that is set back by an hour", () => {
  it("does not put off what is held", async () => {
    const { post, clock, swarm, stop } = await aHomeostat({ rules: rules() });
    swarm.set("shop_web");
    swarm.failNext(Infinity);
    await post(firing());
    await clock.advance(seconds(10));
    clock.set(start - hour);
    swarm.failNext(0);
    await clock.advance(minutes(2));
    expect(swarm.changes.length).toBeGreaterThan(0);
    await stop();
  });

  it("makes a cooldown last no longer than from when it was noticed", async () => {
    const { post, clock, swarm, stop } = await aHomeostat({ rules: rules() });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(seconds(30));
    clock.set(start - hour);
    await clock.advance(minutes(1) - 1);
    expect(swarm.changes).toHaveLength(1);
    await clock.advance(minutes(1));
    expect(swarm.changes).toHaveLength(2);
    await stop();
  });

  it("makes a change by hand be left alone no longer than from when that was noticed", async () => {
    const { post, clock, swarm, stop } = await aHomeostat({ rules: rules() });
    swarm.set("shop_web", { replicas: 2 });
    await post(firing());
    await clock.advance(seconds(10));
    swarm.set("shop_web", { replicas: 9, intent: swarm.peek("shop_web").intent });
    await clock.advance(minutes(2));
    clock.set(start - hour);
    await clock.advance(minutes(9));
    expect(swarm.peek("shop_web").replicas).toBe(9);
    await clock.advance(minutes(3));
    expect(swarm.peek("shop_web").replicas).toBeGreaterThan(9);
    await stop();
  });

  it("does not keep a person waiting for what is held for long", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({ rules: rules() });
    swarm.set("shop_web", { labels: {} });
    await post(firing());
    await clock.advance(minutes(1));
    clock.set(start - hour);
    await clock.advance(minutes(7));
    expect(controller.escalations({ limit: 1 })).toMatchObject([{ kind: "held" }]);
    await stop();
  });

  it("does not draw out how long an action may take to help", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({ rules: rules("    attempts: 1") });
    swarm.set("shop_web");
    swarm.startsAfter = Infinity;
    await post(firing());
    await clock.advance(seconds(10));
    clock.set(start - hour);
    await clock.advance(minutes(3));
    expect(controller.escalations({ limit: 1 })).toMatchObject([{ reason: { code: "NotConverged" } }]);
    await stop();
  });
});

it("a wall clock that is set forward by an hour takes nothing back that was about to help", async () => {
  const { post, clock, swarm, journal, stop } = await aHomeostat({
    rules: rules("    otherwise: rollback\n    repeat: once\n    verify: {within: 1m}"),
  });
  swarm.set("shop_web", { replicas: 2 });
  swarm.startsAfter = hour + seconds(40);
  await post(firing());
  await clock.advance(seconds(10));
  clock.set(start + hour);
  await clock.advance(minutes(1));
  expect(swarm.peek("shop_web").replicas).toBe(4);
  expect((await journal(["verification"])).at(-1)?.data).toMatchObject({ judgement: { kind: "verified" } });
  await stop();
});

it("a person is told of a hold in time, though it is known when it will end", async () => {
  const { post, clock, swarm, controller, stop } = await aHomeostat({
    rules: rules("    limit: {actions: 2, per: 1h}"),
  });
  swarm.set("shop_web");
  await post(firing());
  await clock.advance(minutes(10));
  expect(swarm.changes).toHaveLength(2);
  expect(controller.escalations({ limit: 1 })).toMatchObject([
    { kind: "held", reason: { code: "LimitReached" } },
  ]);
  await stop();
});

it("calls for ten thousand alerts are not remembered for ever", async () => {
  const { post, clock, store, stop } = await aHomeostat({
    rules: `
rules:
  - name: call
    match: ['alertname="SlowResponses"']
    repeat: once
    do: [{action: call-webhook, url: 'https://chat.example/'}]
`,
  });
  for (let index = 0; index < 20; index += 1)
    await post(
      firing({ labels: { index: String(index) }, fingerprint: index.toString(16).padStart(16, "0") }),
    );
  await clock.advance(minutes(1));
  expect(await store.list("target/", { limit: 100 })).toHaveLength(20);
  await clock.advance(minutes(62));
  expect(await store.list("target/", { limit: 100 })).toHaveLength(0);
  await stop();
});

it("a wall clock that is set back does not make what was told long ago count as just confirmed", async () => {
  const alertmanager = { state: "firing" as "firing" | "absent" };
  const { post, clock, swarm, decisions, stop } = await aHomeostat({ rules: rules(), alertmanager });
  swarm.set("shop_web");
  swarm.failNext(Infinity);
  await post(firing());
  alertmanager.state = "absent";
  clock.set(start - hour);
  swarm.failNext(0);
  await clock.advance(minutes(1));
  expect(swarm.changes).toEqual([]);
  expect((await decisions()).at(-1)).toBe("AlertNotFiring");
  await stop();
});
