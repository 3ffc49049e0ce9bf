import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Lanes } from "../../src/control/lanes.ts";

const upTo = (length: number): number[] => Array.from({ length }, (_, index) => index);

/** Work that takes a turn of the event loop, noted when it begins. */
function noting() {
  const begun: string[] = [];
  const note = (name: string) => async (): Promise<void> => {
    begun.push(name);
    await turn();
  };
  return { begun, note };
}

it.each([
  ["for one target", () => "shop"],
  ["each for a target of its own", (number: number) => `shop_${number}`],
])("a thousand of one group %s let another group's alert have its turn", async (_, laneOf) => {
  const lanes = new Lanes(4);
  const { begun, note } = noting();
  for (const number of upTo(1000)) void lanes.run(laneOf(number), note("flood"), "flood");
  void lanes.run("shop", note("other"), "other");
  await lanes.drained();
  expect(begun).toHaveLength(1001);
  expect(begun.indexOf("other")).toBeLessThan(6);
});

it("what names nobody has a turn of its own", async () => {
  const lanes = new Lanes(1);
  const { begun, note } = noting();
  for (const lane of ["a", "a", "a"]) void lanes.run(lane, note("flood"), "flood");
  void lanes.run("a", note("undo"));
  await lanes.drained();
  expect(begun).toEqual(["flood", "flood", "undo", "flood"]);
});

it("a failure reaches who gave the work, and the lane goes on", async () => {
  const lanes = new Lanes(1);
  const failing = lanes.run("a", () => Promise.reject(new Error("no")));
  const after = lanes.run("a", async () => 7);
  await expect(failing).rejects.toThrow("no");
  expect(await after).toBe(7);
});

it("whatever is given, all is done, never two in a lane, never more than the width, and in order for each of them", async () => {
  const job = fc.record({
    lane: fc.constantFrom("a", "b", "c", "d", "e"),
    whose: fc.constantFrom("x", "y", "z"),
    turns: fc.nat(3),
    pause: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(job, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      async (jobs, width) => {
        const lanes = new Lanes(width);
        const running: string[] = [];
        const done: number[] = [];
        for (const [index, { lane, whose, turns, pause }] of jobs.entries()) {
          const work = async (): Promise<void> => {
            expect(running).not.toContain(lane);
            running.push(lane);
            expect(running.length).toBeLessThanOrEqual(width);
            for (const _ of upTo(turns)) await turn();
            running.splice(running.indexOf(lane), 1);
            done.push(index);
          };
          void lanes.run(lane, work, whose);
          if (pause) await turn();
        }
        await lanes.drained();
        expect(done.toSorted((a, b) => a - b)).toEqual(upTo(jobs.length));
        for (const kind of new Set(jobs.map(({ lane, whose }) => `${lane} ${whose}`))) {
          const own = done.filter((index) => `${jobs[index]?.lane} ${jobs[index]?.whose}` === kind);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
      },
    ),
  );
});
