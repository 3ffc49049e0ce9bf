import { expect, it } from "vitest";
import type { Alert } from "../../src/core/alert.ts";
import { Undecided } from "../../src/control/undecided.ts";

const alert = (digits: string, startsAt: string, status: Alert["status"]): Alert => ({
  status,
  labels: {},
  annotations: {},
  startsAt: `2026-03-01T${startsAt}Z`,
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: "",
  // What is looked at first is the same in all of them.
  fingerprint: digits.padEnd(16, "0"),
});

it("knows an alert by fingerprint, start and status, and forgets that one alone", () => {
  const undecided = new Undecided();
  const rows = [
    alert("a", "12:00:00", "firing"),
    alert("a", "12:00:00", "resolved"),
    alert("a", "13:00:00", "firing"),
    alert("b", "12:00:00", "firing"),
  ].map((one, index) => ({ one, durable: Promise.resolve(index) }));
  for (const { one, durable } of rows) undecided.add(one, durable);
  const known = () => rows.map(({ one, durable }) => undecided.durable({ ...one }) === durable);
  expect(known()).toEqual([true, true, true, true]);
  expect(undecided.durable(alert("b", "13:00:00", "firing"))).toBeUndefined();

  undecided.remove(alert("a", "12:00:00", "resolved"));
  expect(known()).toEqual([true, false, true, true]);
  undecided.remove(alert("a", "12:00:00", "resolved"));
  expect(undecided.size).toBe(3);
  undecided.remove(alert("b", "12:00:00", "firing"));
  undecided.remove(alert("a", "13:00:00", "firing"));
  expect(known()).toEqual([true, false, false, false]);
});
