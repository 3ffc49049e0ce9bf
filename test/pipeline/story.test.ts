import { expect, it } from "vitest";
import { aHomeostat, firing, minutes, resolved, seconds, start } from "./homeostat.ts";

/*
 * Read this first: a shop gets slow, is scaled out and in again, and a person is asked about the one alert that no
 * rule knows. Everything below happens in virtual time; nobody waits.
 */

const rules = `
rules:
  - name: scale-out-on-slow-responses
    match: ['alertname="SlowResponses"', 'service=~".+"']
    do:
      - action: scale-service
        service: \${alert.labels.service}
        by: +2
    cooldown: {up: 1m, down: 10m}
  - name: scale-in-on-fast-responses
    match: ['alertname="FastResponses"']
    do:
      - action: scale-service
        service: \${alert.labels.service}
        by: -1
    cooldown: {up: 1m, down: 10m}
`;

it("scales a slow service out, checks it, scales it in again, and asks a person what no rule knows", async () => {
  const { post, clock, swarm, controller, decisions, journal, stop } = await aHomeostat({ rules });
  swarm.set("shop_web", { replicas: 2 });
  swarm.startsAfter = seconds(3);

  // The alert is durable before it is answered, and acted on at once.
  expect(await post(firing())).toEqual({ kind: "accepted", accepted: 1, duplicates: 0 });
  expect(swarm.peek("shop_web")).toMatchObject({
    replicas: 4,
    intent: expect.stringContaining("/scale-out-on-slow-responses/1.0"),
  });

  // The other Alertmanager of the pair says the same: nothing new.
  expect(await post(firing())).toEqual({ kind: "accepted", accepted: 0, duplicates: 1 });
  expect(swarm.changes).toHaveLength(1);

  // It is verified once the new tasks run, and while the alert still fires it is decided again after the cooldown.
  await clock.advance(seconds(5));
  expect((await journal(["verification"])).at(-1)?.data).toMatchObject({
    judgement: { kind: "verified" },
  });
  await clock.advance(minutes(1));
  expect(swarm.peek("shop_web").replicas).toBe(6);

  // It resolves: the episode is closed, and nothing is scaled back because of that alone.
  await clock.advance(seconds(10));
  await post(resolved());
  expect(controller.episodes({ limit: 10 })).toEqual([]);
  expect(swarm.peek("shop_web").replicas).toBe(6);

  // Responses are fast now, but it was scaled out a moment ago: down waits for its cooldown, and says so.
  await post(
    firing({
      labels: { alertname: "FastResponses" },
      fingerprint: "00000000000000fa",
      startsAt: start + minutes(2),
    }),
  );
  expect(swarm.peek("shop_web").replicas).toBe(6);
  expect((await decisions()).at(-1)).toBe("Flapping");
  await clock.advance(minutes(10));
  expect(swarm.peek("shop_web").replicas).toBe(5);

  // Nobody wrote a rule for this one.
  await post(
    firing({
      labels: { alertname: "CertificateExpires" },
      fingerprint: "00000000000000ce",
      startsAt: start + minutes(13),
    }),
  );
  expect(controller.escalations({ limit: 10 })).toMatchObject([
    { kind: "unknown", status: "open", reason: { code: "UnknownAlert" }, firing: 1 },
  ]);
  await post(
    resolved({
      labels: { alertname: "CertificateExpires" },
      fingerprint: "00000000000000ce",
      startsAt: start + minutes(13),
      endsAt: start + minutes(20),
    }),
  );
  expect(controller.escalations({ limit: 10 })).toMatchObject([{ status: "resolved" }]);

  await stop();
});
