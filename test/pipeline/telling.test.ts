import { describe, expect, it } from "vitest";
import type { Change } from "../../src/core/ports.ts";
import { memoryStore } from "../store/memory.ts";
import { aHomeostat, firing, minutes, resolved, seconds, start } from "./homeostat.ts";

describe("a person is asked", () => {
  it("again when what was held is let go and fails, and both questions end with the alert", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      rules: `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
    cooldown: 1m
    attempts: 1
`,
    });
    swarm.set("shop_web", { labels: {} });
    await post(firing());
    await clock.advance(minutes(7));
    swarm.startsAfter = Infinity;
    swarm.set("shop_web", { labels: { "homeostat.min": "1", "homeostat.max": "9" } });
    swarm.startsAfter = 0;
    await clock.advance(minutes(1));
    swarm.startsAfter = Infinity;
    await clock.advance(minutes(5));
    const asked = (): unknown =>
      controller.escalations({ limit: 9 }).map(({ kind, status }) => [kind, status]);
    expect(asked()).toEqual([
      ["failed", "open"],
      ["held", "open"],
    ]);
    await post(resolved({ endsAt: start + minutes(20) }));
    expect(asked()).toEqual([
      ["failed", "resolved"],
      ["held", "resolved"],
    ]);
    await stop();
  });

  it("by a rule that asks first and then acts, whose tries end all the same, each under its own id", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      rules: `
rules:
  - name: ask-and-restart
    match: ['alertname="SlowResponses"']
    cooldown: 1m
    attempts: 2
    do:
      - {action: escalate, message: restarting it}
      - {action: restart-service, service: '\${alert.labels.service}'}
`,
    });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(minutes(20));
    expect(swarm.changes.map(({ intent }) => intent.split("/").at(-1))).toEqual(["1.1", "2.1"]);
    expect(controller.episodes({ limit: 1 })).toMatchObject([
      { courses: [{ phase: "handed-over", tries: 2 }] },
    ]);
    expect(controller.escalations({ limit: 9 })).toHaveLength(1);
    await stop();
  });
});

it("what a call's URL and headers hold reaches the other side and nobody else", async () => {
  const store = memoryStore();
  const written: Change[] = [];
  const { commit } = store;
  store.commit = (change: Change) => {
    written.push(change);
    return commit.call(store, change);
  };
  const { post, clock, calls, stop } = await aHomeostat({
    store,
    rules: `
rules:
  - name: call
    match: ['alertname="SlowResponses"']
    repeat: once
    do:
      - action: call-webhook
        url: https://chat.example/hooks/s3cret?token=s3cret
        headers: {authorization: Bearer s3cret}
`,
  });
  await post(firing());
  await clock.advance(seconds(1));
  expect(calls).toMatchObject([{ url: "https://chat.example/hooks/s3cret?token=s3cret" }]);
  expect(JSON.stringify(written)).toContain("https://chat.example/…");
  expect(JSON.stringify(written)).not.toContain("s3cret");
  await stop();
});
