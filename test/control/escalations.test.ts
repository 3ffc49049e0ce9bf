import { beforeEach, describe, expect, it } from "vitest";
import type { Question } from "../../src/core/escalation.ts";
import type { Put, Store } from "../../src/core/ports.ts";
import { Escalations, type Raised } from "../../src/control/escalations.ts";
import { memoryStore } from "../store/memory.ts";

const noon = Date.UTC(2026, 0, 15, 12, 0, 0);
const group = (key: string) => ({ key, labels: {}, receiver: "r", externalURL: "http://am:9093" });
const ask = (episode: string | null, parts: Partial<Question> = {}) => ({
  kind: "unknown" as const,
  reason: { code: "UnknownAlert", message: "No rule takes it" },
  rule: null,
  group: group("g"),
  alert: {
    labels: { alertname: "Slow", instance: episode ?? "" },
    annotations: {},
    startsAt: "2026-01-15T12:00:00Z",
    generatorURL: "",
    fingerprint: "00000000000000aa",
  },
  trail: [],
  channel: null,
  mention: null,
  episode,
  ...parts,
});

let store: Store;
let lines: string[];
const begin = async (delivers = true): Promise<Escalations> => {
  const note = (_data: object, message: string): void => void lines.push(message);
  const log = { info: note, warn: note, error: note };
  const escalations = new Escalations({ log, channel: "#ops", delivers, dryRun: false });
  await escalations.load(store);
  return escalations;
};
async function commit(change: Raised): Promise<string> {
  await store.commit({ append: change.entries, put: change.puts });
  change.applied();
  return change.id;
}
const keys = (puts: readonly Put[]): string[] => puts.map(({ key }) => key.replace(/[0-9a-z]{11}/, "ID"));

beforeEach(() => {
  store = memoryStore();
  lines = [];
});

describe("raising", () => {
  it("writes the escalation, who is in it and the message that tells it, in one commit", async () => {
    const escalations = await begin();
    const change = escalations.raise(ask("a"), noon);
    expect(keys(change.puts)).toEqual(["escalation/ID", "member/ID/a", "outbox/ID"]);
    expect(change.entries).toMatchObject([
      {
        kind: "escalation",
        episode: "a",
        data: { event: "opened", title: "Slow on a: no rule knows this alert" },
      },
    ]);
    await commit(change);
    expect(escalations.ledger.debts.of(`escalation/${change.id}`)).toMatchObject([{ op: "post" }]);
  });

  it.each([
    ["the same group, kind and rule", {}, 1],
    ["another group", { group: group("other") }, 2],
    ["another kind", { kind: "held" as const }, 2],
    ["another rule", { rule: "grow" }, 2],
    ["no group", { group: null }, 2],
  ])("for %s shares what is open or not", async (_what, parts, count) => {
    const escalations = await begin();
    await commit(escalations.raise(ask("a"), noon));
    await commit(escalations.raise(ask("b", parts), noon));
    expect(escalations.list()).toHaveLength(count);
  });

  it("changes nothing for an episode that is in it already", async () => {
    const escalations = await begin();
    const id = await commit(escalations.raise(ask("a"), noon));
    expect(escalations.raise(ask("a"), noon)).toMatchObject({ id, entries: [], puts: [] });
    expect(escalations.list()).toMatchObject([{ firing: 1, total: 1 }]);
  });

  it("opens a new one once the old is over", async () => {
    const escalations = await begin();
    const id = await commit(escalations.raise(ask("a"), noon));
    await commit(escalations.resolveFor(id, "a", noon + 1000));
    const next = await commit(escalations.raise(ask("b"), noon + 2000));
    expect(escalations.list()).toMatchObject([
      { id: next, status: "open" },
      { id, status: "resolved" },
    ]);
  });

  it("lets ten thousand join one with ten samples, one message and little to write", async () => {
    const escalations = await begin();
    let written = 0;
    for (let n = 0; n < 10_000; n += 1) {
      const change = escalations.raise(ask(`e${n}`), noon);
      written += JSON.stringify(change.puts).length;
      await commit(change);
    }
    expect(escalations.list()).toMatchObject([{ firing: 10_000, total: 10_000 }]);
    expect(escalations.ledger.debts.count).toBe(1);
    expect(written).toBeLessThan(2_000_000);
  });

  it("says in log and journal that nobody can be told without Slack", async () => {
    const escalations = await begin(false);
    const change = escalations.raise(ask("a"), noon);
    expect(change.entries[1]).toMatchObject({
      kind: "message",
      data: { escalation: change.id, event: "failed" },
    });
    await commit(change);
    expect(lines).toEqual(["a person must see this, and Slack is not configured"]);
    expect(keys(change.puts)).toEqual(["escalation/ID", "member/ID/a"]);
    expect(escalations.list()).toHaveLength(1);
  });
});

