import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Entry, NewEntry } from "../../src/core/journal.ts";
import type { Store } from "../../src/core/ports.ts";
import { agreesWithModel } from "./model.ts";

const entry = (at: number, patch: Partial<NewEntry> = {}): NewEntry => ({
  at,
  kind: "decision",
  data: { at },
  ...patch,
});
const oldest = { order: "oldest-first", limit: 1000 } as const;
const ats = (entries: readonly Entry[]): number[] => entries.map(({ at }) => at);

export type Opened = {
  readonly store: Store;
  /** Closes the store and gives what the next process would find. */
  readonly reopen: () => Promise<Store>;
  readonly destroy: () => Promise<void>;
};

/** What every store promises (Store in src/core/ports.ts). `open` gives an empty store. */
export function storeContract(name: string, open: () => Promise<Opened>): void {
  describe(`${name} keeps the store's contract`, () => {
    let store: Store;
    let reopen: Opened["reopen"];
    let destroy: Opened["destroy"];
    beforeEach(async () => ({ store, reopen, destroy } = await open()));
    afterEach(() => destroy());

    it("numbers entries in the order of the commits, and gives them back as they were", async () => {
      const results = await Promise.all(
        [1, 2, 3].map((at) => store.commit({ append: [entry(at), entry(at + 10)] })),
      );
      const seqs = results.flatMap((result) => (result.kind === "committed" ? result.seqs : []));
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
      expect(new Set(seqs).size).toBe(6);
      const entries = await store.read(oldest);
      expect(ats(entries)).toEqual([1, 11, 2, 12, 3, 13]);
      expect(entries[0]).toEqual({ seq: seqs[0], at: 1, kind: "decision", data: { at: 1 } });
    });

    it("keeps bytes that are JSON already as they are", async () => {
      await store.commit({
        append: [
          entry(1, {
            kind: "notification",
            data: Buffer.from('{"ü":"\\u0000 \u{1F600}", "n": 1e3}'),
          }),
        ],
      });
      expect((await store.read(oldest))[0]?.data).toEqual({ ü: "\0 \u{1F600}", n: 1000 });
    });

    it("reads by kind, episode, target and range, from either end", async () => {
      await store.commit({
        append: [
          entry(1, { kind: "intent", episode: "e1", target: "t1" }),
          entry(2, { kind: "outcome", episode: "e1" }),
          entry(3, { kind: "intent", episode: "e2", target: "t1" }),
          entry(4, { kind: "pause" }),
        ],
      });
      const all = await store.read(oldest);
      const [first, , third] = all.map(({ seq }) => seq);
      expect(ats(await store.read({ ...oldest, kinds: ["intent", "pause"] }))).toEqual([1, 3, 4]);
      expect(
        ats(await store.read({ kinds: ["intent", "outcome"], order: "newest-first", limit: 2 })),
      ).toEqual([3, 2]);
      expect(ats(await store.read({ ...oldest, episode: "e1" }))).toEqual([1, 2]);
      expect(ats(await store.read({ ...oldest, target: "t1", kinds: ["intent"] }))).toEqual([1, 3]);
      expect(ats(await store.read({ ...oldest, after: first ?? 0, before: third ?? 0 }))).toEqual([2]);
      expect(ats(await store.read({ order: "newest-first", limit: 2 }))).toEqual([4, 3]);
      expect(await store.read({ ...oldest, kinds: [] })).toEqual([]);
      expect(ats(await store.read({ ...oldest, kinds: ["pause", "pause"] }))).toEqual([4]);
    });

    it("compares before it sets, and writes nothing of a change that is refused", async () => {
      expect(await store.commit({ put: [{ key: "a", value: 1, expected: 0 }] })).toMatchObject({
        kind: "committed",
      });
      expect(await store.get("a")).toEqual({ key: "a", value: 1, version: 1 });
      const refused = await store.commit({
        append: [entry(1)],
        put: [
          { key: "b", value: 1 },
          { key: "a", value: 2, expected: 7 },
        ],
      });
      expect(refused).toEqual({ kind: "conflict", key: "a" });
      expect(await store.get("b")).toBeNull();
      expect(await store.read(oldest)).toEqual([]);
      await store.commit({ put: [{ key: "a", value: { deep: [1, null] }, expected: 1 }] });
      expect(await store.get("a")).toMatchObject({ value: { deep: [1, null] }, version: 2 });
      await store.commit({ put: [{ key: "a", value: null }] });
      expect(await store.get("a")).toBeNull();
      expect(await store.commit({ put: [{ key: "a", value: 3, expected: 0 }] })).toMatchObject({
        kind: "committed",
      });
    });

    it("lets one of many that compare with the same version win", async () => {
      const results = await Promise.all(
        [1, 2, 3, 4, 5].map((value) => store.commit({ put: [{ key: "k", value, expected: 0 }] })),
      );
      expect(results.filter(({ kind }) => kind === "committed")).toHaveLength(1);
      expect(results.filter(({ kind }) => kind === "conflict")).toHaveLength(4);
    });

    it("lists keys by prefix, in order, page by page", async () => {
      const keys = ["p/a", "p/b", "p/c", "p", "q/a", "p/\u{1F600}"];
      await store.commit({ put: keys.map((key) => ({ key, value: key })) });
      const first = await store.list("p/", { limit: 2 });
      expect(first.map(({ key }) => key)).toEqual(["p/a", "p/b"]);
      const rest = await store.list("p/", { after: "p/b", limit: 10 });
      expect(rest.map(({ key }) => key)).toEqual(["p/c", "p/\u{1F600}"]);
    });

    it("gives a lease to one holder, and a greater fence to each next one", async () => {
      const first = await store.acquire("l", "ana", 60_000);
      expect(await store.acquire("l", "ben", 60_000)).toBeNull();
      expect(await store.acquire("l", "ana", 60_000)).toEqual(first);
      if (first === null) throw new Error("no lease");
      expect(await store.commit({ append: [entry(1)], fence: first })).toMatchObject({
        kind: "committed",
      });
      await store.release(first);
      const second = await store.acquire("l", "ben", 60_000);
      expect(second?.fence).toBeGreaterThan(first.fence);
      expect(await store.commit({ append: [entry(2)], fence: first })).toEqual({
        kind: "fenced",
        lease: "l",
      });
      await store.release(first); // an old lease's release takes nothing away
      expect(await store.acquire("l", "ana", 60_000)).toBeNull();
      expect(ats(await store.read(oldest))).toEqual([1]);
    });

    it("passes an expired lease on, and refuses what its holder still writes", async () => {
      const first = await store.acquire("l", "ana", 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (first === null) throw new Error("no lease");
      expect(await store.commit({ append: [entry(1)], fence: first })).toMatchObject({
        kind: "fenced",
      });
      expect((await store.acquire("l", "ben", 60_000))?.fence).toBeGreaterThan(first.fence);
    });

    it("lets a watcher see everything once and in order, from where it asks", async () => {
      for (let at = 1; at <= 20; at += 1) await store.commit({ append: [entry(at)] });
      const [, second] = await store.read(oldest);
      const seen: Entry[] = [];
      const stop = store.watch(second?.seq ?? 0, (next) => seen.push(next));
      for (let at = 21; at <= 40; at += 1) await store.commit({ append: [entry(at)] });
      await expect.poll(() => seen.length).toBe(38);
      expect(ats(seen)).toEqual(Array.from({ length: 38 }, (_, index) => index + 3));
      expect(seen).toEqual(await store.read({ ...oldest, after: second?.seq ?? 0 }));
      stop();
      await store.commit({ append: [entry(99)] });
      expect(seen).toHaveLength(38);
    });

    it("tells those who begin to watch between commits everything once as well", async () => {
      const everyone: number[][] = [];
      const commits: Promise<unknown>[] = [];
      const write = (at: number) => commits.push(store.commit({ append: [entry(at)] }));
      for (let at = 1; at <= 30; at += 1) {
        write(at);
        // The commit is under way now, so that what a watcher reads first and what it is told meet.
        await new Promise((turn) => setImmediate(turn));
        if (at % 3 > 0) continue;
        const seen: number[] = [];
        everyone.push(seen);
        store.watch(0, (next) => seen.push(next.at));
        write(at + 100);
      }
      await Promise.all(commits);
      const all = ats(await store.read(oldest));
      expect(all).toHaveLength(40);
      await expect.poll(() => everyone).toEqual(everyone.map(() => all));
    });

    it("drops what is old or too much, oldest first, and nothing that is to be kept", async () => {
      for (let at = 1; at <= 9; at += 1)
        await store.commit({ append: [entry(at, { data: "ü".repeat(49) })] }); // 100 bytes of JSON
      const entries = await store.read(oldest);
      const all = {
        olderThan: 0,
        maxBytes: Number.MAX_SAFE_INTEGER,
        keepFrom: Number.MAX_SAFE_INTEGER,
      };
      expect(await store.retain({ ...all, olderThan: 4, keepFrom: entries[1]?.seq ?? 0 })).toEqual({
        dropped: 1,
      });
      expect(await store.retain({ ...all, olderThan: 4 })).toEqual({ dropped: 2 });
      expect(await store.retain({ ...all, maxBytes: 300 })).toEqual({ dropped: 3 });
      expect(ats(await store.read(oldest))).toEqual([7, 8, 9]);
      const next = await store.commit({ append: [entry(10)] });
      expect(next).toMatchObject({ seqs: [(entries.at(-1)?.seq ?? 0) + 1] });
    });

    it("numbers on after everything was dropped and the store was opened again", async () => {
      await store.commit({ append: [entry(1), entry(2)], put: [{ key: "k", value: "v" }] });
      const lease = await store.acquire("l", "ana", 60_000);
      if (lease === null) throw new Error("no lease");
      await store.release(lease);
      const [, last] = await store.read(oldest);
      const all = { olderThan: 9, maxBytes: 0, keepFrom: Number.MAX_SAFE_INTEGER };
      expect(await store.retain(all)).toEqual({ dropped: 2 });
      const next = await reopen();
      expect(await next.commit({ append: [entry(3)] })).toMatchObject({
        seqs: [(last?.seq ?? 0) + 1],
      });
      expect(ats(await next.read(oldest))).toEqual([3]);
      expect(await next.get("k")).toEqual({ key: "k", value: "v", version: 1 });
      expect((await next.acquire("l", "ben", 60_000))?.fence).toBeGreaterThan(lease.fence);
    });

    it("refuses a change that is no JSON, and it alone", async () => {
      const changes = [
        { append: [entry(1)] },
        { append: [entry(2, { data: undefined })] },
        { append: [entry(2.5)] },
        { put: [{ key: "k", value: 1n }] },
        { append: [entry(3)] },
      ];
      const said = await Promise.allSettled(changes.map((change) => store.commit(change)));
      expect(said.map(({ status }) => status)).toEqual([
        "fulfilled",
        "rejected",
        "rejected",
        "rejected",
        "fulfilled",
      ]);
      expect(ats(await store.read(oldest))).toEqual([1, 3]);
    });

    it("says committed of what is committed, though a listener throws", async () => {
      const others = process.listeners("uncaughtException");
      const uncaught: unknown[] = [];
      process.removeAllListeners("uncaughtException");
      process.on("uncaughtException", (bug) => uncaught.push(bug));
      try {
        const seen: number[] = [];
        store.watch(0, () => {
          throw new Error("a listener's bug");
        });
        store.watch(0, ({ at }) => seen.push(at));
        const said = await Promise.all([1, 2, 3].map((at) => store.commit({ append: [entry(at)] })));
        expect(said.map(({ kind }) => kind)).toEqual(["committed", "committed", "committed"]);
        await expect.poll(() => seen).toEqual([1, 2, 3]);
        expect(uncaught).toEqual([new Error("a listener's bug")]);
      } finally {
        process.removeAllListeners("uncaughtException");
        for (const other of others) process.on("uncaughtException", other);
      }
    });

    it("agrees with a plain model, whatever is written in whatever order", async () => {
      await expect(agreesWithModel(store)).resolves.toBeUndefined();
    });
  });
}
