import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, it } from "vitest";
import { describeReal } from "../lab/binaries.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import type { HomeostatProcess } from "../lab/homeostat.ts";
import { pause } from "../lab/processes.ts";
import { startPrometheus } from "../lab/prometheus.ts";
import { aSite } from "../lab/site.ts";

const meddled = join(import.meta.dirname, "../lab/meddled.ts");
const soon = { timeout: 90_000, interval: 200 };

const rules = `
rules:
  - name: grow
    match: ['alertname="Busy"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2, min: 1, max: 9}]
    repeat: once
    verify: {within: 2m}
  - name: grow-again
    match: ['alertname="StillBusy"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2, min: 1, max: 9}]
    cooldown: 65s
  - name: grow-and-ask
    match: ['alertname=~"Measured|Unmeasured"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2, min: 1, max: 9}]
    repeat: once
    attempts: 1
    otherwise: rollback
    verify:
      within: LIMIT
      query: vector(1)
`;
/** The same with a limit for what is measured. */
const within = (limit: string): string => rules.replace("LIMIT", limit);

const longerThanAConnectionLasts = 30_000;

/** What can happen to an engine, and how it comes back. */
const outages: readonly (readonly [string, (lab: Lab) => Promise<void>, (lab: Lab) => Promise<void>])[] = [
  ["is stopped for half a minute", (lab) => lab.stop(), (lab) => lab.start()],
  ["is killed and away for half a minute", (lab) => lab.kill(), (lab) => lab.start()],
  ["is frozen for half a minute", (lab) => lab.freeze(), (lab) => lab.thaw()],
];