describe("resolving", () => {
  it("counts one less, and ends with the last", async () => {
    const escalations = await begin();
    const id = await commit(escalations.raise(ask("a"), noon));
    await commit(escalations.raise(ask("b"), noon));
    await commit(escalations.resolveFor(id, "a", noon + 1000));
    expect(escalations.list()).toMatchObject([{ status: "open", firing: 1, total: 2 }]);
    const last = escalations.resolveFor(id, "b", noon + 2000);
    expect(last.entries).toMatchObject([{ data: { event: "resolved" } }]);
    await commit(last);
    expect(escalations.list()).toMatchObject([{ status: "resolved", firing: 0, resolvedAt: noon + 2000 }]);
    await expect(store.list("member/", { limit: 10 })).resolves.toEqual([]);
  });

  it.each([
    ["an unknown escalation", "nope", "a"],
    ["an episode that is not in it", "", "z"],
  ])("changes nothing for %s", async (_what, other, episode) => {
    const escalations = await begin();
    const id = await commit(escalations.raise(ask("a"), noon));
    expect(escalations.resolveFor(other || id, episode, noon)).toMatchObject({
      entries: [],
      puts: [],
    });
  });

  it("ends one that no episode is in as a whole", async () => {
    const escalations = await begin();
    const id = await commit(escalations.raise(ask(null, { kind: "truncated", alert: null }), noon));
    expect(escalations.raise(ask(null, { kind: "truncated", alert: null }), noon)).toMatchObject({
      id,
      puts: [],
    });
    await commit(escalations.resolveFor(id, null, noon + 1000));
    expect(escalations.list()).toMatchObject([{ status: "resolved" }]);
  });
});

describe("a commit that fails", () => {
  it("leaves nothing of an opened escalation", async () => {
    const escalations = await begin();
    escalations.raise(ask("a"), noon).abandoned();
    expect(escalations.list()).toEqual([]);
    await commit(escalations.raise(ask("a"), noon));
    expect(escalations.list()).toHaveLength(1);
  });

  it("leaves those who joined meanwhile, and the message that tells them", async () => {
    const escalations = await begin();
    const first = escalations.raise(ask("a"), noon);
    const second = escalations.raise(ask("b"), noon);
    first.abandoned();
    await commit(second);
    expect(escalations.list()).toMatchObject([{ firing: 1, total: 1 }]);
    await expect(store.list("outbox/", { limit: 10 })).resolves.toHaveLength(1);
    const later = await begin();
    expect(later.list()).toMatchObject([{ firing: 1 }]);
    expect(later.ledger.debts.count).toBe(1);
  });

  it("takes a resolution back", async () => {
    const escalations = await begin();
    const id = await commit(escalations.raise(ask("a"), noon));
    escalations.resolveFor(id, "a", noon).abandoned();
    expect(escalations.list()).toMatchObject([{ status: "open", firing: 1, resolvedAt: null }]);
    expect(escalations.raise(ask("a"), noon)).toMatchObject({ id, puts: [] });
  });

  it("does not bring an old state back when it is tried again late", async () => {
    const escalations = await begin();
    const id = await commit(escalations.raise(ask("a"), noon));
    const late = escalations.raise(ask("b"), noon);
    await commit(escalations.raise(ask("c"), noon));
    await commit(late);
    expect((await begin()).list()).toMatchObject([{ id, firing: 3, total: 3, samples: { length: 3 } }]);
  });
});

