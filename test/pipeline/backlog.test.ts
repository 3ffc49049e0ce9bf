import { expect, it } from "vitest";
import { readNotification } from "../../src/core/alert.ts";
import type { Change, JournalQuery, Store } from "../../src/core/ports.ts";
import { Fault } from "../../src/core/reason.ts";
import { memoryStore } from "../store/memory.ts";
import { aHomeostat, firing, minutes, notification, seconds, start } from "./homeostat.ts";

const rules = `
rules:
  - name: call
    match: ['alertname="SlowResponses"']
    repeat: once
    do: [{action: call-webhook, url: 'https://chat.example/\${alert.labels.n}'}]
`;

/** What an earlier process accepted and did not come to. */
async function accepted(store: Store, ...bodies: object[]): Promise<void> {
  for (const data of bodies) await store.commit({ append: [{ at: start, kind: "notification", data }] });
}
const numbered = [0, 1, 2].map((n) =>
  notification(firing({ labels: { n: String(n) }, fingerprint: `000000000000000${n}` })),
);

it("what was accepted is not lost when the store cannot be read for a moment in between", async () => {
  const store = memoryStore();
  await accepted(store, ...numbered);
  const { read } = store;
  let rereads = 0;
  store.read = async (query: JournalQuery) => {
    if (query.before !== undefined && ++rereads === 2) throw new Fault("unavailable", "the disk is away");
    return read.call(store, query);
  };
  const { clock, calls, controller, stop } = await aHomeostat({ rules, store });
  await clock.advance(minutes(2));
  expect(calls.map(({ url }) => url.at(-1)).toSorted()).toEqual(["0", "1", "2"]);
  expect((await controller.status()).backlog).toBe(0);
  await stop();
});

it("what cannot be read back at all does not hold up what came after it, and a person is told", async () => {
  const store = memoryStore();
  const [first = {}, , last = {}] = numbered;
  await accepted(store, first, { no: "notification" }, last);
  const { clock, calls, controller, stop } = await aHomeostat({ rules, store });
  await clock.advance(minutes(2));
  expect(calls.map(({ url }) => url.at(-1)).toSorted()).toEqual(["0", "2"]);
  expect(controller.escalations({ limit: 9 })).toMatchObject([{ reason: { code: "NotificationLost" } }]);
  await stop();
});

it.each([
  ["notifications", [1, 1, 1]],
  ["alerts", [15, 15]],
])("senders are sent back while too many %s wait, and taken again afterwards", async (_, sizes) => {
  const store = memoryStore();
  const { controller, clock, stop } = await aHomeostat({ rules, store, mostWaiting: 2 });
  const { commit } = store;
  const { promise: mended, resolve: mend } = Promise.withResolvers<void>();
  store.commit = async (change: Change) => {
    if (change.append?.[0]?.kind !== "notification") await mended;
    return commit.call(store, change);
  };
  const send = async (round: number, count: number): Promise<string> => {
    const alerts = Array.from({ length: count }, (__, n) =>
      firing({ fingerprint: `${round}${n.toString(16).padStart(15, "0")}`, labels: { n: `${round}-${n}` } }),
    );
    const body = notification(...alerts);
    const read = readNotification(body);
    if (read.kind === "faulty") throw new Error(read.faults.join("; "));
    return (await controller.receive(read.notification, Buffer.from(JSON.stringify(body)))).kind;
  };
  for (const [round, count] of sizes.entries()) expect(await send(round, count)).toBe("accepted");
  expect(await send(8, 1)).toBe("unavailable");
  mend();
  await clock.advance(seconds(1));
  expect(await send(8, 1)).toBe("accepted");
  await stop();
});
