import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { faultOfBlocks } from "./slack-blocks.ts";

/*
 * Slack's Web API as far as Homeostat uses it, over real HTTP on loopback. What it keeps to, as Slack does:
 *
 * - chat.postMessage takes a channel's name or id, chat.update and the reading methods its id alone (channel_not_found);
 *   the app must be in the channel to post (not_in_channel); a thread must exist (thread_not_found); a text or blocks
 *   must be there (no_text). chat.update edits own messages alone (message_not_found) and keeps their metadata.
 * - Blocks are held to Block Kit's limits (invalid_blocks) and to 13,000 characters in all (msg_blocks_too_long).
 * - A wrong token is invalid_auth. With `mayRead` off, reading is missing_scope. Metadata is given out only on request.
 * - Messages of one channel come at least `every` ms apart, or the answer is 429 with Retry-After in whole seconds.
 * - Reading is newest first, paged by cursor; `oldest` is exclusive unless `inclusive`.
 *
 * `failNext` makes the next calls go wrong: "500"; "429"; "hang" never answers; "garbage" answers a proxy's page;
 * "lost-answer" does what was asked and then drops the connection.
 */

type StandInMessage = {
  readonly ts: string;
  readonly thread: string | null;
  text: string;
  blocks: readonly unknown[];
  readonly metadata: { event_type: string; event_payload: Record<string, unknown> } | null;
  edits: number;
};

type Channel = {
  readonly id: string;
  readonly name: string;
  member: boolean;
  messages: StandInMessage[];
};
type Failure = "500" | "429" | "hang" | "garbage" | "lost-answer";
type Call = {
  readonly method: string;
  readonly args: Readonly<Record<string, string>>;
  readonly at: number;
};
type Answer = Record<string, unknown> & { ok: boolean };

export type SlackStandIn = AsyncDisposable & {
  /** What goes into `apiUrl`. */
  readonly url: string;
  readonly token: string;
  /** Every request, answered or not. */
  readonly calls: readonly Call[];
  /** Requests that wait for their answer. */
  readonly busy: number;
  /** A channel's messages, oldest first, those in threads included. */
  messages(channel: string): readonly StandInMessage[];
  /** Lets a person delete a message. */
  remove(channel: string, ts: string): void;
  /** Adds a channel, by its name; the app is in it unless said otherwise. */
  addChannel(name: string, options?: { member?: boolean }): string;
  /** The next `n` requests fail, of one method or of any. */
  failNext(failure: { kind: Failure; n?: number; method?: string; retryAfter?: number }): void;
  /** Nothing fails any more. */
  recover(): void;
  /** Whether the app has the scopes to read. */
  mayRead: boolean;
  /** Least time between two messages of one channel, in milliseconds; 0 for no limit. */
  every: number;
  close(): Promise<void>;
};

