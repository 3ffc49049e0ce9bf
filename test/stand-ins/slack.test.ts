import { LogLevel, WebClient, WebAPIHTTPError, WebAPIRateLimitedError } from "@slack/web-api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { slackStandIn, type SlackStandIn } from "./slack.ts";

let slack: SlackStandIn;
let client: WebClient;
const connect = (token: string): WebClient =>
  new WebClient(token, {
    slackApiUrl: slack.url,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 200,
    logLevel: LogLevel.ERROR,
  });

beforeEach(async () => {
  slack = await slackStandIn();
  client = connect(slack.token);
});
afterEach(() => slack.close());

const Posted = z.object({ channel: z.string(), ts: z.string() });
const say = async (args: Record<string, unknown>, by = client): Promise<z.infer<typeof Posted>> =>
  Posted.parse(await by.apiCall("chat.postMessage", args));
const section = (text: string) => ({
  type: "section" as const,
  text: { type: "mrkdwn" as const, text },
});
const post = (blocks: object[], channel = "#ops") =>
  client.apiCall("chat.postMessage", { channel, text: "text", blocks });

describe("the stand-in answers Slack's own client as Slack does", () => {
  it("keeps what was posted and gives its channel's id and its time", async () => {
    const posted = await say({ channel: "#ops", text: "hello" });
    expect(posted.channel).toBe("C000000001");
    expect(slack.messages("ops")).toMatchObject([{ ts: posted.ts, text: "hello", thread: null }]);
  });

  it.each([
    [
      "a header of 151 characters",
      [{ type: "header", text: { type: "plain_text", text: "x".repeat(151) } }],
      "invalid_blocks",
    ],
    ["a section of 3001 characters", [section("x".repeat(3001))], "invalid_blocks"],
    ["an empty section", [section("")], "invalid_blocks"],
    ["51 blocks", Array.from({ length: 51 }, () => section("x")), "invalid_blocks"],
    [
      "11 fields",
      [
        {
          type: "section",
          fields: Array.from({ length: 11 }, () => ({ type: "mrkdwn", text: "x" })),
        },
      ],
      "invalid_blocks",
    ],
    ["a link that does not end", [section("<https://example.org|text")], "invalid_blocks"],
    ["13,001 characters", Array.from({ length: 5 }, () => section("x".repeat(2600))), "msg_blocks_too_long"],
  ])("refuses %s", async (_what, blocks, error) => {
    await expect(post(blocks)).rejects.toMatchObject({ data: { error } });
    expect(slack.messages("ops")).toEqual([]);
  });

  it.each([
    ["an unknown channel", () => say({ channel: "#nowhere", text: "x" }), "channel_not_found"],
    [
      "a thread that is not there",
      () => say({ channel: "#ops", thread_ts: "1.000000", text: "x" }),
      "thread_not_found",
    ],
    ["a message without words", () => client.apiCall("chat.postMessage", { channel: "#ops" }), "no_text"],
    [
      "an edit of what is not there",
      () => client.chat.update({ channel: "C000000001", ts: "1.000000", text: "x" }),
      "message_not_found",
    ],
    [
      "an edit by the channel's name",
      () => client.chat.update({ channel: "#ops", ts: "1.000000", text: "x" }),
      "channel_not_found",
    ],
    [
      "reading by the channel's name",
      () => client.conversations.history({ channel: "#ops" }),
      "channel_not_found",
    ],
    ["another token", () => say({ channel: "#ops", text: "x" }, connect("xoxb-other")), "invalid_auth"],
  ])("refuses %s", async (_what, call, error) => {
    await expect(call()).rejects.toMatchObject({ data: { error } });
  });

  it("refuses a channel that the app is not in", async () => {
    slack.addChannel("private", { member: false });
    await expect(say({ channel: "#private", text: "x" })).rejects.toMatchObject({
      data: { error: "not_in_channel" },
    });
  });

  it("gives metadata out on request, page by page, newest first, and keeps it over an edit", async () => {
    const metadata = (key: string) => ({ event_type: "homeostat", event_payload: { key } });
    const first = await say({
      channel: "ops",
      text: "1",
      metadata: metadata("a"),
    });
    await say({ channel: "ops", text: "2", metadata: metadata("b") });
    await client.chat.update({
      channel: first.channel,
      ts: first.ts,
      text: "1 edited",
    });
    const read = (rest: object) =>
      client.apiCall("conversations.history", { channel: first.channel, limit: 1, ...rest });
    const page = await read({ include_all_metadata: true });
    expect(page).toMatchObject({
      messages: [{ text: "2", metadata: metadata("b") }],
      has_more: true,
    });
    const next = await read({
      include_all_metadata: true,
      cursor: page.response_metadata?.next_cursor,
    });
    expect(next).toMatchObject({
      messages: [{ text: "1 edited", metadata: metadata("a") }],
      has_more: false,
    });
    const bare = await read({});
    expect(bare).not.toMatchObject({ messages: [{ metadata: expect.anything() }] });
    const later = await read({ oldest: first.ts });
    expect(later).toMatchObject({ messages: [{ text: "2" }], has_more: false });
  });

  it("reads a thread with its first message", async () => {
    const { ts, channel } = await say({
      channel: "ops",
      text: "first",
    });
    await say({ channel: "ops", text: "reply", thread_ts: ts });
    await say({ channel: "ops", text: "beside it" });
    const thread = await client.conversations.replies({ channel, ts });
    expect(thread.messages?.map(({ text }) => text)).toEqual(["reply", "first"]);
  });

  it("lets nobody read without the scope", async () => {
    slack.mayRead = false;
    await expect(client.conversations.history({ channel: "C000000001" })).rejects.toMatchObject({
      data: { error: "missing_scope" },
    });
  });

  it("asks for a pause after two messages in a row, in that channel alone", async () => {
    slack.every = 1500;
    slack.addChannel("other");
    await say({ channel: "ops", text: "1" });
    const refused = say({ channel: "ops", text: "2" });
    await expect(refused).rejects.toThrow(WebAPIRateLimitedError);
    await expect(refused).rejects.toMatchObject({ retryAfter: 2 });
    await say({ channel: "other", text: "1" });
    expect(slack.messages("ops")).toHaveLength(1);
  });

  it.each([
    ["500", WebAPIHTTPError, 0],
    ["429", WebAPIRateLimitedError, 0],
    ["hang", /timeout/, 0],
    ["garbage", /An API error occurred: <html>/, 0],
    ["lost-answer", /fetch failed/, 1],
  ] as const)("fails once with %s, as told", async (kind, error, stored) => {
    slack.failNext({ kind });
    await expect(say({ channel: "ops", text: "1" })).rejects.toThrow(error);
    expect(slack.messages("ops")).toHaveLength(stored);
    await say({ channel: "ops", text: "2" });
    expect(slack.messages("ops")).toHaveLength(stored + 1);
    expect(slack.calls).toHaveLength(2);
  });

  it("fails one method and no other", async () => {
    slack.failNext({ kind: "500", method: "chat.update" });
    const { ts, channel } = await say({ channel: "ops", text: "1" });
    await expect(client.chat.update({ channel, ts, text: "2" })).rejects.toThrow(WebAPIHTTPError);
  });
});
