import { expect, it } from "vitest";
import { Records } from "../../src/control/records.ts";
import { fakeClock } from "../stand-ins/clock.ts";
import { memoryStore } from "../store/memory.ts";

it("what was written later stays, though an earlier write of the same key had to be tried again", async () => {
  const clock = fakeClock();
  const store = memoryStore();
  const records = new Records(store, clock, { info() {}, warn() {}, error() {} });
  const { signal } = new AbortController();
  store.failNext(1);
  const earlier = records.persist([], [{ key: "course", value: "earlier" }], signal);
  const later = records.persist([], [{ key: "course", value: "later" }], signal);
  await clock.advance(1000);
  await Promise.all([earlier, later]);
  expect((await store.get("course"))?.value).toBe("later");
});
