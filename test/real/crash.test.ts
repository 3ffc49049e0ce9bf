import { join } from "node:path";
import { afterAll, beforeAll, it } from "vitest";
import type { Intent } from "../../src/core/intent.ts";
import type { Judgement } from "../../src/core/judge.ts";
import { describeReal } from "../lab/binaries.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import type { HomeostatProcess } from "../lab/homeostat.ts";
import { aSite } from "../lab/site.ts";

const soon = { timeout: 60_000, interval: 100 };
const mortal = join(import.meta.dirname, "../lab/mortal.ts");

const rules = `
rules:
  - name: scale-out
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
    repeat: once
    verify: {within: 1m}
  - name: scale-out-or-back
    match: ['alertname="NoRoom"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
    attempts: 1
    verify: {within: 8s}
    otherwise: rollback
`;

/** On the way of an alert that is acted on, of one that is told to a person, and of their resolution. */
const moments = [
  ["notification", "commit: the notification is durable, its sender gets an answer after it"],
  ["opening", "commit: the episode is known"],
  ["escalation", "commit: a person is to be asked, and the message is owed"],
  ["intent", "commit: decided, and what will be done is known"],
  ["update", "call of the engine"],
  ["outcome", "commit: what became of it"],
  ["progress", "commit: the first look at how it goes"],
  ["verdict", "commit: it helped"],
  ["note that a message is on its way", "commit"],
  ["post", "call of Slack"],
  ["note that it was posted", "commit"],
  ["resolution", "commit: the alert is over"],
  ["closing", "commit: and so is its episode"],
  ["edit", "call of Slack: the message says that it is over"],
  ["note that it was edited", "commit"],
  ["answer", "call of Slack: in the thread, that it is over"],
  ["note that it was answered", "commit"],
] as const;

/** On the way of an action that does not help and is taken back. */
const undoing = [
  ["intent to undo", "commit"],
  ["undoing update", "call of the engine"],
  ["failure", "commit: it did not help"],
] as const;

const bothSides = (rows: readonly (readonly [string, string])[]) =>
  rows.flatMap(([name, what]) => [
    [`before the ${name}`, what] as const,
    [`after the ${name}`, what] as const,
  ]);