describe("after a restart", () => {
  it("everything is as it was", async () => {
    const before = await begin();
    const id = await commit(before.raise(ask("a"), noon));
    await commit(before.raise(ask("b"), noon));
    await commit(before.resolveFor(id, "a", noon));
    const after = await begin();
    expect(after.list()).toEqual(before.list());
    await commit(after.raise(ask("c"), noon));
    await commit(after.raise(ask("d", { group: group("other") }), noon));
    expect(after.list().map((one) => one.total)).toEqual([1, 3]);
    expect(new Set(after.list().map((one) => one.id)).size).toBe(2);
  });

  it("what was raised without Slack is owed as soon as there is one", async () => {
    const before = await begin(false);
    const open = await commit(before.raise(ask("a"), noon));
    const over = await commit(before.raise(ask("b", { group: group("other") }), noon));
    await commit(before.resolveFor(over, "b", noon));
    const after = await begin(true);
    expect(after.ledger.debts.subjects()).toEqual([`escalation/${open}`]);
  });
});

describe("a storm", () => {
  it("is told in one digest per channel, also over a restart, until it was quiet", async () => {
    let escalations = await begin();
    const raise = (n: number, at: number, channel: string | null = null) =>
      commit(escalations.raise(ask(`e${n}`, { group: group(`g${n}`), channel }), at));
    for (let n = 0; n < 8; n += 1) await raise(n, noon + n);
    await raise(20, noon, "#other");
    const digests = () =>
      escalations
        .list()
        .map(({ digest }) => digest)
        .toReversed();
    expect(digests().slice(0, 5)).toEqual([null, null, null, null, null]);
    const [digest] = digests().slice(5);
    expect(digest).not.toBeNull();
    expect(digests().slice(5)).toEqual([digest, digest, digest, null]);
    escalations = await begin();
    await raise(9, noon + 30_000);
    expect(digests().at(-1)).toBe(digest);
    await raise(10, noon + 120_000);
    expect(digests().at(-1)).toBeNull();
    expect(escalations.ledger.messageOf(`digest/${digest}`, noon)?.title).toBe("4 escalations at once");
    expect(escalations.ledger.debts.of(`digest/${digest}`)).toHaveLength(2);
  });
});

describe("forgetting", () => {
  it("drops what is over and told, with all of its keys, and keeps the rest", async () => {
    const escalations = await begin();
    const told = await commit(escalations.raise(ask("a"), noon));
    await commit(escalations.resolveFor(told, "a", noon));
    const { debts } = escalations.ledger;
    const about = `escalation/${told}`;
    await store.commit({
      put: [
        escalations.ledger.delivered(about, { channel: "C1", ts: "1.0" }),
        ...debts.of(about).map(({ id }) => ({ key: `outbox/${id}`, value: null })),
      ],
    });
    debts.settle(debts.take(about));
    const untold = await commit(escalations.raise(ask("b"), noon));
    await commit(escalations.resolveFor(untold, "b", noon));
    const open = await commit(escalations.raise(ask("c"), noon));
    await store.commit({ put: escalations.forgetBefore(noon + 1) });
    expect(escalations.list().map(({ id }) => id)).toEqual([open, untold]);
    await expect(store.get(about)).resolves.toBeNull();
    await expect(store.get(`posted/${about}`)).resolves.toBeNull();
    expect((await begin()).list().map(({ id }) => id)).toEqual([open, untold]);
  });
});
