import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Labels } from "../../src/core/alert.ts";
import {
  join,
  leave,
  openEscalation,
  type Escalation,
  type EscalationKind,
  type Question,
} from "../../src/core/escalation.ts";
import { admit, calm, type StormState } from "../../src/core/storm.ts";
import { digestMessage, escalationMessage, resolvedReply } from "../../src/core/telling.ts";

const noon = Date.UTC(2026, 0, 15, 12, 0, 0);
const alert = (labels: Labels, annotations: Labels = {}, startsAt = "2026-01-15T12:00:00Z") => ({
  labels,
  annotations,
  startsAt,
  generatorURL: "http://prometheus:9090/graph?g0.expr=x",
  fingerprint: "00000000000000aa",
});
const slow = alert(
  { alertname: "HighLatency", service: "shop_web", severity: "page", prometheus: "p0" },
  {
    summary: "The 95th percentile is 2.1 s",
    description: "It was below 1 s until noon",
    runbook_url: "https://runbooks.example/latency",
    dashboard: "https://grafana.example/d/1",
  },
);
const question = (parts: Partial<Question> = {}): Question => ({
  kind: "unknown",
  reason: { code: "UnknownAlert", message: "None of the 3 rules takes this alert" },
  rule: null,
  group: {
    key: "{}:{}",
    labels: { alertname: "HighLatency" },
    receiver: "homeostat",
    externalURL: "http://am:9093/",
  },
  alert: slow,
  trail: ['NoMatch: scale-out wants service=~"db_.*"'],
  channel: null,
  mention: "@here",
  ...parts,
});
function opened(parts: Partial<Question> = {}, id = "e1"): Escalation {
  const asked = question(parts);
  const empty = openEscalation(asked, { id, now: noon, digest: null });
  return asked.alert === null ? empty : join(empty, asked.alert);
}
const told = (escalation: Escalation, after = 250_000, dryRun = false) =>
  escalationMessage(escalation, { now: noon + after, dryRun });
const linkOf = (escalation: Escalation, text: string) =>
  told(escalation).links.find((link) => link.text === text)?.url;

