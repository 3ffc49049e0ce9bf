import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeReal, requireBinary } from "../lab/binaries.ts";
import { startDockerd, type Lab, type NewService } from "../lab/dockerd.ts";
import { aSite } from "../lab/site.ts";

const soon = { timeout: 60_000, interval: 100 };
const meddled = join(import.meta.dirname, "../lab/meddled.ts");

const rules = `
rules:
  - name: grow
    match: ['alertname="Busy"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2, min: 1, max: 14}]
    cooldown: 1s
    attempts: 9
  - name: go-back
    match: ['alertname="Errors"']
    do: [{action: rollback-service, service: '\${alert.labels.service}'}]
    repeat: once
`;
const busy = { labels: { alertname: "Busy", service: "shop" } };
const errors = { labels: { alertname: "Errors", service: "shop" } };

/** How long a change by hand is left alone here; milliseconds. */
const handsOff = 8000;

describeReal(
  "what people do to a service meanwhile",
  ["dockerd", "docker", "prometheus-alertmanager", "iptables", "ip", "busybox"],
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startDockerd();
    });
    afterAll(() => lab?.close());

    /** A shop, and Homeostat that looks after it. */
    async function aShop(service: Partial<NewService> = {}) {
      const site = await aSite({ lab, rules, env: { HOMEOSTAT_HANDS_OFF: `${handsOff}ms` } });
      await lab.createService({ name: "shop", replicas: 2, ...service });
      site.defer(() => lab.removeService("shop"));
      await lab.running("shop", service.replicas ?? 2);
      const inspect = () => lab.docker.getService("shop").inspect();
      return {
        ...site,
        replicas: async (): Promise<number> => (await inspect()).Spec.Mode.Replicated.Replicas,
        image: async (): Promise<string> => (await inspect()).Spec.TaskTemplate.ContainerSpec.Image,
        rollout: async (): Promise<string | undefined> => (await inspect()).UpdateStatus?.State,
        words: async () => (await site.homeostat.decisions()).map(({ word }) => word),
        codes: async (kind: "noticed" | "outcome" | "verification") =>
          (await site.homeostat.journal(kind)).map(({ data }) => codeOf(data)),
        /** As a person deploys: by the command line, waiting for nothing. */
        deploy: (image: string, ...options: string[]) =>
          lab.client(
            "service",
            "update",
            "--detach",
            "--no-resolve-image",
            ...options,
            `--image=${image}`,
            "shop",
          ),
      };
    }

    it("a change by hand is noticed, not fought, and built upon once it was left alone for its time", async () => {
      await using shop = await aShop();
      const { homeostat, replicas, words, codes } = shop;
      await homeostat.start();
      const last = async () => (await homeostat.journal("intent")).at(-1);
      await shop.fire(busy);
      await expect.poll(replicas, soon).toBeGreaterThanOrEqual(4);
      await shop.resolve(busy);
      await expect.poll(() => homeostat.episodes(), soon).toEqual([]);
      const before = await last();

      await lab.client("service", "scale", "--detach", "shop=12");
      await shop.fire(busy);
      await expect.poll(words, soon).toContain("ChangedByHand");
      expect(await last()).toEqual(before);
      await expect.poll(replicas, soon).toBe(14);
      expect(await codes("noticed")).toEqual(["ChangedByHand"]);
      const noticed = (await homeostat.journal("noticed"))[0]?.data as { changedAt: number };
      const after = (await homeostat.journal("intent")).find(({ seq }) => seq > (before?.seq ?? 0));
      expect(after?.at).toBeGreaterThanOrEqual(noticed.changedAt + handsOff);
      await homeostat.stop();
    });

    it("a deploy in progress ends first", async () => {
      const slowly = { Parallelism: 1, Delay: 2_000_000_000, Monitor: 100_000_000, Order: "stop-first" };
      await using shop = await aShop({ replicas: 3, spec: { UpdateConfig: slowly } });
      const { homeostat, replicas, words, rollout } = shop;
      await homeostat.start();
      await shop.deploy("lab/idle:2");
      await expect.poll(rollout, soon).toBe("updating");
      await shop.fire(busy);
      await expect.poll(words, soon).toContain("RolloutInProgress");
      // Looked at in this order, an action during the rollout would show.
      while ((await rollout()) === "updating") expect(await homeostat.journal("intent")).toEqual([]);
      await expect.poll(replicas, soon).toBeGreaterThanOrEqual(5);
      await shop.resolve(busy);
      const images = async (): Promise<string[]> => {
        const tasks = await lab.docker.listTasks({
          filters: JSON.stringify({ service: ["shop"], "desired-state": ["running"] }),
        });
        return tasks.map(({ Spec }) => Spec.ContainerSpec.Image);
      };
      expect(new Set(await images())).toEqual(new Set(["lab/idle:2"]));
      await homeostat.stop();
    });

    it.each([
      // The engine itself has noticed and stopped in the middle.
      ["that the engine has paused", "lab/crash:1", "pause", "paused"],
      // It runs, and people get errors.
      ["that runs and does not work", "lab/idle:2", "continue", "completed"],
    ])("a deploy %s is taken back", async (_what, image, onFailure, state) => {
      await using shop = await aShop();
      const { homeostat, rollout, codes } = shop;
      await homeostat.start();
      await shop.deploy(image, `--update-failure-action=${onFailure}`, "--update-monitor=1s");
      await expect.poll(rollout, soon).toBe(state);
      await shop.fire(errors);
      await expect.poll(() => codes("verification"), soon).toContain("Verified");
      expect(await shop.image()).toBe("lab/idle:1");
      expect(await shop.replicas()).toBe(2);
      await lab.running("shop", 2);
      expect(await codes("outcome")).toEqual(["applied"]);
      await homeostat.stop();
    });

    it("a deploy is taken back also when a scaling came after it, and the scaling stays", async () => {
      await using shop = await aShop();
      const { homeostat, replicas, rollout, codes } = shop;
      await homeostat.start();
      await shop.deploy("lab/idle:2");
      await expect.poll(rollout, soon).toBe("completed");
      await shop.fire(busy);
      await expect.poll(replicas, soon).toBeGreaterThanOrEqual(4);
      await shop.resolve(busy);
      await expect.poll(() => homeostat.episodes(), soon).toEqual([]);
      const grown = await replicas();
      const verified = (await codes("verification")).filter((code) => code === "Verified").length;

      await shop.fire(errors);
      await expect
        .poll(async () => (await codes("verification")).filter((code) => code === "Verified").length, soon)
        .toBeGreaterThan(verified);
      expect(await shop.image()).toBe("lab/idle:1");
      expect(await replicas()).toBe(grown);
      await homeostat.stop();
    });

    it("a change between the observation and the update makes it look and decide again", async () => {
      await using shop = await aShop();
      const { homeostat, replicas, codes } = shop;
      const command = ["service", "update", "--detach", "--label-add=team=blue", "shop"];
      const LAB_COMMAND = JSON.stringify([requireBinary("docker"), "--host", lab.host, ...command]);
      await homeostat.start({ main: meddled, env: { LAB_COMMAND } });
      await shop.fire(busy);
      await expect.poll(replicas, soon).toBe(4);
      await expect.poll(() => codes("outcome"), soon).toEqual(["conflict", "applied"]);
      const { Spec, PreviousSpec } = await lab.docker.getService("shop").inspect();
      expect(Spec.Labels).toMatchObject({ team: "blue" });
      expect(PreviousSpec.Labels).toEqual({ team: "blue" });
    });
  },
);

/** The code, or the kind, that an entry is about. */
function codeOf(data: unknown): string {
  const { code, result, judgement } = data as {
    code?: string;
    result?: { kind: string };
    judgement?: { kind: string; reason?: { code: string } };
  };
  return code ?? result?.kind ?? judgement?.reason?.code ?? judgement?.kind ?? "";
}
