import { expect, it } from "vitest";
import type { Entry } from "../../src/core/journal.ts";
import { Watchers } from "../../src/store/watchers.ts";
import { toWire } from "../../src/store/wire.ts";

it("keeps what is committed while a watcher still reads what was there before", async () => {
  const reading = Promise.withResolvers<Entry[]>();
  const watchers = new Watchers(() => reading.promise);
  const seen: number[] = [];
  watchers.add(0, ({ seq }) => seen.push(seq));
  const tell = (seq: number) => {
    const change = { append: [{ at: seq, kind: "pause", data: seq } as const] };
    watchers.tell(change, toWire(change), [seq]);
  };
  tell(2);
  tell(3);
  expect(seen).toEqual([]);
  // What was read holds 2 as well: it was committed before the reading, and told of after.
  reading.resolve([1, 2].map((seq) => ({ seq, at: seq, kind: "pause", data: seq })));
  await expect.poll(() => seen).toEqual([1, 2, 3]);
  tell(4);
  expect(seen).toEqual([1, 2, 3, 4]);
});
