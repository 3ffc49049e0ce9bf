import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { Screen, type View } from "../../src/sandbox/screen.ts";
import { bar, spark, squares } from "../../src/sandbox/spark.ts";

const at = Date.UTC(2026, 0, 15, 12, 0, 0);

const aView = (patch: Partial<View> = {}): View => ({
  at,
  load: 125.4,
  p95: 812,
  seconds: Array.from({ length: 75 }, (_, index) => ({
    load: index,
    p95: 20 * index,
    p95Alone: 5000,
    running: 4,
  })),
  web: { running: 3, wanted: 4, most: 6 },
  pay: { running: 2, wanted: 2, tag: "1.4", failing: false },
  ...patch,
});

function aTerminal(isTTY: boolean, columns = 100) {
  const written: string[] = [];
  return { written, isTTY, columns, write: (text: string) => void written.push(text) };
}

const erased = String.raw`\r\x1b\[J`;

/** What a person sees at last: understands no more than the screen uses, which is "up" and "erase below". */
function seen(written: readonly string[]): string[] {
  const lines = [""];
  for (const text of written.flatMap((all) => all.split(new RegExp(`(?<=${erased})`)))) {
    const up = /^\[(\d+)A$/.exec(text.split("\u001b")[1]?.trimEnd() ?? "");
    if (up !== null && text.endsWith("\r\u001b[J")) {
      lines.length = Math.max(0, lines.length - 1 - Number(up[1]));
      lines.push("");
      continue;
    }
    const [first = "", ...rest] = stripVTControlCharacters(text).split("\n");
    lines.push((lines.pop() ?? "") + first, ...rest);
  }
  return lines;
}

describe("small drawings", () => {
  it.each([
    ["a curve from nothing to its top and beyond", spark([0, 25, 50, 99, 100, 1000], 100), "▁▃▅███"],
    ["a bar", bar(50, 100, 10), "█████░░░░░"],
    ["a full bar", bar(1000, 100, 4), "████"],
    ["replicas: run, start, may be added", squares(3, 4, 6), "■■■□··"],
    ["replicas that are about to stop", squares(4, 2, 6), "■■■■··"],
  ])("%s", (_name, drawn, wanted) => expect(drawn).toBe(wanted));
});

describe("the sandbox without a terminal", () => {
  it("only ever appends plain lines: a sentence each, and the shop every three seconds", () => {
    const out = aTerminal(false);
    const screen = new Screen(out, false);
    screen.say({ at, step: "alert", text: "SlowResponses fires." });
    for (const ms of [0, 250, 2750, 3000]) screen.show(aView({ at: at + ms }));
    screen.say({ at: at + 3100, step: "held", text: "6 is the maximum." });
    screen.close();
    expect(out.written.join("")).toBe(
      [
        "12:00:00  ALERT     SlowResponses fires.",
        "12:00:00            load █████░░░░░ 125/s  95 % in ████████░░  812 ms SLOW  web ■■■□··  pay 1.4",
        "12:00:03            load █████░░░░░ 125/s  95 % in ████████░░  812 ms SLOW  web ■■■□··  pay 1.4",
        "12:00:03  HELD      6 is the maximum.",
        "",
      ].join("\n"),
    );
  });
});

describe("the sandbox on a terminal", () => {
  it("keeps the shop below the last sentence, and takes it away at the end", () => {
    const out = aTerminal(true);
    const screen = new Screen(out, true);
    screen.show(aView());
    screen.say({ at, step: "alert", text: "SlowResponses fires." });
    screen.show(aView({ at: at + 250 }));
    const lines = seen(out.written);
    expect(lines[0]).toBe("12:00:00  ALERT     SlowResponses fires.");
    expect(lines.map((line) => line.trim().split(" ")[0])).toEqual([
      "12:00:00",
      "─".repeat(99),
      "load",
      "95",
      "replicas",
      "shop_pay",
      "",
    ]);
    screen.close();
    expect(seen(out.written)).toEqual(["12:00:00  ALERT     SlowResponses fires.", ""]);
  });

  it.each([60, 80, 100, 200])("draws no line that a terminal of %i columns would break", (columns) => {
    const out = aTerminal(true, columns);
    new Screen(out, true).show(
      aView({ p95: 5000, pay: { running: 2, wanted: 4, tag: "1.5", failing: true } }),
    );
    for (const line of seen(out.written)) expect(line.length).toBeLessThan(columns);
  });

  it("breaks long sentences between words and keeps them in their column", () => {
    const out = aTerminal(true, 60);
    new Screen(out, false).say({
      at,
      step: "done",
      text: "shop_web is scaled out from 2 to 4 replicas, at last.",
    });
    expect(seen(out.written)).toEqual([
      "12:00:00  DONE      shop_web is scaled out from 2 to 4",
      "                    replicas, at last.",
      "",
    ]);
  });

  it("lets nobody else command the terminal", () => {
    const out = aTerminal(true);
    new Screen(out, false).say({
      at,
      step: "asked",
      text: "a\u001b[2Jb",
      frame: { heading: "c\u0007", lines: ["d\re"] },
    });
    const written = out.written.join("");
    expect(["\u001b", "\u0007", "\r"].filter((character) => written.includes(character))).toEqual([]);
  });

  it.each([true, false])("colours only when it may: %s", (colour) => {
    const out = aTerminal(true);
    new Screen(out, colour).say({ at, step: "done", text: "Done." });
    expect(out.written.join("").includes("\u001b[")).toBe(colour);
  });
});
