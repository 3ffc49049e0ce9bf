import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Alert } from "../../src/core/alert.ts";
import { join, openEscalation, type Escalation } from "../../src/core/escalation.ts";
import type { Entry } from "../../src/core/journal.ts";
import { reason, type Reason } from "../../src/core/reason.ts";
import { Ledger } from "../../src/sandbox/ledger.ts";
import { Meter } from "../../src/sandbox/meter.ts";
import { Narrator } from "../../src/sandbox/narrator.ts";
import { Screen } from "../../src/sandbox/screen.ts";
import { expectations, verdict } from "../../src/sandbox/story.ts";
import { summary } from "../../src/sandbox/summary.ts";

/** The journal of a whole run, without the decisions' trails and all but one of the notifications. */
const journal = readFileSync(new URL("journal.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Entry);

/** What Homeostat knew of the escalation in that journal. */
function escalationOf(id: string): Escalation {
  const opened = journal.find(
    ({ kind, data }) => kind === "escalation" && (data as { id: string }).id === id,
  )!;
  const { alert } = journal.find((entry) => entry.kind === "episode" && entry.episode === opened.episode)!
    .data as { alert: Alert };
  const group = { key: "{}:{}", labels: {}, receiver: "homeostat", externalURL: "http://127.0.0.1:9093" };
  const why = (opened.data as { reason: Reason }).reason;
  const question = {
    kind: "unknown",
    reason: why,
    rule: null,
    group,
    alert,
    trail: [],
    channel: null,
    mention: null,
  } as const;
  return join(openEscalation(question, { id, now: opened.at, digest: null }), alert);
}

function told(entries: readonly Entry[]): string {
  const written: string[] = [];
  const screen = new Screen({ write: (text) => void written.push(text) }, false);
  const narrator = new Narrator(escalationOf);
  for (const entry of entries) {
    const said = narrator.tell(entry);
    if (said !== null) screen.say(said);
  }
  return written.join("");
}

function ledgerOf(entries: readonly Entry[]): Ledger {
  const ledger = new Ledger();
  for (const entry of entries) ledger.take(entry);
  return ledger;
}

const intent = (journal.find(({ kind }) => kind === "intent")!.data as { intent: { id: string } }).intent;
const entry = (kind: Entry["kind"], data: unknown, patch: Partial<Entry> = {}): Entry => ({
  seq: 1,
  at: Date.UTC(2026, 0, 15, 12, 0, 0),
  kind,
  data,
  ...patch,
});

describe("the narrator", () => {
  it("tells a whole run as sentences", async () => {
    await expect(told(journal)).toMatchFileSnapshot("narration.txt");
  });

  // What a run that goes well does not show.
  it.each([
    [
      "an action that was refused",
      entry("outcome", { intent: intent.id, result: { kind: "failed", message: "the engine said no" } }),
      "FAILED    shop_web could not be changed: the engine said no.",
    ],
    [
      "an action that somebody else was ahead of",
      entry("outcome", { intent: intent.id, result: { kind: "conflict" } }),
      "HELD      shop_web was changed by somebody else at that moment: it is decided anew.",
    ],
    [
      "an action that did not help",
      entry("verification", {
        intent: intent.id,
        judgement: { kind: "failed", reason: reason("NotConverged", "3 of 4 run after 15s"), undoable: true },
      }),
      "FAILED    shop_web (NotConverged): 3 of 4 run after 15s.",
    ],
    [
      "an action that others moved on from",
      entry("verification", {
        intent: intent.id,
        judgement: { kind: "superseded", reason: reason("ChangedSince", "It was scaled to 3 meanwhile") },
      }),
      "OVER      shop_web moved on before it was verified: It was scaled to 3 meanwhile.",
    ],
    [
      "a change by hand",
      entry("noticed", reason("ChangedByHand", "Somebody scaled shop_web: replicas went from 4 to 3")),
      "SHOP      Somebody scaled shop_web: replicas went from 4 to 3. Homeostat noticed.",
    ],
    [
      "a pause",
      entry("pause", { event: "paused", scope: "all", by: "an operator" }),
      "ASKED     an operator has paused all.",
    ],
  ])("tells of %s", (_name, one, wanted) => {
    const before = journal.filter(({ kind }) => kind === "intent");
    expect(told([...before, one])).toBe(`12:00:00  ${wanted}\n`);
  });
});

describe("the verdict on a run", () => {
  it("is that the loop closed when all was seen", () => {
    expect(verdict(ledgerOf(journal), 75)).toEqual({ missing: [], unseen: [] });
  });

  it("names all that was not seen, as missing once it was due", () => {
    const texts = expectations.map(({ text }) => text);
    expect(verdict(new Ledger(), 75)).toEqual({ missing: texts, unseen: [] });
    expect(verdict(new Ledger(), 5)).toEqual({ missing: [], unseen: texts });
  });

  it.each([
    ["verifications", 3, (one: Entry) => one.kind !== "verification"],
    ["holds", 1, (one: Entry) => !JSON.stringify(one.data).includes('"hold"')],
    ["escalations", 2, (one: Entry) => one.kind !== "escalation"],
  ] as const)("misses what hangs on %s without them", (_name, count, keep) => {
    const { missing } = verdict(ledgerOf(journal.filter(keep)), 75);
    expect(missing).toHaveLength(count);
  });

  it("is no whenever something was scaled beyond its bounds, however early", () => {
    const beyond = JSON.parse(JSON.stringify(journal).replaceAll('"after":6', '"after":7')) as Entry[];
    expect(verdict(ledgerOf(beyond), 5).missing).toEqual(["shop_web stays between 2 and 6 replicas"]);
  });
});

describe("the summary", () => {
  it("says what fired, was done, held and asked, and what it was good for", async () => {
    const start = journal[0]!.at;
    const meter = new Meter(start, 2);
    // Two replicas throughout but for the twenty seconds in the middle.
    for (let at = 0; at <= 52_000; at += 500)
      meter.measure(start + at, at > 10_000 && at < 30_000 ? 6 : 2, at > 41_000 && at < 44_000);
    const ledger = ledgerOf(journal);
    const lines = summary(
      { ledger, meter, verdict: verdict(ledger, 75), seconds: 52.1 },
      new Screen({ write: () => {} }, false),
    );
    await expect(lines.join("\n")).toMatchFileSnapshot("summary.txt");
  });
});
