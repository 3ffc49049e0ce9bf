import { expect, it } from "vitest";
import { compileCatalog } from "../../src/core/compile.ts";
import { Fault } from "../../src/core/reason.ts";
import { FakeSwarm } from "../stand-ins/swarm.ts";
import { aHomeostat, firing, minutes, seconds } from "./homeostat.ts";

const rules = `
rules:
  - name: scale
    match: ['alertname="SlowResponses"']
    do: [{action: scale-service, service: '\${alert.labels.service}', by: +2}]
  - name: call
    match: ['alertname="Call"']
    repeat: once
    do: [{action: call-webhook, url: 'https://chat.example/'}]
  - name: ask
    match: ['alertname="Ask"']
    do: [{action: escalate}]
`;
const numbered = (alertname: string, count: number) =>
  Array.from({ length: count }, (_, index) =>
    firing({
      labels: { alertname, service: `shop_${index}` },
      fingerprint: `${alertname === "Ask" ? "a" : "0"}${index.toString(16).padStart(15, "0")}`,
    }),
  );

const hangs = (_asked: unknown, signal?: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new Fault("unavailable", "it was not waited for")));
  });

it("a cluster that hangs while 100 services are changed holds up neither calls nor questions to people", async () => {
  const { post, clock, swarm, calls, controller, stop } = await aHomeostat({ rules });
  for (let index = 0; index < 100; index += 1) swarm.set(`shop_${index}`);
  const { update } = swarm;
  let given = 0;
  swarm.update = async function (this: FakeSwarm, change) {
    given += 1;
    if (given === 64) {
      this.service = this.tasks = this.update = hangs;
    }
    return update.call(this, change);
  };
  await post(...numbered("SlowResponses", 100));
  await clock.advance(seconds(30));
  await post(firing({ labels: { alertname: "Call" }, fingerprint: "00000000000000ca" }));
  expect(calls).toHaveLength(1);
  await post(...numbered("Ask", 200));
  await clock.advance(minutes(1));
  expect(controller.escalations({ limit: 9 })).toMatchObject([{ kind: "rule", firing: 200 }]);
  const stopping = stop();
  await clock.advance(seconds(30));
  await stopping;
});

it("a look that waited for its turn does not do again what another look did meanwhile", async () => {
  const { post, clock, swarm, controller, stop } = await aHomeostat({
    rules: `
rules:
  - name: steps
    match: ['n="0"']
    repeat: once
    cooldown: 0s
    do:
      - {action: restart-service, service: shop_web}
      - {action: scale-service, service: shop_web, by: +1}
  - name: other
    match: ['n!="0"']
    repeat: once
    cooldown: 0s
    do: [{action: restart-service, service: shop_web}]
`,
  });
  swarm.set("shop_web", { labels: {} });
  const everything = { scope: "all", by: "ana", reason: "", until: null };
  await controller.pause(everything);
  await post(
    ...Array.from({ length: 5 }, (_, n) =>
      firing({ labels: { n: String(n) }, fingerprint: `000000000000000${n}` }),
    ),
  );
  const { service } = swarm;
  swarm.service = async function (this: FakeSwarm, name) {
    await clock.sleep(100);
    return service.call(this, name);
  };
  // Twice, before the first look is over: each course is put up to be looked at twice.
  await controller.resume("all", "ana");
  await clock.advance(50);
  await controller.pause(everything);
  await controller.resume("all", "ana");
  await clock.advance(seconds(30));
  const done = swarm.changes.map(({ intent }) => intent.slice(intent.indexOf("/") + 1));
  expect(done.toSorted()).toEqual([...Array.from({ length: 4 }, () => "other/1.0"), "steps/1.0"]);
  await stop();
});

it("what waited for its turn while the rules were replaced is decided by the new ones", async () => {
  const { post, clock, swarm, reload, stop } = await aHomeostat({ rules });
  swarm.set("shop_0", { replicas: 2 });
  const { service } = swarm;
  swarm.service = async function (this: FakeSwarm, name) {
    await clock.sleep(100);
    return service.call(this, name);
  };
  const two = [0, 1].map((n) =>
    firing({ labels: { n: String(n), service: "shop_0" }, fingerprint: `000000000000000${n}` }),
  );
  await post(...two);
  const text = rules
    .replace("by: +2", "by: +5, max: 90")
    .replace("name: scale", "name: scale\n    cooldown: 0s\n    repeat: once");
  const better = compileCatalog([{ file: "new.yml", text }]);
  if (!better.ok) throw new Error(JSON.stringify(better.faults));
  await reload({ kind: "loaded", catalog: better.catalog });
  await clock.advance(seconds(1));
  expect(swarm.changes.map(({ set }) => set)).toMatchObject([{ replicas: 4 }, { replicas: 9 }]);
  await stop();
});