describeReal(
  "what others do not answer for a while is lost by nobody:",
  ["dockerd", "docker", "prometheus", "prometheus-alertmanager", "iptables", "ip", "busybox"],
  () => {
    let shared: Lab;
    let count = 0;
    beforeAll(async () => {
      shared = await startDockerd();
    });
    afterAll(() => shared?.close());

    /** A service of two replicas, in the engine that all share unless another is given, and Homeostat. */
    async function aShop({ lab = shared, limit = "1m", env = {} } = {}) {
      const site = await aSite({ lab, rules: within(limit), env });
      const service = `shop_${(count += 1)}`;
      await lab.createService({ name: service, replicas: 2 });
      if (lab === shared) site.defer(() => lab.removeService(service));
      await lab.running(service, 2);
      const inspect = () => lab.docker.getService(service).inspect();
      return {
        ...site,
        inspect,
        alert: (alertname: string) => ({ labels: { alertname, service } }),
        replicas: async (): Promise<number> => (await inspect()).Spec.Mode.Replicated.Replicas,
        running: (replicas: number) => lab.running(service, replicas),
      };
    }

    it.concurrent.for(outages)("an engine that %s", async ([, take, giveBack], { expect }) => {
      await using own = new AsyncDisposableStack();
      const lab = own.adopt(await startDockerd(), ({ close }) => close());
      const shop = own.use(await aShop({ lab }));
      const { homeostat, slack, alert } = shop;
      await homeostat.start();
      await take(lab);
      const away = performance.now();
      await shop.fire(alert("Busy"), alert("NobodyKnows"));
      // People are told all the same, and why nothing is done is no secret.
      await expect.poll(() => slack.messages("ops").length, soon).toBe(1);
      await expect.poll(() => words(homeostat), soon).toContain("ObservationFailed");
      expect((await homeostat.status()).checks).toContainEqual(
        expect.objectContaining({ name: "cluster", ok: false }),
      );
      expect(await homeostat.journal("intent")).toEqual([]);
      await pause(longerThanAConnectionLasts - (performance.now() - away));

      await giveBack(lab);
      await expect.poll(() => verdicts(homeostat), soon).toEqual(["verified"]);
      expect(await shop.replicas()).toBe(4);
      await shop.running(4);
      expect(await homeostat.journal("intent")).toHaveLength(1);
      expect(await ready(homeostat)).toBe(true);
      await homeostat.stop();
    });

    it.concurrent("an engine that freezes between an observation and the update that it leads to", async ({
      expect,
    }) => {
      await using own = new AsyncDisposableStack();
      const lab = own.adopt(await startDockerd(), ({ close }) => close());
      const shop = own.use(await aShop({ lab }));
      const { homeostat } = shop;
      const daemon = (await readFile(join(lab.directory, "pid"), "utf8")).trim();
      const LAB_COMMAND = JSON.stringify(["kill", "-STOP", daemon]);
      await homeostat.start({ main: meddled, env: { LAB_COMMAND } });
      await shop.fire(shop.alert("Busy"));
      await expect.poll(() => homeostat.journal("intent"), soon).toHaveLength(1);
      await pause(longerThanAConnectionLasts);
      expect(await homeostat.journal("outcome")).toEqual([]);
      await lab.thaw();
      await expect.poll(() => verdicts(homeostat), soon).toEqual(["verified"]);
      expect(await shop.replicas()).toBe(4);
      const [intent, ...more] = await homeostat.journal("intent", "outcome");
      expect(more).toMatchObject([{ kind: "outcome", data: { result: { kind: "applied" } } }]);
      const { Spec, PreviousSpec } = await shop.inspect();
      expect(intent?.data).toMatchObject({ intent: { id: Spec.Labels["homeostat.intent"] } });
      expect(PreviousSpec.Labels).toEqual({});
    });

    it.concurrent("an engine that is restarted while an action is being verified", async ({ expect }) => {
      await using own = new AsyncDisposableStack();
      const lab = own.adopt(await startDockerd(), ({ close }) => close());
      const shop = own.use(await aShop({ lab }));
      const { homeostat } = shop;
      await homeostat.start();
      await shop.fire(shop.alert("Busy"));
      await expect.poll(() => homeostat.journal("outcome"), { ...soon, interval: 10 }).toHaveLength(1);
      await lab.stop();
      await lab.start();
      await expect.poll(() => verdicts(homeostat), soon).toEqual(["verified"]);
      expect(await shop.replicas()).toBe(4);
      expect(await homeostat.journal("intent")).toHaveLength(1);
      await homeostat.stop();
    });

    it.concurrent("Prometheus, frozen while it is asked whether an action helped", async ({ expect }) => {
      await using shop = await aShop();
      const { homeostat } = shop;
      const prometheus = await startPrometheus({});
      shop.defer(prometheus.stop);
      await homeostat.start({ env: { HOMEOSTAT_PROMETHEUS_URL: prometheus.url } });
      prometheus.freeze();
      await shop.fire(shop.alert("Measured"));
      await expect.poll(() => progress(homeostat), soon).toContainEqual(expect.stringMatching(/Prometheus/));
      prometheus.thaw();
      await expect.poll(() => verdicts(homeostat), soon).toEqual(["verified"]);
      expect(await homeostat.journal("intent")).toHaveLength(1);
      await homeostat.stop();
    });

    it.concurrent("Prometheus, away for too long: what is not known is not taken back, and a person is told", async ({
      expect,
    }) => {
      await using shop = await aShop({ limit: "5s" });
      const { homeostat, slack } = shop;
      const prometheus = await startPrometheus({});
      await homeostat.start({ env: { HOMEOSTAT_PROMETHEUS_URL: prometheus.url } });
      await prometheus.stop();
      await shop.fire(shop.alert("Unmeasured"));
      await expect.poll(() => slack.messages("ops").length, soon).toBe(1);
      expect(await homeostat.escalations()).toMatchObject([
        { kind: "failed", reason: { code: "VerificationUnknown" } },
      ]);
      expect(await shop.replicas()).toBe(4);
      await homeostat.stop();
    });

    it.concurrent("Alertmanager, when it is time to ask whether an alert still fires", async ({ expect }) => {
      await using shop = await aShop();
      const { homeostat, alertmanagers } = shop;
      await homeostat.start();
      await shop.fire(shop.alert("StillBusy"));
      await expect.poll(() => verdicts(homeostat), soon).toEqual(["verified"]);
      const [alertmanager] = alertmanagers;
      alertmanager?.freeze();
      await expect.poll(() => words(homeostat), soon).toEqual(["act", "AlertUnconfirmed"]);
      expect(await shop.replicas()).toBe(4);
      alertmanager?.thaw();
      await expect.poll(() => shop.replicas(), soon).toBe(6);
      await homeostat.stop();
    });

    it.concurrent("Slack, which loses an answer and then fails for a while", async ({ expect }) => {
      await using shop = await aShop();
      const { homeostat, slack } = shop;
      await homeostat.start();
      slack.failNext({ kind: "lost-answer", method: "chat.postMessage" });
      slack.failNext({ kind: "500", n: 1000 });
      await shop.fire(shop.alert("NobodyKnows"));
      await expect.poll(() => slack.calls.length, soon).toBeGreaterThan(3);
      expect((await homeostat.status()).escalations).toEqual({ open: 1, undelivered: 1 });
      slack.recover();
      const undelivered = async () => (await homeostat.status()).escalations.undelivered;
      await expect.poll(undelivered, soon).toBe(0);
      expect(slack.messages("ops")).toHaveLength(1);
      await shop.resolve(shop.alert("NobodyKnows"));
      await expect.poll(() => slack.messages("ops").length, soon).toBe(2);
      await homeostat.stop();
    });
  },
);

const words = async (homeostat: HomeostatProcess): Promise<string[]> =>
  (await homeostat.decisions()).map(({ word }) => word);

type Judged = { judgement: { kind: string; progress?: string } };

const verdicts = async (homeostat: HomeostatProcess): Promise<string[]> =>
  (await homeostat.journal("verification"))
    .map(({ data }) => (data as Judged).judgement.kind)
    .filter((kind) => kind !== "pending");

const progress = async (homeostat: HomeostatProcess): Promise<string[]> =>
  (await homeostat.journal("verification")).map(({ data }) => (data as Judged).judgement.progress ?? "");

const ready = async (homeostat: HomeostatProcess): Promise<boolean> =>
  (await homeostat.status()).checks.every(({ ok }) => ok);
