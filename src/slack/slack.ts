import { LogLevel, WebClient, type FetchFunction, type Logger } from "@slack/web-api";
import { z } from "zod";
import type { Message } from "../core/message.ts";
import type { Messenger, Posted } from "../core/ports.ts";
import { render } from "./blocks.ts";
import { slackError, toFault } from "./faults.ts";

export type SlackOptions = {
  /**
   * A bot token with the scope chat:write. With channels:read and channels:history (for private channels also
   * groups:read and groups:history) `find` can look.
   */
  readonly token: string;
  /** Where the Web API is, with its path. */
  readonly apiUrl?: string;
  /** How long a single call may take, in milliseconds. */
  readonly deadline?: number;
};

const eventType = "homeostat";
const pageSize = 200;
/** So far `find` looks back; beyond it, it does not know. */
const mostPages = 10;

const Metadata = z
  .object({ event_type: z.string(), event_payload: z.looseObject({}) })
  .catch({ event_type: "", event_payload: {} });
const Page = z.object({
  messages: z.array(z.object({ ts: z.string(), metadata: Metadata.optional() })).default([]),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});
const Channels = z.object({
  channels: z.array(z.object({ id: z.string(), name: z.string() })).default([]),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});
const Answer = z.object({ channel: z.string(), ts: z.string() });

/** The client logs every failure by itself, beside the fault that we make of it. */
const nothing = (): void => {};
const silent: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  getLevel: () => LogLevel.ERROR,
  setName: nothing,
};

/** Errors of `chat.update` that mean that there is no message to edit any more. */
const gone = new Set(["message_not_found", "cant_update_message", "edit_window_closed"]);
/** Errors of the reading methods that mean that this app may not look. */
const blind = new Set([
  "missing_scope",
  "not_allowed_token_type",
  "not_in_channel",
  "no_permission",
  "channel_not_found",
]);

/** Slack as a `Messenger`. Nothing is tried twice in here: the caller knows what may be repeated. */
export function connectSlack({ token, apiUrl, deadline = 10_000 }: SlackOptions): Messenger {
  /** Ids by channel name: the reading methods take ids alone, posting takes both and tells the id. */
  const ids = new Map<string, string>();

  async function call(method: string, args: Record<string, unknown>, signal: AbortSignal): Promise<unknown> {
    let status: number | null = null;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(deadline)]);
    const observed: FetchFunction = async (url, init) => {
      const response = await fetch(url, { ...init, signal: limited });
      status = response.status;
      return response;
    };
    // A client a call: it takes a signal for all of its calls only.
    const client = new WebClient(token, {
      ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }),
      allowAbsoluteUrls: false,
      rejectRateLimitedCalls: true,
      retryConfig: { retries: 0 },
      fetch: observed,
      logger: silent,
    });
    try {
      return await client.apiCall(method, args);
    } catch (error) {
      signal.throwIfAborted();
      throw toFault(error, method, status, deadline);
    }
  }

  function read<T>(schema: z.ZodType<T>, answer: unknown, method: string): T {
    const parsed = schema.safeParse(answer);
    if (!parsed.success) throw toFault(parsed.error, method, null, deadline);
    return parsed.data;
  }

  /** The id of a channel given by name or id; null when there is none to be seen. */
  async function channelId(name: string, signal: AbortSignal): Promise<string | null> {
    const wanted = name.replace(/^#/, "");
    const known = ids.get(wanted);
    if (known !== undefined) return known;
    if (/^[CDG][A-Z0-9]{6,}$/.test(name)) return name;
    let cursor: string | undefined;
    for (let page = 0; page < mostPages; page += 1) {
      const args = {
        types: "public_channel,private_channel",
        exclude_archived: true,
        limit: pageSize,
        cursor,
      };
      const answer = read(Channels, await call("conversations.list", args, signal), "conversations.list");
      for (const channel of answer.channels) ids.set(channel.name, channel.id);
      cursor = answer.response_metadata?.next_cursor;
      if (ids.has(wanted) || !cursor) break;
    }
    return ids.get(wanted) ?? null;
  }

  async function look(
    where: { channel: string; thread?: string; key: string; since: number },
    signal: AbortSignal,
  ): Promise<Posted | null | "unknown"> {
    const channel = await channelId(where.channel, signal);
    if (channel === null) return "unknown";
    const method = where.thread === undefined ? "conversations.history" : "conversations.replies";
    const thread = where.thread === undefined ? {} : { ts: where.thread };
    let cursor: string | undefined;
    for (let page = 0; page < mostPages; page += 1) {
      const oldest = (Math.max(0, where.since) / 1000).toFixed(6);
      const args = {
        channel,
        ...thread,
        oldest,
        inclusive: true,
        include_all_metadata: true,
        limit: pageSize,
        cursor,
      };
      const answer = read(Page, await call(method, args, signal), method);
      const found = answer.messages.find(
        ({ metadata }) => metadata?.event_type === eventType && metadata.event_payload["key"] === where.key,
      );
      if (found !== undefined) return { channel, ts: found.ts };
      cursor = answer.response_metadata?.next_cursor;
      if (!cursor) return null;
    }
    return "unknown";
  }

  return {
    async post({ channel, thread, key }, message, signal) {
      const args = {
        channel,
        ...content(message),
        ...(thread === undefined ? {} : { thread_ts: thread }),
        metadata: { event_type: eventType, event_payload: { key } },
        unfurl_links: false,
        unfurl_media: false,
      };
      const answer = read(Answer, await call("chat.postMessage", args, signal), "chat.postMessage");
      ids.set(channel.replace(/^#/, ""), answer.channel);
      return { channel: answer.channel, ts: answer.ts };
    },

    async update({ channel, ts }, message, signal) {
      try {
        // Without metadata in the call the message keeps its key.
        await call("chat.update", { channel, ts, ...content(message) }, signal);
        return "updated";
      } catch (error) {
        if (gone.has(causeOf(error))) return "gone";
        throw error;
      }
    },

    async find(where, signal) {
      try {
        return await look(where, signal);
      } catch (error) {
        if (blind.has(causeOf(error))) return "unknown";
        throw error;
      }
    },
  };
}

/** `parse` and `link_names` off: a name or an address in a sender's text shall not become a link. */
const content = (message: Message): Record<string, unknown> => ({
  ...render(message),
  parse: "none",
  link_names: false,
});

const causeOf = (error: unknown): string => (error instanceof Error ? (slackError(error.cause) ?? "") : "");
