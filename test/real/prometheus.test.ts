import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { readNotification, type Alert, type Notification } from "../../src/core/alert.ts";
import { connectAlertmanager } from "../../src/prometheus/alerts.ts";
import { connectPrometheus } from "../../src/prometheus/metrics.ts";
import { postAlerts, silence, startAlertmanager } from "../lab/alertmanager.ts";
import { describeReal } from "../lab/binaries.ts";
import { startInbox, type Delivery } from "../lab/inbox.ts";
import type { Program } from "../lab/program.ts";
import { startPrometheus } from "../lab/prometheus.ts";
import { startShop } from "../lab/shop.ts";

const never = new AbortController().signal;
const soon = { timeout: 30_000, interval: 100 };

describeReal("a real Prometheus", ["prometheus"], () => {
  let prometheus: Program;
  beforeAll(async () => void (prometheus = await startPrometheus({})));
  afterAll(() => prometheus.stop());
  const query = (promql: string, deadline = 5000) =>
    connectPrometheus({ url: prometheus.url, deadline }).query(promql, never);

  it.each([
    ["a metric that does not exist is no data", "no_such_metric", []],
    ["zero is zero", "vector(0)", [{ labels: {}, value: 0 }]],
    ["a comparison that does not hold is no data", "vector(1) > 2", []],
    ["0/0 is NaN", "vector(0) / 0", [{ labels: {}, value: NaN }]],
    ["1/0 is infinite", "vector(1) / 0", [{ labels: {}, value: Infinity }]],
    ["-1/0 too", "vector(-1) / 0", [{ labels: {}, value: -Infinity }]],
    ["a scalar", "scalar(vector(7))", [{ labels: {}, value: 7 }]],
    ["an infinite scalar", "1 / 0", [{ labels: {}, value: Infinity }]],
    [
      "labels as they are, without the metric's name",
      'label_replace(vector(1), "a", "x\\"y", "", "")',
      [{ labels: { a: 'x"y' }, value: 1 }],
    ],
    ["a query longer than a URL", `vector(1) ${"+ 0 ".repeat(3000)}`, [{ labels: {}, value: 1 }]],
  ])("answers: %s", async (_, promql, expected) => {
    expect(await query(promql)).toEqual(expected);
  });

  it.each([
    ["a query that does not parse", "up{", /parse error/],
    ["a matrix", "vector(1)[5m:1m]", /gives a matrix/],
    ["a string", '"text"', /gives a string/],
    ["a query that cannot run", 'label_replace(vector(1), "a", "b", "c", "(")', /regular expression|regex/],
  ])("refuses %s, which is a Fault that will not pass", async (_, promql, message) => {
    await expect(query(promql)).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(message),
    });
  });

  it("hangs: the deadline ends the wait, and it answers again once it goes on", async () => {
    prometheus.freeze();
    const hung = await query("vector(1)", 200).catch((fault: unknown) => fault);
    prometheus.thaw();
    expect(hung).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/did not answer within 200 ms/),
    });
    expect(await query("vector(1)")).toEqual([{ labels: {}, value: 1 }]);
  });

  it("is gone: a Fault that may pass", async () => {
    const other = await startPrometheus({});
    await other.stop();
    const answer = connectPrometheus({ url: other.url }).query("vector(1)", never);
    await expect(answer).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/does not answer/),
    });
  });
});

describeReal("a real Alertmanager", ["prometheus-alertmanager"], () => {
  let alertmanager: Program;
  beforeAll(async () => void (alertmanager = await startAlertmanager()));
  afterAll(() => alertmanager.stop());

  /** The fingerprint that Alertmanager itself computes for these labels. */
  const listed = async (labels: Record<string, string>): Promise<Pick<Alert, "labels" | "fingerprint">> => {
    const response = await fetch(`${alertmanager.url}/api/v2/alerts`);
    const all = (await response.json()) as {
      labels: Record<string, string>;
      fingerprint: string;
    }[];
    const mine = all.find((one) =>
      Object.entries(labels).every(([name, value]) => one.labels[name] === value),
    );
    if (mine === undefined) throw new Error("the alert was not stored");
    return mine;
  };
  const state = (alert: Pick<Alert, "labels" | "fingerprint">) =>
    connectAlertmanager({ url: alertmanager.url }).state(alert, never);

  it.each<[string, Record<string, string>]>([
    ["plain labels", { alertname: "Plain", service: "shop_web" }],
    ["quotes, backslashes, line breaks", { alertname: "Quoted", path: 'C:\\new "x"\ntwo' }],
    ["what matchers are made of", { alertname: "Odd", text: `{a=~"b",c!="d"} 'e' \t é 🐘` }],
    ["a value of 64 KiB", { alertname: "Long", text: "x".repeat(65_536) }],
    ["a backslash at the end", { alertname: "End", text: "\\" }],
  ])("finds an alert with %s", async (_, labels) => {
    await postAlerts(alertmanager.url, [{ labels }, { labels: { ...labels, other: "1" } }]);
    const alert = await listed(labels);
    expect(await state(alert)).toBe("firing");
    await postAlerts(alertmanager.url, [{ labels: alert.labels, endsAt: new Date().toISOString() }]);
    expect(await state(alert)).toBe("absent");
  });

  it("tells a silenced alert from a firing and from an absent one", async () => {
    const labels = { alertname: "Silenced", service: "a" };
    await postAlerts(alertmanager.url, [{ labels }]);
    const alert = await listed(labels);
    expect(await state(alert)).toBe("firing");
    await silence(alertmanager.url, "alertname", "Silenced");
    await vi.waitFor(async () => expect(await state(alert)).toBe("suppressed"), soon);
    expect(await state({ ...alert, fingerprint: "0000000000000000" })).toBe("absent");
  });

  it("hangs or is gone: Faults that may pass", async () => {
    const other = await startAlertmanager();
    const source = connectAlertmanager({ url: other.url, deadline: 200 });
    const alert = { labels: { alertname: "A" }, fingerprint: "0000000000000000" };
    other.freeze();
    const hung = await source.state(alert, never).catch((fault: unknown) => fault);
    await other.stop();
    expect(hung).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/within 200 ms/),
    });
    await expect(source.state(alert, never)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/does not answer/),
    });
  });
});