/** Starts one with the channel `ops`. `now`: its clock, epoch milliseconds. `at`: where it listens, else on loopback. */
export async function slackStandIn(
  options: {
    every?: number;
    now?: () => number;
    at?: { host: string; port: number };
    token?: string;
  } = {},
): Promise<SlackStandIn> {
  const now = options.now ?? Date.now;
  const token = options.token ?? "xoxb-stand-in-token";
  const channels: Channel[] = [];
  const calls: Call[] = [];
  const failures: { kind: Failure; method: string | null; left: number; retryAfter: number }[] = [];
  const postedAt = new Map<string, number>();
  let lastTs = 0;
  let busy = 0;

  const byName = (name: string): Channel | undefined =>
    channels.find((channel) => channel.id === name || channel.name === name.replace(/^#/, ""));
  const byId = (id: string): Channel | undefined => channels.find((channel) => channel.id === id);
  const nextTs = (): string => {
    lastTs = Math.max(lastTs + 1, now() * 1000);
    return `${Math.floor(lastTs / 1_000_000)}.${String(lastTs % 1_000_000).padStart(6, "0")}`;
  };

  const methods: Record<string, (args: Readonly<Record<string, string>>) => Answer> = {
    "chat.postMessage": (args) => {
      const channel = byName(args["channel"] ?? "");
      if (channel === undefined) return no("channel_not_found");
      if (!channel.member) return no("not_in_channel");
      const thread = args["thread_ts"] ?? null;
      if (thread !== null && !channel.messages.some(({ ts }) => ts === thread)) return no("thread_not_found");
      const content = contentOf(args);
      if (typeof content === "string") return no(content);
      const metadata = args["metadata"] === undefined ? null : JSON.parse(args["metadata"]);
      const message = { ts: nextTs(), thread, ...content, metadata, edits: 0 };
      channel.messages.push(message);
      return { ok: true, channel: channel.id, ts: message.ts, message: { text: message.text } };
    },
    "chat.update": (args) => {
      const channel = byId(args["channel"] ?? "");
      if (channel === undefined) return no("channel_not_found");
      const message = channel.messages.find(({ ts }) => ts === args["ts"]);
      if (message === undefined) return no("message_not_found");
      const content = contentOf(args);
      if (typeof content === "string") return no(content);
      Object.assign(message, content, { edits: message.edits + 1 });
      return { ok: true, channel: channel.id, ts: message.ts, text: message.text };
    },
    "conversations.history": (args) => read(args, (message) => message.thread === null),
    "conversations.replies": (args) => {
      const known = byId(args["channel"] ?? "")?.messages.some(({ ts }) => ts === args["ts"]);
      if (known === false) return no("thread_not_found");
      return read(args, ({ ts, thread }) => ts === args["ts"] || thread === args["ts"]);
    },
    "conversations.list": (args) => {
      if (!standIn.mayRead) return no("missing_scope");
      const page = paged(channels, args);
      return {
        ok: true,
        channels: page.items.map(({ id, name }) => ({ id, name })),
        response_metadata: page.next,
      };
    },
  };

  function read(
    args: Readonly<Record<string, string>>,
    wanted: (message: StandInMessage) => boolean,
  ): Answer {
    if (!standIn.mayRead) return no("missing_scope");
    const channel = byId(args["channel"] ?? "");
    if (channel === undefined) return no("channel_not_found");
    const oldest = Number(args["oldest"] ?? 0);
    const inside = (ts: number): boolean => (args["inclusive"] === "true" ? ts >= oldest : ts > oldest);
    const found = channel.messages
      .filter((message) => wanted(message) && inside(Number(message.ts)))
      .toReversed();
    const page = paged(found, args);
    const messages = page.items.map(({ ts, text, metadata }) => ({
      ts,
      text,
      ...(metadata !== null && args["include_all_metadata"] === "true" ? { metadata } : {}),
    }));
    return {
      ok: true,
      messages,
      has_more: page.next.next_cursor !== "",
      response_metadata: page.next,
    };
  }

  function tooSoon(method: string, args: Readonly<Record<string, string>>): number | null {
    const channel = method.startsWith("chat.") ? byName(args["channel"] ?? "") : undefined;
    if (channel === undefined || standIn.every === 0) return null;
    const wait = (postedAt.get(channel.id) ?? 0) + standIn.every - now();
    if (wait > 0) return Math.ceil(wait / 1000);
    postedAt.set(channel.id, now());
    return null;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = (request.url ?? "").replace(/^\/api\//, "");
    const args = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString("utf8")));
    calls.push({ method, args, at: now() });
    const failure = failures.find((one) => one.left > 0 && (one.method === null || one.method === method));
    if (failure !== undefined) failure.left -= 1;
    const slowDown = (seconds: number): void => {
      response.writeHead(429, { "retry-after": String(seconds) }).end("");
    };
    if (failure?.kind === "hang") return;
    if (failure?.kind === "500") return void response.writeHead(500).end("internal error");
    if (failure?.kind === "garbage") return void response.writeHead(200).end("<html>Bad Gateway</html>");
    if (failure?.kind === "429") return slowDown(failure.retryAfter);
    const seconds = tooSoon(method, args);
    if (seconds !== null) return slowDown(seconds);
    const authorized = request.headers.authorization === `Bearer ${token}`;
    const result = authorized ? (methods[method]?.(args) ?? no("unknown_method")) : no("invalid_auth");
    if (failure?.kind === "lost-answer") return void request.socket.destroy();
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
  }

  const server = createServer((request, response) => {
    busy += 1;
    response.once("close", () => (busy -= 1));
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((listening) =>
    server.listen(options.at ?? { port: 0, host: "127.0.0.1" }, listening),
  );
  const { port } = server.address() as AddressInfo;
  const standIn: SlackStandIn = {
    url: `http://127.0.0.1:${port}/api/`,
    token,
    calls,
    mayRead: true,
    every: options.every ?? 0,
    get busy() {
      return busy;
    },
    messages: (name) => byName(name)?.messages ?? [],
    remove(name, ts) {
      const channel = byName(name);
      if (channel !== undefined) channel.messages = channel.messages.filter((message) => message.ts !== ts);
    },
    addChannel(name, { member = true } = {}) {
      const id = `C${String(channels.length + 1).padStart(9, "0")}`;
      channels.push({ id, name, member, messages: [] });
      return id;
    },
    failNext: ({ kind, n = 1, method, retryAfter = 1 }) =>
      void failures.push({ kind, left: n, method: method ?? null, retryAfter }),
    recover: () => void failures.splice(0),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
    [Symbol.asyncDispose]: () => standIn.close(),
  };
  standIn.addChannel("ops");
  return standIn;
}

const no = (error: string): Answer => ({ ok: false, error });

/** A message's content, or Slack's name for what is wrong with it. */
function contentOf(
  args: Readonly<Record<string, string>>,
): { text: string; blocks: readonly unknown[] } | string {
  const text = args["text"] ?? "";
  const blocks: unknown = args["blocks"] === undefined ? [] : JSON.parse(args["blocks"]);
  if (!Array.isArray(blocks)) return "invalid_blocks_format";
  if (text === "" && blocks.length === 0) return "no_text";
  const fault = faultOfBlocks(blocks);
  return fault === null ? { text, blocks } : fault.error;
}

function paged<T>(
  items: readonly T[],
  args: Readonly<Record<string, string>>,
): { items: readonly T[]; next: { next_cursor: string } } {
  const start = Number(args["cursor"] ?? 0);
  const end = start + Math.min(Number(args["limit"] ?? 100), 999);
  return {
    items: items.slice(start, end),
    next: { next_cursor: end < items.length ? String(end) : "" },
  };
}
