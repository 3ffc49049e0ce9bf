import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { painter, plain, relative, roughly, table } from "../../src/cli/terminal.ts";

const output = (isTTY: boolean): { isTTY: boolean; write: () => void } => ({
  isTTY,
  write: () => {},
});

describe("colour", () => {
  test.each([
    ["on a terminal", true, {}, true],
    ["into a pipe", false, {}, false],
    ["on a terminal with NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["on a terminal with an empty NO_COLOR", true, { NO_COLOR: "" }, true],
  ])("%s", (_name, isTTY, env, coloured) => {
    expect(painter(output(isTTY), env)("good", "ok") !== "ok").toBe(coloured);
  });
});

describe("times as people say them", () => {
  test.each([
    [0, "0s"],
    [999, "0s"],
    [61_000, "1m 1s"],
    [3_600_000, "1h"],
    [11_520_000, "3h 12m"],
    [90_061_000, "1d 1h"],
    [-5, "0s"],
  ])("%d ms is %s", (ms, text) => {
    expect(roughly(ms)).toBe(text);
  });

  test("before and after now", () => {
    expect([relative(0, 60_000), relative(60_000, 0)]).toEqual(["1m ago", "in 1m"]);
  });
});

test("columns are aligned whatever is painted", () => {
  expect(
    table(
      [
        ["a", "bbb", "c"],
        ["aaa", "b", ""],
      ],
      painter(output(false), {}),
    ),
  ).toBe("a    bbb  c\naaa  b\n");
});

test("a text from outside cannot command the terminal, nor turn it around", () => {
  expect(plain("a\u001b[2Jb\nc\u202ed")).toBe("a [2Jb c d");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(plain(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }),
  );
});
