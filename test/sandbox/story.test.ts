import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { period } from "../../src/sandbox/shop.ts";
import { certificateDays, happenings, happeningsBetween } from "../../src/sandbox/story.ts";

describe("the story", () => {
  it("happens in order, whole, and again after its period, however irregularly it is looked at", () => {
    const pauses = fc.array(fc.double({ min: 0.001, max: 200, noNaN: true }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(pauses, (looks) => {
        let at = 0;
        const told = looks.flatMap((pause) => happeningsBetween(at, (at += pause)));
        const rounds = Math.floor(at / period);
        const last = happenings.filter((happening) => rounds * period + happening.at <= at);
        expect(told).toEqual([...Array.from({ length: rounds }, () => happenings).flat(), ...last]);
      }),
    );
  });

  it("has a certificate that is renewed when it says so", () => {
    const renewed = happenings.find(({ text }) => text.includes("certificate"))?.at ?? NaN;
    expect([certificateDays(renewed - 0.1), certificateDays(renewed)]).toEqual([6, 90]);
  });
});
