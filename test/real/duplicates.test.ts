import { afterAll, beforeAll, expect, it } from "vitest";
import { describeReal } from "../lab/binaries.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import type { HomeostatProcess } from "../lab/homeostat.ts";
import { aSite } from "../lab/site.ts";

const soon = { timeout: 60_000, interval: 100 };

const rules = `
rules:
  - name: grow
    match: ['alertname="Busy"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +1, min: 1, max: 99}]
    cooldown: 0s
    limit: {actions: 1000, per: 1h}
    repeat: once
  - name: grow-slowly
    match: ['alertname="Flood"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +1, min: 1, max: 99}]
    cooldown: 1h
`;

const busy = (service: string, instance = 0) => ({
  labels: { alertname: "Busy", service, instance: String(instance) },
});
const upTo = (length: number): number[] => Array.from({ length }, (_, index) => index);

describeReal(
  "many alerts, and the same ones again,",
  ["dockerd", "docker", "prometheus-alertmanager", "iptables", "ip", "busybox"],
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startDockerd();
    });
    afterAll(() => lab?.close());

    async function services(...names: string[]): Promise<AsyncDisposable> {
      for (const name of names) await lab.createService({ name });
      for (const name of names) await lab.running(name, 1);
      return {
        async [Symbol.asyncDispose]() {
          for (const name of names) await lab.removeService(name);
        },
      };
    }
    const replicas = async (name: string): Promise<number | undefined> =>
      (await lab.docker.getService(name).inspect()).Spec.Mode.Replicated.Replicas;

    it("from two Alertmanagers that do not know of each other, have one effect", async () => {
      await using _ = await services("shop");
      await using site = await aSite({ lab, rules, alerting: [{}, {}] });
      const { homeostat } = site;
      await homeostat.start();
      await site.fire(busy("shop"));
      const duplicates = () => homeostat.sample('homeostat_alerts_received_total{outcome="duplicate"}');
      await expect.poll(duplicates, soon).toBe(1);
      await expect.poll(() => applied(homeostat), soon).toBe(1);
      await site.resolve(busy("shop"));
      await expect.poll(duplicates, soon).toBe(2);
      await expect.poll(() => homeostat.episodes(), soon).toEqual([]);
      expect(await replicas("shop")).toBe(2);
      expect((await homeostat.journal("episode")).filter(opened)).toHaveLength(1);
      expect(await applied(homeostat)).toBe(1);
      await homeostat.stop();
    });

    it("fifty at once for ten services, are all decided, and none of their effects is lost", async () => {
      const names = upTo(10).map((number) => `shop_${number}`);
      await using _ = await services(...names);
      await using site = await aSite({ lab, rules });
      const { homeostat } = site;
      await homeostat.start();
      await site.fire(...names.flatMap((name) => upTo(5).map((instance) => busy(name, instance))));
      await expect.poll(() => settled(homeostat), soon).toBe(50);
      expect((await homeostat.journal("episode")).filter(opened)).toHaveLength(50);
      const heldOnes = await held(homeostat);
      expect(await applied(homeostat)).toBe(50 - heldOnes.length);
      for (const name of names) {
        const heldHere = heldOnes.filter(({ target }) => target?.endsWith(`/${name}`)).length;
        expect(await replicas(name)).toBe(6 - heldHere);
      }
      await homeostat.stop();
    });

    it("twenty side by side that each make one service bigger by one, make it bigger by twenty", async () => {
      await using _ = await services("shop");
      // Twenty groups: twenty notifications, each on its own way.
      const alerting = [{ groupBy: ["alertname", "instance"] }];
      await using site = await aSite({ lab, rules, alerting });
      const { homeostat } = site;
      await homeostat.start();
      await site.fire(...upTo(20).map((instance) => busy("shop", instance)));
      await expect.poll(() => settled(homeostat), soon).toBe(20);
      const heldOnes = await held(homeostat);
      expect(await applied(homeostat)).toBe(20 - heldOnes.length);
      expect(await replicas("shop")).toBe(21 - heldOnes.length);
      for (const { code } of heldOnes) expect(code).toMatch(/^[A-Z][A-Za-z]+$/);
      await homeostat.stop();
    });

    it.each([
      ["that no rule knows", "NobodyKnows", () => "shop", { held: 0, asked: 10_000 }],
      [
        "each for a service that is not there",
        "Flood",
        (number: number) => `no_${number}`,
        { held: 10_000, asked: 0 },
      ],
      ["all for one service, which may grow once", "Flood", () => "shop", { held: 9999, asked: 0 }],
    ])(
      "ten thousand in one notification, %s, hold nothing else up",
      async (_what, alertname, service, end) => {
        await using _ = await services("shop");
        await using site = await aSite({ lab, rules, alerting: [{ groupBy: ["alertname"] }] });
        const { homeostat, slack } = site;
        await homeostat.start();
        const long = "x".repeat(220);
        await site.fire(
          ...upTo(10_000).map((number) => ({
            labels: { alertname, service: service(number), instance: `${number}${long}` },
          })),
        );
        const accepted = 'homeostat_alerts_received_total{outcome="accepted"}';
        await expect.poll(() => homeostat.sample(accepted), soon).toBe(10_000);
        const [notification, ...more] = await homeostat.journal("notification");
        expect([JSON.stringify(notification?.data).length > 4_300_000, more.length]).toEqual([true, 0]);

        // One that comes right after them waits for few of them to be decided.
        await site.fire(busy("shop"));
        const itsIntent = async () => (await homeostat.journal("intent")).find(isOf("grow"));
        await expect.poll(itsIntent, soon).toBeDefined();
        const { episode, seq = 0 } = (await itsIntent()) ?? {};
        const steps = await homeostat.journal("episode", "decision");
        const begun = steps.find((one) => one.episode === episode)?.seq ?? 0;
        const between = steps.filter((one) => one.seq > begun && one.seq < seq && one.episode !== episode);
        expect(between.length).toBeLessThan(500);

        // And each of them is decided.
        const decided = async () => ({
          held: (await homeostat.status()).episodes.held,
          asked: (await homeostat.escalations()).reduce((sum, { total }) => sum + total, 0),
        });
        await expect.poll(decided, { timeout: 120_000, interval: 500 }).toEqual(end);
        expect(slack.messages("ops").length).toBe(end.asked === 0 ? 0 : 1);
        await homeostat.stop();
      },
    );
  },
);

const isOf =
  (rule: string) =>
  ({ data }: { readonly data: unknown }): boolean =>
    (data as { intent: { rule: string } }).intent.rule === rule;

const opened = ({ data }: { readonly data: unknown }): boolean =>
  (data as { event: string }).event === "opened";

/** How many actions took effect. */
const applied = async (homeostat: HomeostatProcess): Promise<number> =>
  (await homeostat.journal("outcome")).filter(
    ({ data }) => (data as { result: { kind: string } }).result.kind === "applied",
  ).length;

/** Courses that wait in a hold, with the code of its reason and the target that it was decided about. */
async function held(homeostat: HomeostatProcess) {
  const targets = new Map(
    (await homeostat.journal("decision")).map(({ episode, target }) => [episode, target]),
  );
  return (await homeostat.episodes()).flatMap(({ id, courses }) =>
    courses.flatMap(({ hold }) =>
      hold === null ? [] : [{ code: hold.reason.code, target: targets.get(id) }],
    ),
  );
}

/** How many alerts have had their effect or are held by name. */
const settled = async (homeostat: HomeostatProcess): Promise<number> =>
  (await applied(homeostat)) + (await held(homeostat)).length;