describe("what a person reads of an escalation", () => {
  it("is what fired, since when, where to look, and why nothing was done", () => {
    expect(told(opened())).toMatchInlineSnapshot(`
      {
        "fields": [
          {
            "name": "Since",
            "value": "2026-01-15 12:00:00 UTC, for 4m 10s (at 12:04:10)",
          },
          {
            "name": "service",
            "value": "shop_web",
          },
          {
            "name": "severity",
            "value": "page",
          },
        ],
        "footer": "Homeostat · e1 · UnknownAlert",
        "links": [
          {
            "text": "Runbook",
            "url": "https://runbooks.example/latency",
          },
          {
            "text": "Dashboard",
            "url": "https://grafana.example/d/1",
          },
          {
            "text": "Graph",
            "url": "http://prometheus:9090/graph?g0.expr=x",
          },
          {
            "text": "Silence",
            "url": "http://am:9093/#/silences/new?filter=%7Balertname%3D%22HighLatency%22%2Cservice%3D%22shop_web%22%2Cseverity%3D%22page%22%2Cprometheus%3D%22p0%22%7D",
          },
          {
            "text": "Alertmanager",
            "url": "http://am:9093/",
          },
        ],
        "mention": "@here",
        "mood": "problem",
        "paragraphs": [
          "The 95th percentile is 2.1 s",
          "It was below 1 s until noon",
          "None of the 3 rules takes this alert",
        ],
        "title": "HighLatency on shop_web: no rule knows this alert",
        "trail": [
          "NoMatch: scale-out wants service=~"db_.*"",
        ],
      }
    `);
  });

  it("is how long it took, and calls nobody, once it is over", () => {
    const over = leave(opened(), noon + 720_000);
    expect(told(over, 900_000)).toMatchObject({
      title: "Resolved: HighLatency on shop_web: no rule knows this alert",
      mood: "resolved",
      fields: [
        { name: "Since", value: "2026-01-15 12:00:00 UTC, for 12m" },
        { name: "Resolved", value: "after 12m, at 2026-01-15 12:12:00 UTC" },
        { name: "service", value: "shop_web" },
        { name: "severity", value: "page" },
      ],
    });
    expect(told(over)).not.toHaveProperty("mention");
    expect(resolvedReply(over)).toBe("Resolved after 12m");
  });

  it("is what several alerts share, and a line for each", () => {
    const two = join(
      opened(),
      alert({ alertname: "HighLatency", service: "shop_api", severity: "page" }, {}, "2026-01-15T11:58:00Z"),
    );
    const message = told(two);
    expect(message.title).toBe("HighLatency on shop_web: no rule knows this alert (2 alerts)");
    expect(message.paragraphs.at(-1)).toBe(
      "• service=shop_web, prometheus=p0, since 2026-01-15T12:00:00Z\n• service=shop_api, since 2026-01-15T11:58:00Z",
    );
    expect(message.fields).toEqual([
      { name: "Since", value: "2026-01-15 11:58:00 UTC, for 6m 10s (at 12:04:10)" },
      { name: "Firing", value: "2 of 2 alerts" },
      { name: "severity", value: "page" },
    ]);
    expect(linkOf(two, "Silence")).toContain(encodeURIComponent('{alertname="HighLatency",severity="page"}'));
    expect(told(leave(two, noon)).fields).toContainEqual({
      name: "Firing",
      value: "1 of 2 alerts",
    });
  });

  it("shows ten alerts of ten thousand and counts the others", () => {
    let many = opened();
    for (let n = 1; n < 10_000; n += 1)
      many = join(many, alert({ alertname: "HighLatency", service: `s${n}` }));
    expect(many.samples).toHaveLength(10);
    expect(told(many).paragraphs.at(-1)?.split("\n").at(-1)).toBe("… and 9990 more");
  });

  it("says that it is a dry run", () => {
    expect(told(opened(), 0, true).footer).toBe(
      "Homeostat · e1 · UnknownAlert · dry run: nothing is changed",
    );
  });

  it.each<[EscalationKind, Partial<Question>, string]>([
    ["unknown", {}, "HighLatency on shop_web: no rule knows this alert"],
    ["rule", { rule: "ask" }, "HighLatency on shop_web: ask asks a person"],
    [
      "failed",
      { rule: "grow", reason: { code: "NotConverged", message: "" } },
      "HighLatency on shop_web: grow could not mend it (NotConverged)",
    ],
    [
      "held",
      { rule: "grow", reason: { code: "NoBounds", message: "" } },
      "HighLatency on shop_web: grow would act but is held (NoBounds)",
    ],
    ["truncated", { alert: null }, "Alertmanager left alerts out for homeostat"],
    [
      "catalog",
      { alert: null, group: null, reason: { code: "Refused", message: "" } },
      "The rules could not be loaded (Refused)",
    ],
    ["unknown", { alert: alert({}) }, "An alert without a name: no rule knows this alert"],
    [
      "unknown",
      { alert: alert({ alertname: "Down", instance: "a:1" }) },
      "Down on a:1: no rule knows this alert",
    ],
  ])("names one that is %s", (kind, parts, title) => {
    expect(told(opened({ kind, ...parts })).title).toBe(title);
  });

  it.each([
    [0, "0s"],
    [59_400, "59s"],
    [250_000, "4m 10s"],
    [3_600_000, "1h"],
    [3_605_000, "1h"],
    [90_000_000, "1d 1h"],
  ])("reads %i ms as a person would", (ms, text) => {
    const message = told(opened(), ms);
    expect(message.fields[0]?.value).toContain(`UTC, for ${text} (at `);
  });
});

describe("the link to a silence", () => {
  it.each<[string, Labels, string]>([
    ["holds every label", { alertname: "A", job: "b" }, '{alertname="A",job="b"}'],
    [
      "escapes as Alertmanager reads",
      { alertname: 'say "a\\b"\n&}' },
      String.raw`{alertname="say \"a\\b\"\n&}"}`,
    ],
    ["quotes a name that needs it", { "my.label": "a" }, '{"my.label"="a"}'],
    ["takes what is no text as Alertmanager shows it", { alertname: "\ud800" }, '{alertname="\ufffd"}'],
  ])("%s", (_what, labels, filter) => {
    const url = linkOf(opened({ alert: alert(labels) }), "Silence");
    expect(url).toBe(`http://am:9093/#/silences/new?filter=${encodeURIComponent(filter)}`);
    expect(URL.canParse(url ?? "")).toBe(true);
  });

  it.each<[string, Partial<Question>]>([
    ["an alert without labels", { alert: alert({}) }],
    ["a label that was cut to size", { alert: alert({ alertname: "A", big: "x".repeat(65_536) }) }],
    [
      "an address that would be too long",
      {
        alert: alert(Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`l${n}`, "x".repeat(400)]))),
      },
    ],
    ["an unknown Alertmanager", { group: null }],
  ])("is left out for %s, rather than silence more", (_what, parts) => {
    expect(linkOf(opened(parts), "Silence")).toBeUndefined();
  });
});

