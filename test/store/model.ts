import { expect } from "vitest";
import * as fc from "fast-check";
import { entryKinds, type Entry, type NewEntry } from "../../src/core/journal.ts";
import type { Change, Committed, Put, Store } from "../../src/core/ports.ts";

/* What a store is, without any of what makes one: the property that holds every store against it. */

const names = ["a", "b", "c"] as const;

const put = fc.record(
  {
    key: fc.constantFrom(...names),
    value: fc.option(fc.jsonValue(), { nil: null }),
    expected: fc.nat(3),
  },
  { requiredKeys: ["key", "value"] },
);
const entry = fc.record(
  {
    at: fc.nat(100),
    kind: fc.constantFrom(...entryKinds.slice(0, 3)),
    episode: fc.constantFrom("e1", "e2"),
    target: fc.constantFrom("t1", "t2"),
    data: fc.jsonValue(),
  },
  { requiredKeys: ["at", "kind", "data"] },
);
const change = fc.record({
  append: fc.array(entry, { maxLength: 3 }),
  put: fc.uniqueArray(put, { selector: ({ key }) => key, maxLength: 3 }),
});
/** Changes of one burst are given without waiting for one another. */
const bursts = fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), { maxLength: 6 });
const query = fc.record(
  {
    kinds: fc.array(fc.constantFrom(...entryKinds.slice(0, 4)), { maxLength: 3 }),
    episode: fc.constantFrom("e1", "e2", "e3"),
    target: fc.constantFrom("t1", "t2"),
    order: fc.constantFrom("oldest-first" as const, "newest-first" as const),
    limit: fc.integer({ min: 1, max: 9 }),
  },
  { requiredKeys: ["order", "limit"] },
);
type Query = typeof query extends fc.Arbitrary<infer Value> ? Value : never;

/** Negative zero is no JSON number of its own. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

class Model {
  readonly keys = new Map<string, { value: unknown; version: number }>();
  readonly journal: NewEntry[] = [];

  commit({ append = [], put = [] }: Change): Committed["kind"] {
    const fits = ({ key, expected }: Put): boolean =>
      expected === undefined || (this.keys.get(key)?.version ?? 0) === expected;
    if (!put.every(fits)) return "conflict";
    for (const { key, value } of put) {
      const version = (this.keys.get(key)?.version ?? 0) + 1;
      if (value === null) this.keys.delete(key);
      else this.keys.set(key, { value: asJson(value), version });
    }
    for (const next of append) this.journal.push({ ...next, data: asJson(next.data) });
    return "committed";
  }

  read(asked: Query): NewEntry[] {
    const found = this.journal.filter(
      (entry) =>
        (asked.kinds?.includes(entry.kind) ?? true) &&
        (asked.episode ?? entry.episode) === entry.episode &&
        (asked.target ?? entry.target) === entry.target,
    );
    return (asked.order === "oldest-first" ? found : found.toReversed()).slice(0, asked.limit);
  }
}

const withoutSeq = ({ seq: _seq, ...rest }: Entry): NewEntry => rest;

export async function agreesWithModel(store: Store): Promise<void> {
  await fc.assert(
    fc.asyncProperty(bursts, fc.array(query, { maxLength: 5 }), async (bursts, queries) => {
      const model = new Model();
      const emptied = await store.commit({
        put: names.map((key) => ({ key, value: null })),
        append: [{ at: 0, kind: "process", data: "start of a run" }],
      });
      const after = emptied.kind === "committed" ? (emptied.seqs[0] ?? 0) : 0;
      for (const burst of bursts) {
        const said = await Promise.all(burst.map((change) => store.commit(change)));
        expect(said.map(({ kind }) => kind)).toEqual(burst.map((change) => model.commit(change)));
      }
      for (const key of names) {
        const expected = model.keys.get(key);
        expect(await store.get(key)).toEqual(expected === undefined ? null : { key, ...expected });
      }
      for (const query of [{ order: "oldest-first" as const, limit: 1000 }, ...queries]) {
        const found = await store.read({ ...query, after });
        expect(found.map(withoutSeq)).toEqual(model.read(query));
      }
    }),
    { numRuns: 60 },
  );
}
