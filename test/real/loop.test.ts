import { afterAll, beforeAll, expect, it } from "vitest";
import { describeReal } from "../lab/binaries.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import { startPrometheus } from "../lab/prometheus.ts";
import { pause } from "../lab/processes.ts";
import { startShop } from "../lab/shop.ts";
import { aSite } from "../lab/site.ts";

/** For whatever takes metrics, alerts, notifications and tasks their time; one evaluation is a second. */
const soon = { timeout: 60_000, interval: 100 };

const p95 = "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5s])))";
const alerts = `
groups:
  - name: shop
    rules:
      - {alert: SlowResponses, expr: '${p95} > 0.5'}
      - {alert: FastResponses, expr: '${p95} < 0.1'}
      - {alert: Errors, expr: 'sum by (service) (rate(http_requests_total{code="500"}[5s])) > 0.1'}
`;

const rules = `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
    cooldown: {up: 2s, down: 4s}
    attempts: 9
  - name: scale-in
    match: ['alertname="FastResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: -1}]
    cooldown: {up: 2s, down: 4s}
    attempts: 9
`;

describeReal(
  "the loop, with a real Swarm, Prometheus and Alertmanager",
  ["dockerd", "docker", "prometheus", "prometheus-alertmanager", "iptables", "ip", "busybox"],
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startDockerd();
    });
    afterAll(() => lab?.close());

    /** A shop of two replicas, at most five, measured by Prometheus, whose alerts reach Homeostat. */
    async function aShop() {
      const site = await aSite({ lab, rules });
      const asked = { load: 10, failing: 0 };
      let replicas = 2;
      await lab.createService({
        name: "shop_web",
        replicas,
        labels: { "homeostat.min": "2", "homeostat.max": "5" },
      });
      site.defer(() => lab.removeService("shop_web"));
      await lab.running("shop_web", replicas);
      const counting = new AbortController();
      const count = async (): Promise<void> => {
        while (!counting.signal.aborted) {
          const [service] = await lab.docker.listServices({ status: true });
          replicas = service?.ServiceStatus?.RunningTasks ?? replicas;
          await pause(200);
        }
      };
      const counted = count();
      site.defer(() => (counting.abort(), counted));
      const shop = await startShop({
        service: "shop_web",
        replicas: () => replicas,
        load: () => asked.load,
        failing: () => asked.failing,
      });
      site.defer(shop.stop);
      const prometheus = await startPrometheus({
        scrape: [{ job: "shop", targets: [shop.address] }],
        rules: [alerts],
        alertmanagers: site.alertmanagers.map(({ url }) => url),
      });
      site.defer(prometheus.stop);
      await site.homeostat.start({ env: { HOMEOSTAT_PROMETHEUS_URL: prometheus.url } });
      return { ...site, asked, replicas: () => replicas };
    }

    it("scales a slow service out within its bounds, checks each step, and in again when the load falls", async () => {
      await using shop = await aShop();
      const { asked, homeostat, replicas } = shop;
      const words = async () => (await homeostat.decisions()).map(({ word }) => word);
      const verdicts = async () =>
        (await homeostat.journal("verification"))
          .map(({ data }) => (data as { judgement: { kind: string } }).judgement.kind)
          .filter((kind) => kind !== "pending");

      // More than five replicas serve: five are what it may have.
      asked.load = 200;
      await expect.poll(replicas, soon).toBe(5);
      await expect.poll(words, soon).toContain("AtMaximum");
      expect((await words()).filter((word) => word === "act")).toHaveLength(2);
      await expect.poll(verdicts, soon).toEqual(["verified", "verified"]);

      asked.load = 10;
      await expect.poll(replicas, soon).toBe(2);
      await expect.poll(words, soon).toContain("AtMinimum");
      expect(await homeostat.escalations()).toEqual([]);
      const sizes = (await homeostat.journal("intent")).map(
        ({ data }) => (data as { intent: { effect: { after: number } } }).intent.effect.after,
      );
      expect(sizes).toEqual([4, 5, 4, 3, 2]);
      await homeostat.stop();
    });

    it("asks a person in one thread about the alert that no rule knows, and says there when it is over", async () => {
      await using shop = await aShop();
      const { asked, homeostat, slack } = shop;
      asked.failing = 0.5;
      const messages = () => slack.messages("ops");
      await expect.poll(() => messages().length, soon).toBe(1);
      expect(JSON.stringify(messages()[0])).toContain("Errors");
      expect(await homeostat.escalations()).toMatchObject([
        { kind: "unknown", reason: { code: "UnknownAlert" }, status: "open", firing: 1 },
      ]);

      asked.failing = 0;
      await expect.poll(() => messages().length, soon).toBe(2);
      const [first, reply] = messages();
      expect(first?.thread).toBeNull();
      expect(first?.edits).toBeGreaterThan(0);
      expect(reply?.thread).toBe(first?.ts);
      expect(await homeostat.escalations()).toMatchObject([{ status: "resolved", firing: 0 }]);
      await homeostat.stop();
    });
  },
);
