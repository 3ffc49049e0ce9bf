import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  capacity,
  comfortable,
  failing,
  images,
  load,
  objective,
  p95,
  period,
} from "../../src/sandbox/shop.ts";

const moments = fc.double({ min: 0, max: 3 * period, noNaN: true });
const loads = fc.double({ min: 0, max: 1000, noNaN: true });
const replicas = fc.integer({ min: 0, max: 50 });

describe("the shop's latency", () => {
  it("never falls when more is asked of the same replicas", () => {
    fc.assert(
      fc.property(loads, loads, replicas, (a, b, running) => {
        expect(p95(Math.min(a, b), running)).toBeLessThanOrEqual(p95(Math.max(a, b), running));
      }),
    );
  });

  it("never rises when there are more replicas for the same load", () => {
    fc.assert(
      fc.property(loads, replicas, replicas, (asked, a, b) => {
        expect(p95(asked, Math.max(a, b))).toBeLessThanOrEqual(p95(asked, Math.min(a, b)));
      }),
    );
  });

  it("lies between that of an idle replica and the moment a request is given up", () => {
    fc.assert(
      fc.property(loads, replicas, (asked, running) => {
        expect(p95(asked, running)).toBeGreaterThanOrEqual((1000 * Math.log(20)) / capacity);
        expect(p95(asked, running)).toBeLessThanOrEqual(5000);
      }),
    );
  });

  it("is that of an overloaded shop when nothing runs", () => expect(p95(0, 0)).toBe(5000));

  it("is the 95th percentile of an exponential distribution at half load", () => {
    // The mean of M/M/1 is 1 / (40 - 20) s = 50 ms; 95 % lie below ln(20) times that.
    expect(p95(80, 4)).toBeCloseTo(149.8, 1);
  });
});

describe("the shop's load", () => {
  it("is positive, never jumps, and comes again after a period", () => {
    fc.assert(
      fc.property(moments, (at) => {
        expect(load(at)).toBeGreaterThan(0);
        expect(Math.abs(load(at + 0.1) - load(at))).toBeLessThan(8);
        expect(load(at + period)).toBeCloseTo(load(at), 6);
      }),
    );
  });

  // The story depends on these: which size is enough at which moment.
  it.each([
    ["two replicas serve the usual load, with nothing to spare", 2, 2, "fits"],
    ["two do not serve the first wave", 12, 2, "slow"],
    ["four do", 12, 4, "fits"],
    ["four do not serve the second wave", 22, 4, "slow"],
    ["six do", 22, 6, "fits"],
    ["six do not serve the rush", 27, 6, "slow"],
    ["six are too many afterwards", 45, 6, "comfortable"],
    ["four are still too many", 45, 4, "comfortable"],
    ["two are right again", 45, 2, "fits"],
  ] as const)("%s", (_name, at, running, wanted) => {
    const latencies = [0, 0.5, 1].map((more) => p95(load(at + more), running));
    const words = latencies.map((ms) =>
      ms > objective ? "slow" : ms < comfortable ? "comfortable" : "fits",
    );
    expect(words).toEqual([wanted, wanted, wanted]);
  });
});

describe("payments", () => {
  it.each([
    ["none fail but by accident", [images.pay, images.pay], 0.002],
    ["some fail while a faulty version is rolled out", [images.pay, images.faulty], 0.202],
    ["many fail once it runs everywhere", [images.faulty, images.faulty], 0.402],
    ["all fail when nothing runs", [], 1],
  ] as const)("%s", (_name, running, part) => expect(failing(running)).toBeCloseTo(part, 6));
});
