import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "../../src/core/message.ts";
import { render } from "../../src/slack/blocks.ts";
import { faultOfBlocks, livePartsOf } from "../stand-ins/slack-blocks.ts";

const message = (parts: Partial<Message>): Message => ({
  title: "HighLatency on shop_web",
  mood: "problem",
  paragraphs: [],
  fields: [],
  links: [],
  trail: [],
  ...parts,
});
const textOf = (parts: Partial<Message>): string => JSON.stringify(render(message(parts)).blocks);

describe("a message in Slack's blocks", () => {
  it("shows title, call, paragraphs, fields, trail, links and footer, in this order", () => {
    const rendered = render(
      message({
        mention: "@here",
        paragraphs: ["The 95th percentile is 2.1 s", "No rule takes it"],
        fields: [{ name: "service", value: "shop_web" }],
        links: [{ text: "Graph", url: "http://prometheus:9090/graph?g0.expr=up&g0.tab=1" }],
        trail: ["NotPaused: no pause covers it", "NoRule: none matched"],
        footer: "Homeostat",
      }),
    );
    expect(rendered).toMatchInlineSnapshot(`
      {
        "blocks": [
          {
            "text": {
              "emoji": true,
              "text": "🔴 HighLatency on shop_web",
              "type": "plain_text",
            },
            "type": "header",
          },
          {
            "text": {
              "text": "<!here>",
              "type": "mrkdwn",
              "verbatim": true,
            },
            "type": "section",
          },
          {
            "text": {
              "text": "The 95th percentile is 2.1 s",
              "type": "mrkdwn",
              "verbatim": true,
            },
            "type": "section",
          },
          {
            "text": {
              "text": "No rule takes it",
              "type": "mrkdwn",
              "verbatim": true,
            },
            "type": "section",
          },
          {
            "fields": [
              {
                "text": "*service*
      shop_web",
                "type": "mrkdwn",
                "verbatim": true,
              },
            ],
            "type": "section",
          },
          {
            "text": {
              "text": "*What was considered*
      1. NotPaused: no pause covers it
      2. NoRule: none matched",
              "type": "mrkdwn",
              "verbatim": true,
            },
            "type": "section",
          },
          {
            "text": {
              "text": "<http://prometheus:9090/graph?g0.expr=up&amp;g0.tab=1|Graph>",
              "type": "mrkdwn",
              "verbatim": true,
            },
            "type": "section",
          },
          {
            "elements": [
              {
                "text": "Homeostat",
                "type": "mrkdwn",
                "verbatim": true,
              },
            ],
            "type": "context",
          },
        ],
        "text": "<!here> 🔴 HighLatency on shop_web",
      }
    `);
  });

  it.each([
    ["@here", ["!here"]],
    ["<!channel>", ["!channel"]],
    ["U0123ABCD", ["@U0123ABCD"]],
    ["<@U0123ABCD>", ["@U0123ABCD"]],
    ["S0123ABCD, @here", ["!subteam^S0123ABCD", "!here"]],
    ["@database-people", []],
    ["<https://evil.example|click>", []],
  ])("calls %s", (mention, expected) => {
    expect(livePartsOf(render(message({ mention })).blocks)).toEqual(expected);
  });

  it.each([
    ["an address of the web", { text: "Graph", url: "https://p.example/g" }, ["https://p.example/g|Graph"]],
    [
      "a bar in an address",
      { text: "Graph", url: "https://p.example/?a=x|y" },
      ["https://p.example/?a=x%7Cy|Graph"],
    ],
    [
      "a link's end in an address",
      { text: "Graph", url: "https://p.example/a>b<!here>" },
      ["https://p.example/a%3Eb%3C!here%3E|Graph"],
    ],
    ["a link's end in a text", { text: "x>y|z", url: "https://p.example/" }, ["https://p.example/|x&gt;y z"]],
    ["a script", { text: "Graph", url: "javascript:alert(1)" }, []],
    ["no address", { text: "Graph", url: "see <!channel>" }, []],
    ["an address too long to follow", { text: "Graph", url: `https://p.example/${"a".repeat(3000)}` }, []],
  ])("links %s safely", (_what, link, expected) => {
    expect(livePartsOf(render(message({ links: [link] })).blocks)).toEqual(expected);
  });

  it("says how much of a text it cut, and never cuts a character in two", () => {
    expect(textOf({ paragraphs: ["&".repeat(5000)] })).toMatch(/&amp;… \(\d+ more characters\)/);
    const cut = textOf({ paragraphs: ["😀".repeat(5000)] });
    expect(cut).toMatch(/😀… \(\d+ more characters\)/);
    expect(cut.isWellFormed()).toBe(true);
    const [, kept = "", rest = ""] =
      /"(x+)… \((\d+) more/.exec(textOf({ paragraphs: ["x".repeat(4000)] })) ?? [];
    expect(kept.length + Number(rest)).toBe(4000);
  });

  it("counts the fields, steps and links that it leaves out", () => {
    const fields = Array.from({ length: 200 }, (_, n) => ({ name: `label${n}`, value: "v" }));
    expect(textOf({ fields })).toContain("… (170 more fields)");
    const links = Array.from({ length: 12 }, (_, n) => ({
      text: `l${n}`,
      url: `https://p.example/${n}`,
    }));
    expect(textOf({ links })).toContain("… (2 more links)");
    const trail = Array.from({ length: 1000 }, (_, n) => `step ${n} of a long way`);
    expect(textOf({ trail })).toMatch(/… \(\d+ more steps\)/);
  });
});

