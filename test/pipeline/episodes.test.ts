import { describe, expect, it } from "vitest";
import { readNotification } from "../../src/core/alert.ts";
import { compileCatalog } from "../../src/core/compile.ts";
import { aHomeostat, firing, minutes, notification, resolved, seconds, start } from "./homeostat.ts";

const rule = (more = "", action = "scale-service", size = "by: +2") => `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: ${action}, service: '\${alert.labels.service}'${size === "" ? "" : `, ${size}`}}]
    cooldown: {up: 1m, down: 10m}
${more}`;

describe("an episode", () => {
  it("ends when it resolves while its action is still verified, and not before", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({ rules: rule() });
    swarm.set("shop_web");
    swarm.startsAfter = seconds(20);
    await post(firing());
    await post(resolved());
    expect(controller.episodes({ limit: 1 })).toMatchObject([{ courses: [{ phase: "verifying" }] }]);
    await clock.advance(seconds(30));
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it("is not opened again by a late copy from the other Alertmanager", async () => {
    const { post, clock, swarm, stop } = await aHomeostat({ rules: rule() });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(seconds(5));
    await post(resolved());
    expect(await post(firing(), resolved())).toMatchObject({ accepted: 0, duplicates: 2 });
    await clock.advance(minutes(5));
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it("acts only while Alertmanager confirms that it still fires", async () => {
    const alertmanager = { state: "firing" as "firing" | "suppressed" | "absent" };
    const { post, clock, swarm, controller, decisions, stop } = await aHomeostat({
      rules: rule(),
      alertmanager,
    });
    swarm.set("shop_web");
    await post(firing());
    alertmanager.state = "suppressed";
    await clock.advance(minutes(3));
    expect(await decisions()).toEqual(["act", "AlertSilenced"]);
    alertmanager.state = "absent";
    await clock.advance(minutes(3));
    expect((await decisions()).at(-1)).toBe("AlertNotFiring");
    await clock.advance(minutes(6));
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it("waits for a repeat where there is no Alertmanager to ask, and tells a person in the end", async () => {
    const { post, clock, swarm, controller, decisions, stop } = await aHomeostat({
      rules: rule(),
      alertmanager: null,
    });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(minutes(2));
    expect((await decisions()).at(-1)).toBe("AlertUnconfirmed");
    await post(firing());
    await clock.advance(seconds(1));
    expect(swarm.peek("shop_web").replicas).toBe(6);
    await clock.advance(minutes(8));
    expect(controller.escalations({ limit: 1 })).toMatchObject([
      { kind: "held", reason: { code: "AlertUnconfirmed" } },
    ]);
    await stop();
  });

  it("expires when nobody has confirmed it for long", async () => {
    const { post, clock, controller, stop } = await aHomeostat({
      rules: rule(),
      settings: { episodeTtl: minutes(30) },
    });
    await post(firing({ labels: { alertname: "Unknown" } }));
    await clock.advance(minutes(32));
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    await stop();
  });

  it("asks a person after the tries of a rule, and does nothing more", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      rules: rule("    attempts: 2"),
    });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(minutes(10));
    expect(swarm.changes).toHaveLength(2);
    expect(controller.escalations({ limit: 9 })).toMatchObject([
      { kind: "failed", reason: { code: "AttemptsExhausted" } },
    ]);
    expect(controller.episodes({ limit: 1 })).toMatchObject([
      { courses: [{ phase: "handed-over", tries: 2 }] },
    ]);
    await stop();
  });

  it("goes on counting tries when it fires again before it was quiet for long", async () => {
    const { post, clock, swarm, controller, stop } = await aHomeostat({
      rules: rule("    attempts: 2"),
    });
    swarm.set("shop_web");
    for (const round of [0, 1, 2]) {
      const startsAt = start + minutes(3 * round);
      await post(firing({ startsAt }));
      await clock.advance(minutes(1) - 1);
      await post(resolved({ startsAt, endsAt: startsAt + minutes(1) }));
      await clock.advance(minutes(2) + 1);
    }
    expect(swarm.changes).toHaveLength(2);
    expect(controller.escalations({ limit: 9 })).toMatchObject([{ reason: { code: "AttemptsExhausted" } }]);
    await stop();
  });

  it("climbs a ladder, one rung a try", async () => {
    const rules = `
rules:
  - name: climb
    match: ['alertname="SlowResponses"']
    ladder:
      - [{action: restart-service, service: '\${alert.labels.service}'}]
      - [{action: scale-service, service: '\${alert.labels.service}', by: +1}]
    cooldown: 1m
`;
    const { post, clock, swarm, stop } = await aHomeostat({ rules });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(minutes(5));
    expect(swarm.changes.map(({ set }) => set.kind)).toEqual(["restart", "replicas", "replicas"]);
    await stop();
  });

  it("does the steps of a try one after the other, each when the one before is verified", async () => {
    const rules = `
rules:
  - name: steps
    match: ['alertname="SlowResponses"']
    repeat: once
    do:
      - {action: restart-service, service: '\${alert.labels.service}'}
      - {action: call-webhook, url: 'https://chat.example/\${alert.labels.service}'}
      - {action: escalate, message: restarted}
`;
    const { post, clock, swarm, calls, controller, stop } = await aHomeostat({ rules });
    swarm.set("shop_web");
    swarm.startsAfter = seconds(10);
    await post(firing());
    expect(calls).toEqual([]);
    await clock.advance(seconds(20));
    expect(calls).toMatchObject([
      { url: "https://chat.example/shop_web", key: expect.stringMatching(/\/steps\/1\.1$/) },
    ]);
    expect(controller.escalations({ limit: 1 })).toMatchObject([
      { kind: "rule", reason: { message: "restarted" } },
    ]);
    await stop();
  });

  it("runs rules for its end when it ends, also when nobody saw it begin", async () => {
    const rules = `
rules:
  - name: tell
    on: resolved
    match: ['alertname="SlowResponses"']
    do: [{action: call-webhook, url: 'https://chat.example/done', body: 'over: \${alert.labels.service}'}]
`;
    const { post, clock, calls, controller, stop } = await aHomeostat({ rules });
    await post(resolved());
    await clock.advance(seconds(1));
    expect(calls).toMatchObject([{ body: "over: shop_web" }]);
    expect(controller.episodes({ limit: 1 })).toEqual([]);
    expect(controller.escalations({ limit: 1 })).toEqual([]);
    await stop();
  });

  it("takes each rule that continues, side by side", async () => {
    const rules = `
rules:
  - name: tell
    match: ['alertname="SlowResponses"']
    continue: true
    repeat: once
    do: [{action: call-webhook, url: 'https://chat.example/'}]
  - name: scale
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +1}]
  - name: never
    match: ['alertname="SlowResponses"']
    do: [{action: escalate}]
`;
    const { post, clock, swarm, calls, controller, stop } = await aHomeostat({ rules });
    swarm.set("shop_web");
    await post(firing());
    await clock.advance(seconds(5));
    expect([calls.length, swarm.changes.length, controller.escalations({ limit: 1 }).length]).toEqual([
      1, 1, 0,
    ]);
    await stop();
  });

  it("is matched with the service in view when a rule wants to see it", async () => {
    const { post, clock, swarm, stop } = await aHomeostat({
      rules: rule("    when: service.image == 'web:1'"),
    });
    swarm.set("shop_web");
    swarm.failNext(1);
    await post(firing());
    expect(swarm.changes).toEqual([]);
    await clock.advance(seconds(10));
    expect(swarm.changes).toHaveLength(1);
    await stop();
  });

  it("is matched anew when the catalog changes because of it", async () => {
    const homeostat = await aHomeostat({ rules: rule() });
    homeostat.swarm.set("shop_web");
    const alert = firing({ labels: { alertname: "Novel" } });
    await homeostat.post(alert);
    expect(homeostat.controller.escalations({ limit: 1 })).toHaveLength(1);
    const compiled = compileCatalog([{ file: "new.yml", text: rule().replace("SlowResponses", "Novel") }]);
    if (!compiled.ok) throw new Error("bad rules");
    await homeostat.reload({ kind: "loaded", catalog: compiled.catalog });
    await homeostat.clock.advance(seconds(1));
    expect(homeostat.swarm.changes).toHaveLength(1);
    await homeostat.stop();
  });
});

it("shows the person who is asked what is known of the service", async () => {
  const rules = `
rules:
  - name: ask
    match: ['alertname="SlowResponses"']
    do: [{action: escalate}]
`;
  const { post, swarm, controller, stop } = await aHomeostat({ rules });
  swarm.set("shop_web", { replicas: 3 });
  await post(firing());
  expect(controller.escalations({ limit: 1 })[0]?.trail).toContain(
    "ServiceState: shop_web runs 3 of 3 replicas of web:1",
  );
  await stop();
});

it("keeps the rules of before when the newest are bad, and says so until they are good", async () => {
  const { post, swarm, controller, reload, journal, stop } = await aHomeostat({ rules: rule() });
  swarm.set("shop_web");
  await reload({ kind: "refused", faults: ["rules.yml:3:1: bad"] });
  expect((await controller.status()).catalog).toMatchObject({ rules: 1, faults: ["rules.yml:3:1: bad"] });
  expect(controller.escalations({ limit: 1 })).toMatchObject([
    { kind: "catalog", status: "open", trail: ["rules.yml:3:1: bad"] },
  ]);
  await post(firing());
  expect(swarm.changes).toHaveLength(1);
  const compiled = compileCatalog([{ file: "rules.yml", text: rule() }]);
  if (!compiled.ok) throw new Error("bad rules");
  await reload({ kind: "loaded", catalog: compiled.catalog });
  expect((await controller.status()).catalog.faults).toEqual([]);
  expect(controller.escalations({ limit: 1 })).toMatchObject([{ kind: "catalog", status: "resolved" }]);
  expect((await journal(["catalog"])).map(({ data }) => (data as { event: string }).event)).toEqual([
    "refused",
    "loaded",
  ]);
  await stop();
});

describe("a flood", () => {
  it("of 10,000 alerts in one notification is worked through, and told in few escalations", async () => {
    const { controller, clock, stop } = await aHomeostat({ rules: rule() });
    const alerts = Array.from({ length: 10_000 }, (_, index) =>
      firing({
        labels: { alertname: "Flood", instance: String(index) },
        fingerprint: index.toString(16).padStart(16, "0"),
      }),
    );
    const body = notification(...alerts);
    const read = readNotification(body);
    if (read.kind === "faulty") throw new Error(read.faults.join());
    expect(await controller.receive(read.notification, Buffer.from(JSON.stringify(body)))).toMatchObject({
      accepted: 10_000,
    });
    while ((await controller.status()).backlog > 0) await clock.advance(0);
    expect((await controller.status()).episodes.open).toBe(10_000);
    expect(controller.escalations({ limit: 9 })).toMatchObject([{ firing: 10_000 }]);
    await stop();
  });

  it("of 20 scale-ups of one service by 1 ends exactly 20 higher", async () => {
    const rules = rule("", "scale-service", "by: +1, min: 1, max: 100")
      .replace("{up: 1m, down: 10m}", "0s")
      .concat("    limit: {actions: 100, per: 1h}\n    repeat: once\n");
    const { post, clock, swarm, stop } = await aHomeostat({ rules });
    swarm.set("shop_web", { replicas: 5 });
    await post(
      ...Array.from({ length: 20 }, (_, index) =>
        firing({ labels: { n: String(index) }, fingerprint: index.toString(16).padStart(16, "0") }),
      ),
    );
    await clock.advance(seconds(5));
    expect(swarm.peek("shop_web").replicas).toBe(25);
    expect(new Set(swarm.changes.map(({ intent }) => intent)).size).toBe(20);
    await stop();
  });

  it("of truncated notifications is told once", async () => {
    const { controller, clock, stop } = await aHomeostat({ rules: rule() });
    for (const round of [1, 2, 3]) {
      const body = {
        ...notification(
          firing({
            labels: { alertname: "Other", round: String(round) },
            fingerprint: `000000000000000${round}`,
          }),
        ),
        truncatedAlerts: round === 3 ? 0 : 7,
      };
      const read = readNotification(body);
      if (read.kind === "faulty") throw new Error(read.faults.join());
      await controller.receive(read.notification, Buffer.from(JSON.stringify(body)));
      await clock.advance(0);
    }
    const truncated = controller.escalations({ limit: 9 }).filter(({ kind }) => kind === "truncated");
    expect(truncated).toMatchObject([{ status: "resolved" }]);
    await stop();
  });
});