it("keeps little of an alert of any size, and labels of any name", () => {
  const huge = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`l${n}`, "x".repeat(65_536)]));
  const escalation = opened({
    alert: alert({ ...huge, ["__proto__"]: "odd" }, huge),
    trail: ["x".repeat(65_536)],
  });
  expect(JSON.stringify(escalation).length).toBeLessThan(120_000);
  const odd: Labels = JSON.parse('{"__proto__": "odd", "constructor": "b"}');
  expect(told(opened({ alert: alert(odd) })).fields.slice(-2)).toEqual([
    { name: "__proto__", value: "odd" },
    { name: "constructor", value: "b" },
  ]);
});

describe("a digest", () => {
  const digest = { id: "d1", openedAt: noon, mention: "@here" };
  const some = [
    ...Array.from({ length: 3 }, (_, n) =>
      opened({ alert: alert({ alertname: "Down", instance: `i${n}` }) }, `down${n}`),
    ),
    opened({}, "slow"),
  ];

  it("counts by alert, says since when, and leads to Alertmanager", () => {
    expect(digestMessage(digest, some, { now: noon + 60_000, dryRun: false })).toMatchInlineSnapshot(`
      {
        "fields": [
          {
            "name": "Since",
            "value": "2026-01-15 12:00:00 UTC, for 1m (at 12:01:00)",
          },
          {
            "name": "Open",
            "value": "4 of 4",
          },
        ],
        "footer": "Homeostat · d1",
        "links": [
          {
            "text": "Alertmanager",
            "url": "http://am:9093/",
          },
        ],
        "mention": "@here",
        "mood": "problem",
        "paragraphs": [
          "So many came within a short time that they share this message, which is edited as it grows.",
          "3 × Down (UnknownAlert), since 12:00:00
      1 × HighLatency (UnknownAlert), since 12:00:00",
        ],
        "title": "4 escalations at once",
        "trail": [],
      }
    `);
  });

  it("is resolved when all of it is", () => {
    const over = some.map((one) => leave(one, noon + 120_000));
    const message = digestMessage(digest, over, { now: noon + 900_000, dryRun: false });
    expect(message).toMatchObject({ title: "Resolved: 4 escalations at once", mood: "resolved" });
    expect(message.fields).toEqual([
      { name: "Since", value: "2026-01-15 12:00:00 UTC, for 2m" },
      { name: "Open", value: "0 of 4" },
    ]);
    expect(message).not.toHaveProperty("mention");
  });

  it("shows the twenty biggest of many", () => {
    const many = Array.from({ length: 30 }, (_, n) =>
      opened({ alert: alert({ alertname: `A${n}` }) }, `e${n}`),
    );
    const lines = digestMessage(digest, many, { now: noon, dryRun: false }).paragraphs[1]?.split("\n");
    expect(lines).toHaveLength(21);
    expect(lines?.at(-1)).toBe("and 10 more");
  });
});

describe("a storm", () => {
  /** The way of each escalation, opened at these seconds. */
  const ways = (seconds: readonly number[]): string[] => {
    let state: StormState = calm;
    return seconds.map((second) => {
      const admitted = admit(state, noon + second * 1000);
      state = admitted.state;
      return admitted.kind === "digest" && admitted.opens ? "new digest" : admitted.kind;
    });
  };

  it.each<[string, number[], string[]]>([
    [
      "five in half a minute have threads",
      [0, 1, 2, 3, 29],
      ["thread", "thread", "thread", "thread", "thread"],
    ],
    [
      "the sixth opens a digest, the next join it",
      [0, 1, 2, 3, 4, 5, 6],
      ["thread", "thread", "thread", "thread", "thread", "new digest", "digest"],
    ],
    [
      "six in more than half a minute have threads",
      [0, 7, 14, 21, 28, 35],
      ["thread", "thread", "thread", "thread", "thread", "thread"],
    ],
    [
      "a digest goes on as long as it is not quiet for a minute",
      [0, 0, 0, 0, 0, 0, 59, 118],
      ["thread", "thread", "thread", "thread", "thread", "new digest", "digest", "digest"],
    ],
    [
      "after a quiet minute there are threads again",
      [0, 0, 0, 0, 0, 0, 60],
      ["thread", "thread", "thread", "thread", "thread", "new digest", "thread"],
    ],
    [
      "a clock set back by an hour makes no storm",
      [3600, 3601, 3602, 3603, 3604, 1],
      ["thread", "thread", "thread", "thread", "thread", "thread"],
    ],
  ])("%s", (_what, seconds, expected) => {
    expect(ways(seconds)).toEqual(expected);
  });

  it("never lets more than five threads open within half a minute", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60 }), (gaps) => {
        let state: StormState = calm;
        let now = noon;
        const threads: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const admitted = admit(state, now);
          state = admitted.state;
          if (admitted.kind === "thread") threads.push(now);
          expect(threads.filter((at) => at > now - 30_000).length).toBeLessThanOrEqual(5);
        }
      }),
    );
  });
});
