import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Notification } from "../../src/core/alert.ts";
import { connectAlertmanager } from "../../src/prometheus/alerts.ts";
import type { Condition } from "../../src/sandbox/evaluator.ts";
import { fingerprint } from "../../src/sandbox/fingerprint.ts";
import { Monitoring } from "../../src/sandbox/monitoring.ts";

const labels = { alertname: "Hot", service: 'oven "1"\\' };
const hot: Condition<number> = {
  labels,
  expression: "celsius > 30",
  for: 0,
  value: (celsius) => celsius,
  bad: (celsius) => celsius > 30,
  annotations: () => ({}),
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A webhook that answers with the next of `answers`, the last one for good. */
async function aWebhook(...answers: number[]) {
  const received: { authorization: string | undefined; body: Notification }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as Notification;
      received.push({ authorization: request.headers.authorization, body });
      response.writeHead(answers[Math.min(received.length, answers.length) - 1] ?? 202).end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  closing.push(async () => void (await new Promise((resolve) => server.close(resolve))));
  const { port } = server.address() as { port: number };
  return { received, webhook: { url: `http://127.0.0.1:${port}`, token: "secret" } };
}

async function aMonitoring() {
  const monitoring = new Monitoring([hot]);
  await monitoring.start();
  closing.push(() => monitoring.stop());
  return monitoring;
}

const statuses = (received: readonly { body: Notification }[]) => received.map(({ body }) => body.status);

describe("the sandbox's monitoring", () => {
  it("posts an alert with the token when it fires, again after a while, and when it is over", async () => {
    const { received, webhook } = await aWebhook(202);
    const monitoring = await aMonitoring();
    for (const [at, celsius] of [
      [0, 20],
      [1000, 31],
      [2000, 31],
      [16_000, 31],
      [17_000, 20],
      [18_000, 20],
    ] as const) {
      monitoring.evaluate(celsius, at, webhook);
      await sleep(50);
    }
    expect(statuses(received)).toEqual(["firing", "firing", "resolved"]);
    expect(received.every(({ authorization }) => authorization === "Bearer secret")).toBe(true);
    expect(new Set(received.map(({ body }) => body.alerts[0]?.startsAt)).size).toBe(1);
  });

  it("posts again what was not accepted, also an end that came meanwhile", async () => {
    const { received, webhook } = await aWebhook(503, 503, 202);
    const monitoring = await aMonitoring();
    for (const [at, celsius] of [
      [0, 31],
      [1000, 20],
      [2000, 20],
      [3000, 20],
    ] as const) {
      monitoring.evaluate(celsius, at, webhook);
      await sleep(50);
    }
    expect(statuses(received)).toEqual(["firing", "resolved", "resolved"]);
  });

  it("lets Homeostat confirm that an alert fires, and that another does not", async () => {
    const { webhook } = await aWebhook(202);
    const monitoring = await aMonitoring();
    const source = connectAlertmanager({ url: monitoring.url });
    const ask = (labels: Record<string, string>) =>
      source.state({ labels, fingerprint: fingerprint(labels) }, AbortSignal.timeout(5000));
    monitoring.evaluate(31, 0, webhook);
    expect([await ask(labels), await ask({ ...labels, service: "fridge" })]).toEqual(["firing", "absent"]);
    monitoring.evaluate(20, 1000, webhook);
    expect(await ask(labels)).toBe("absent");
  });

  it("refuses a matcher that it does not know, as Alertmanager does", async () => {
    const monitoring = await aMonitoring();
    const answer = await fetch(`${monitoring.url}/api/v2/alerts?filter=${encodeURIComponent('a=~".*"')}`);
    expect([answer.status, (await fetch(`${monitoring.url}/nowhere`)).status]).toEqual([400, 404]);
  });
});
