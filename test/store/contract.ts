import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Entry, NewEntry } from "../../src/core/journal.ts";
import type { Store } from "../../src/core/ports.ts";

const entry = (at: number, patch: Partial<NewEntry> = {}): NewEntry => ({
  at,
  kind: "decision",
  data: { at },
  ...patch,
});
const oldest = { order: "oldest-first", limit: 1000 } as const;
const ats = (entries: readonly Entry[]): number[] => entries.map(({ at }) => at);

/** What every store promises (Store in src/core/ports.ts). `open` gives an empty store. */
export function storeContract(
  name: string,
  open: () => Promise<{ store: Store; destroy: () => Promise<void> }>,
): void {
  describe(`${name} keeps the store's contract`, () => {
    let store: Store;
    let destroy: () => Promise<void>;
    beforeEach(async () => ({ store, destroy } = await open()));
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
      expect(ats(await store.read({ ...oldest, after: first ?? 0, before: third ?? 0 }))).toEqual([
        2,
      ]);
      expect(ats(await store.read({ order: "newest-first", limit: 2 }))).toEqual([4, 3]);
      expect(await store.read({ ...oldest, kinds: [] })).toEqual([]);
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

    it("drops what is old or too much, oldest first, and nothing that is to be kept", async () => {
      for (let at = 1; at <= 9; at += 1)
        await store.commit({ append: [entry(at, { data: "x".repeat(98) })] });
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

    it("agrees with a plain model, whatever is written in whatever order", async () => {
      const key = fc.constantFrom("a", "b", "c");
      const put = fc.record({
        key,
        value: fc.option(fc.jsonValue(), { nil: null }),
        expected: fc.option(fc.nat(3), { nil: undefined }),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.uniqueArray(put, { selector: ({ key }) => key, maxLength: 3 }), {
            maxLength: 15,
          }),
          async (changes) => {
            const names = ["a", "b", "c"];
            await store.commit({ put: names.map((name) => ({ key: name, value: null })) });
            const model = new Map<string, { value: unknown; version: number }>();
            for (const puts of changes) {
              const clash = puts.find(
                ({ key, expected }) =>
                  expected !== undefined && (model.get(key)?.version ?? 0) !== expected,
              );
              const clean = puts.map(({ key, value, expected }) => ({
                key,
                value,
                ...(expected === undefined ? {} : { expected }),
              }));
              expect(await store.commit({ put: clean })).toMatchObject({
                kind: clash === undefined ? "committed" : "conflict",
              });
              if (clash !== undefined) continue;
              for (const { key, value } of puts) {
                if (value === null) model.delete(key);
                else
                  model.set(key, {
                    value: JSON.parse(JSON.stringify(value)),
                    version: (model.get(key)?.version ?? 0) + 1,
                  });
              }
            }
            for (const name of names) {
              const expected = model.get(name);
              expect(await store.get(name)).toEqual(
                expected === undefined ? null : { key: name, ...expected },
              );
            }
          },
        ),
        { numRuns: 40 },
      );
    });
  });
}