describeReal(
  "killed with -9, and started again, Homeostat has exactly one effect",
  ["dockerd", "docker", "prometheus-alertmanager", "iptables", "ip", "busybox"],
  () => {
    let lab: Lab;
    let count = 0;
    beforeAll(async () => {
      lab = await startDockerd();
    });
    afterAll(() => lab?.close());

    /** A Homeostat that dies at a moment and is started again, and a service of two replicas. */
    async function aMortal(moment: string, spec: Readonly<Record<string, unknown>> = {}) {
      const site = await aSite({ lab, rules });
      const { homeostat } = site;
      const name = `shop_${(count += 1)}`;
      await lab.createService({
        name,
        replicas: 2,
        labels: { "homeostat.min": "1", "homeostat.max": "9" },
        spec,
      });
      site.defer(() => lab.removeService(name));
      await lab.running(name, 2);
      await homeostat.start({ main: mortal, env: { LAB_DEATH: moment } });
      const deaths: unknown[] = [];
      const reborn = homeostat.ended().then((how) => (deaths.push(how), homeostat.start()));
      reborn.catch((error: unknown) => deaths.push(error));
      const service = () => lab.docker.getService(name).inspect();
      return {
        ...site,
        service,
        containers: () => containersOf(lab, name),
        deaths,
        slow: { labels: { alertname: "SlowResponses", service: name } },
        noRoom: { labels: { alertname: "NoRoom", service: name } },
        unknown: { labels: { alertname: "NobodyKnows", service: name } },
      };
    }

    it.concurrent.for(bothSides(moments))("%s (%s)", async ([moment], { expect }) => {
      await using one = await aMortal(moment);
      const { homeostat, slack, slow, unknown, service, containers } = one;
      const [before, oldest] = [await service(), await containers()];
      const threads = () => slack.messages("ops").filter(({ thread }) => thread === null).length;

      await one.fire(slow, unknown);
      await expect.poll(async () => [await verdicts(homeostat), threads()], soon).toEqual([["verified"], 1]);
      await one.resolve(slow, unknown);
      await expect.poll(() => homeostat.episodes(), soon).toEqual([]);
      await expect.poll(() => slack.messages("ops").length, soon).toBe(2);
      await expect
        .poll(async () => (await homeostat.status()).escalations, soon)
        .toEqual({
          open: 0,
          undelivered: 0,
        });

      expect(one.deaths).toEqual(["SIGKILL"]);
      // One update: the spec before the present one is the one from before.
      const { Spec, PreviousSpec } = await service();
      expect(PreviousSpec).toEqual(before.Spec);
      expect(Spec.Mode).toEqual({ Replicated: { Replicas: 4 } });
      const [intent, ...more] = await intents(homeostat);
      expect(more).toEqual([]);
      expect(Spec.Labels).toMatchObject({ "homeostat.intent": intent?.id });
      expect(await containers()).toEqual(expect.arrayContaining(oldest));
      expect(await outcomes(homeostat)).toEqual(["applied"]);
      const [thread, answer] = slack.messages("ops");
      expect([thread?.thread, answer?.thread]).toEqual([null, thread?.ts]);
      expect(thread?.edits).toBeGreaterThan(0);
      await homeostat.stop();
    });

    it.concurrent.for(bothSides(undoing))("taking it back: %s (%s)", async ([moment], { expect }) => {
      // More than two replicas find no place: they never run.
      const Placement = { MaxReplicas: 2 };
      const ContainerSpec = { Image: "lab/idle:1" };
      await using one = await aMortal(moment, { TaskTemplate: { ContainerSpec, Placement } });
      const { homeostat, slack, noRoom, service } = one;
      const before = await service();
      await one.fire(noRoom);
      await expect.poll(() => verdicts(homeostat), soon).toEqual(["failed"]);
      await expect.poll(() => slack.messages("ops").length, soon).toBe(1);

      expect(one.deaths).toEqual(["SIGKILL"]);
      const [intent, undo, ...more] = await intents(homeostat);
      expect(more).toEqual([]);
      expect(undo?.id).toBe(`${intent?.id}/undo`);
      const { Spec, PreviousSpec } = await service();
      const labelled = (label: string | undefined) => ({
        ...before.Spec.Labels,
        "homeostat.intent": label,
      });
      expect(Spec).toEqual({ ...before.Spec, Labels: labelled(undo?.id) });
      expect(PreviousSpec).toMatchObject({
        Mode: { Replicated: { Replicas: 4 } },
        Labels: labelled(intent?.id),
      });
      expect(await outcomes(homeostat)).toEqual(["applied", "applied"]);
      expect(await homeostat.escalations()).toMatchObject([{ kind: "failed", status: "open" }]);
      await homeostat.stop();
    });
  },
);

const containersOf = async (lab: Lab, service: string): Promise<string[]> => {
  const label = `com.docker.swarm.service.name=${service}`;
  const containers = await lab.docker.listContainers({ filters: { label: [label] } });
  return containers.map(({ Id }) => Id);
};

const intents = async (homeostat: HomeostatProcess): Promise<Intent[]> =>
  (await homeostat.journal("intent")).map(({ data }) => (data as { intent: Intent }).intent);

const outcomes = async (homeostat: HomeostatProcess): Promise<string[]> =>
  (await homeostat.journal("outcome")).map(({ data }) => (data as { result: { kind: string } }).result.kind);

const verdicts = async (homeostat: HomeostatProcess): Promise<Judgement["kind"][]> =>
  (await homeostat.journal("verification"))
    .map(({ data }) => (data as { judgement: Judgement }).judgement.kind)
    .filter((kind) => kind !== "pending");