const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.constantFrom(
    "<!channel>",
    "<@U0123ABCD>",
    "<https://evil.example|Graph>",
    "&lt;!here&gt;",
    "",
    " ",
    "\0\n",
    "\ud800",
    "https://evil.example",
  ),
  fc
    .tuple(
      fc.constantFrom("&", "<", "\n", '"', "\\", "x", "😀", "\u2028"),
      fc.integer({ min: 1, max: 70_000 }),
    )
    .map(([c, n]) => c.repeat(n)),
);
const anyMessage: fc.Arbitrary<Message> = fc.record(
  {
    title: nasty,
    mood: fc.constantFrom("problem", "resolved", "info"),
    paragraphs: fc.array(nasty, { maxLength: 80 }),
    fields: fc.array(fc.record({ name: nasty, value: nasty }), { maxLength: 80 }),
    links: fc.array(
      fc.record({
        text: nasty,
        url: fc.oneof(nasty, fc.webUrl({ withFragments: true, withQueryParameters: true })),
      }),
      { maxLength: 30 },
    ),
    trail: fc.array(nasty, { maxLength: 80 }),
    mention: nasty,
    footer: nasty,
  },
  { requiredKeys: ["title", "mood", "paragraphs", "fields", "links", "trail"] },
);

describe("whatever a sender wrote", () => {
  it("makes a message that Slack takes", () => {
    fc.assert(
      fc.property(anyMessage, (any) => {
        const { text, blocks } = render(any);
        expect(faultOfBlocks(blocks)).toBeNull();
        expect(text.length).toBeLessThan(3000);
      }),
      { numRuns: 200 },
    );
  });

  it("calls nobody and links to nothing outside the links", () => {
    fc.assert(
      fc.property(anyMessage, ({ mention: _mention, ...any }) => {
        expect(livePartsOf(render({ ...any, links: [] }).blocks)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("keeps Slack from finding addresses and names in a text by itself", () => {
    const { blocks } = render(
      message({
        paragraphs: ["https://evil.example"],
        fields: [{ name: "a", value: "#general" }],
        footer: "x",
      }),
    );
    const texts = JSON.stringify(blocks).match(/"type":"mrkdwn"/g)?.length;
    expect(JSON.stringify(blocks).match(/"verbatim":true/g)).toHaveLength(texts ?? 0);
  });
});
