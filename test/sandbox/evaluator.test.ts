import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, silent, type AlertState, type Condition } from "../../src/sandbox/evaluator.ts";

const condition: Condition<number> = {
  labels: { alertname: "Hot" },
  expression: "celsius > 30",
  for: 2000,
  value: (celsius) => celsius,
  bad: (celsius) => celsius > 30,
  annotations: (celsius) => ({ summary: `${celsius} degrees` }),
};

/** Evaluated once a second from 1000 on; `pending`, `firing` or `ended`, as an operator would read it. */
function course(values: readonly number[]): string[] {
  let state: AlertState = silent;
  return values.map((value, index) => {
    state = evaluate(condition, state, value, 1000 * (index + 1));
    if (state.alert === null) return state.badSince === null ? "good" : "pending";
    return state.alert.endsAt === null ? `firing since ${state.alert.startsAt}` : "ended";
  });
}

describe("an alert condition", () => {
  it.each([
    ["fires once it was bad for its duration", [31, 31, 31], ["pending", "pending", "firing since 3000"]],
    [
      "keeps its start while it fires",
      [31, 31, 31, 35],
      ["pending", "pending", "firing since 3000", "firing since 3000"],
    ],
    [
      "waits anew when it was good in between",
      [31, 31, 20, 31, 31],
      ["pending", "pending", "good", "pending", "pending"],
    ],
    [
      "ends, is shown as ended once, and is gone",
      [31, 31, 31, 20, 20],
      ["pending", "pending", "firing since 3000", "ended", "good"],
    ],
    [
      "has a new start when it fires again",
      [31, 31, 31, 20, 31, 31, 31],
      ["pending", "pending", "firing since 3000", "ended", "pending", "pending", "firing since 7000"],
    ],
  ])("%s", (_name, values, wanted) => expect(course(values)).toEqual(wanted));

  it("says the value of now in its annotations", () => {
    let state: AlertState = silent;
    for (const [at, value] of [
      [0, 31],
      [2000, 32],
      [3000, 38],
    ] as const)
      state = evaluate(condition, state, value, at);
    expect(state.alert?.annotations).toEqual({ summary: "38 degrees" });
  });

  it("fires exactly when all of the last two seconds were bad", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(20, 31), { maxLength: 40 }), (values) => {
        const last = course(values).at(-1) ?? "";
        const bad = values.length >= 3 && values.slice(-3).every((value) => value > 30);
        expect(last.startsWith("firing")).toBe(bad);
      }),
    );
  });
});
