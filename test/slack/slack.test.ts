import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "../../src/core/message.ts";
import { Fault } from "../../src/core/reason.ts";
import { connectSlack } from "../../src/slack/slack.ts";
import { slackStandIn, type SlackStandIn } from "../stand-ins/slack.ts";

// Hundreds of real requests, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

let slack: SlackStandIn;
const connect = (options: { token?: string; deadline?: number } = {}) =>
  connectSlack({ token: slack.token, apiUrl: slack.url, deadline: 2000, ...options });
const hello: Message = {
  title: "Hello",
  mood: "info",
  paragraphs: ["one"],
  fields: [],
  links: [],
  trail: [],
};
const never = new AbortController().signal;
const to = (key: string, rest: { channel?: string; thread?: string } = {}) => ({
  channel: "#ops",
  key,
  ...rest,
});

beforeEach(async () => {
  slack = await slackStandIn();
});
afterEach(() => slack.close());

async function faultOf(call: Promise<unknown>): Promise<Fault> {
  const fault = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(fault instanceof Fault)) throw new TypeError("expected a Fault", { cause: fault });
  return fault;
}

describe("posting", () => {
  it("posts, answers in a thread and edits", async () => {
    const messenger = connect();
    const posted = await messenger.post(to("a"), hello, never);
    expect(posted.channel).toBe("C000000001");
    await messenger.post(to("b", { thread: posted.ts }), hello, never);
    await expect(messenger.update(posted, { ...hello, title: "Edited" }, never)).resolves.toBe("updated");
    const [first, reply] = slack.messages("ops");
    expect(first).toMatchObject({ text: "ℹ️ Edited", edits: 1 });
    expect(first?.metadata).toEqual({ event_type: "homeostat", event_payload: { key: "a" } });
    expect(reply?.thread).toBe(posted.ts);
  });

  it("says that a message is gone", async () => {
    const messenger = connect();
    const posted = await messenger.post(to("a"), hello, never);
    slack.remove("ops", posted.ts);
    await expect(messenger.update(posted, hello, never)).resolves.toBe("gone");
  });

  it.each([
    ["500", "unavailable", "chat.postMessage: Slack answered 500"],
    ["garbage", "unavailable", "chat.postMessage: the answer was not Slack's"],
    ["lost-answer", "unavailable", "chat.postMessage: Slack could not be reached"],
    ["hang", "unavailable", "chat.postMessage: Slack did not answer within 100 ms"],
    ["429", "rate-limited", "Slack asks to slow down (chat.postMessage)"],
  ] as const)("makes %s a fault that says %s, after a single try", async (kind, code, message) => {
    slack.failNext({ kind, retryAfter: 7 });
    const fault = await faultOf(
      connect({ deadline: kind === "hang" ? 100 : 2000 }).post(to("a"), hello, never),
    );
    expect({ code: fault.code, message: fault.message }).toEqual({ code, message });
    expect(fault.retryAfter).toBe(kind === "429" ? 7000 : null);
    expect(slack.calls).toHaveLength(1);
  });

  it("is unavailable where nobody listens", async () => {
    const messenger = connect();
    await slack.close();
    await expect(faultOf(messenger.post(to("a"), hello, never))).resolves.toMatchObject({
      code: "unavailable",
    });
  });

  it("is refused by Slack's own no, with the way out and without the token", async () => {
    const unknown = await faultOf(connect().post(to("a", { channel: "#nowhere" }), hello, never));
    expect(unknown.code).toBe("refused");
    expect(unknown.message).toBe(
      "Slack refused chat.postMessage with channel_not_found: name an existing channel, or invite the app to it if it is private",
    );
    const stranger = await faultOf(connect({ token: "xoxb-secret" }).post(to("a"), hello, never));
    expect(stranger).toMatchObject({
      code: "refused",
      message: "Slack refused chat.postMessage with invalid_auth: check SLACK_BOT_TOKEN",
    });
    expect(JSON.stringify({ ...stranger, cause: stranger.cause }) + stranger.stack).not.toContain(
      "xoxb-secret",
    );
  });

  it("ends with the caller's own reason when it is aborted", async () => {
    slack.failNext({ kind: "hang" });
    const abort = new AbortController();
    const posting = connect().post(to("a"), hello, abort.signal);
    abort.abort(new Error("enough"));
    await expect(posting).rejects.toThrow("enough");
  });
});

describe("finding what was posted", () => {
  const where = (key: string, rest: { channel?: string; thread?: string; since?: number } = {}) => ({
    channel: "#ops",
    key,
    since: 0,
    ...rest,
  });

  it("finds a message by its key, also through a client that never posted", async () => {
    const posted = await connect().post(to("wanted"), hello, never);
    await connect().post(to("other"), hello, never);
    await expect(connect().find(where("wanted"), never)).resolves.toEqual(posted);
    await expect(connect().find(where("missing"), never)).resolves.toBeNull();
  });

  it("finds an answer in its thread", async () => {
    const messenger = connect();
    const { ts, channel } = await messenger.post(to("first"), hello, never);
    const reply = await messenger.post(to("reply", { thread: ts }), hello, never);
    await expect(messenger.find(where("reply", { channel, thread: ts }), never)).resolves.toEqual(reply);
  });

  it("looks at several pages, and does not know beyond the tenth", async () => {
    const messenger = connect();
    const posted = await messenger.post(to("deep"), hello, never);
    const fill = async (count: number) => {
      for (let n = 0; n < count; n += 1)
        await messenger.post(to(`fill ${n}`), { ...hello, title: "x", paragraphs: [] }, never);
    };
    await fill(250);
    await expect(messenger.find(where("deep"), never)).resolves.toEqual(posted);
    await expect(messenger.find(where("deep", { since: Date.now() + 60_000 }), never)).resolves.toBeNull();
    await fill(1800);
    await expect(messenger.find(where("deep"), never)).resolves.toBe("unknown");
  });

  it("does not know where it may not look, or sees no such channel", async () => {
    await connect().post(to("a"), hello, never);
    await expect(connect().find(where("a", { channel: "#nowhere" }), never)).resolves.toBe("unknown");
    slack.mayRead = false;
    await expect(connect().find(where("a"), never)).resolves.toBe("unknown");
    await expect(connect().find(where("a", { channel: "C000000001" }), never)).resolves.toBe("unknown");
  });

  it("is unavailable when Slack is", async () => {
    slack.failNext({ kind: "500" });
    await expect(faultOf(connect().find(where("a"), never))).resolves.toMatchObject({
      code: "unavailable",
    });
  });
});