describeReal("what a real Alertmanager posts", ["prometheus-alertmanager", "prometheus"], () => {
  let inbox: Awaited<ReturnType<typeof startInbox>>;
  beforeAll(async () => void (inbox = await startInbox()));
  afterAll(() => inbox.stop());

  const read = (delivery: Delivery): Notification => {
    const outcome = readNotification(delivery.json);
    if (outcome.kind !== "notification") throw new Error(outcome.faults.join("; "));
    return outcome.notification;
  };
  const about = (name: string, status: string) => (delivery: Delivery) => {
    const { alerts } = read(delivery);
    return alerts.some((alert) => alert.labels["alertname"] === name && alert.status === status);
  };

  it("is read without a fault: firing, resolved and truncated", async () => {
    const alertmanager = await startAlertmanager({
      webhook: inbox.url,
      bearer: "s3cret",
      maxAlerts: 2,
    });
    try {
      const alerts = ["a", "b", "c"].map((instance) => ({
        labels: { alertname: "Posted", service: "x\ny", instance },
        annotations: { summary: '"é"' },
      }));
      await postAlerts(alertmanager.url, alerts);
      const firing = await inbox.find(about("Posted", "firing"));
      expect(firing.headers).toMatchObject({
        authorization: "Bearer s3cret",
        "content-type": "application/json",
      });
      expect(read(firing)).toMatchObject({
        status: "firing",
        truncatedAlerts: 1,
        groupLabels: { alertname: "Posted", service: "x\ny" },
      });
      expect(read(firing).alerts).toHaveLength(2);
      await postAlerts(
        alertmanager.url,
        alerts.map(({ labels }) => ({ labels, endsAt: new Date().toISOString() })),
      );
      const resolved = await inbox.find(about("Posted", "resolved"));
      const episodes = (notification: Notification) =>
        notification.alerts.map((alert) => [alert.fingerprint, alert.startsAt]);
      expect(episodes(read(resolved))).toEqual(episodes(read(firing)));
    } finally {
      await alertmanager.stop();
    }
  });

  it("comes from both of a pair: load rises, both post the same episode; load falls, both resolve it", async () => {
    let load = 10;
    const shop = await startShop({ service: "shop_web", load: () => load, replicas: () => 1 });
    const pair = await Promise.all([
      startAlertmanager({ webhook: `${inbox.url}one` }),
      startAlertmanager({ webhook: `${inbox.url}two` }),
    ]);
    const prometheus = await startPrometheus({
      scrape: [{ job: "shop", targets: [shop.address] }],
      alertmanagers: pair.map(({ url }) => url),
      rules: [slow],
    });
    try {
      const p95 = async () =>
        (await connectPrometheus({ url: prometheus.url }).query(latency, never)).map(({ value }) => value);
      await vi.waitFor(async () => expect((await p95())[0]).toBeLessThan(0.25), soon);
      load = 40;
      await vi.waitFor(() => expect(senders("firing")).toBe(2), soon);
      load = 10;
      await vi.waitFor(() => expect(senders("resolved")).toBe(2), soon);
      const alerts = inbox.deliveries
        .map(read)
        .flatMap((one) => one.alerts)
        .filter((alert) => alert.labels["alertname"] === "Slow");
      expect(new Set(alerts.map((alert) => `${alert.fingerprint} ${alert.startsAt}`)).size).toBe(1);
      expect(alerts[0]?.labels).toEqual({ alertname: "Slow", service: "shop_web" });
    } finally {
      await Promise.all([prometheus, shop, ...pair].map((one) => one.stop()));
    }
  });

  const senders = (status: string) =>
    new Set(inbox.deliveries.filter(about("Slow", status)).map((one) => one.path)).size;

  const latency =
    "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5s])))";
  const slow = JSON.stringify({
    groups: [{ name: "test", rules: [{ alert: "Slow", expr: `${latency} > 0.5` }] }],
  });
});
