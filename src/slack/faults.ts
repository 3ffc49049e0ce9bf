import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
} from "@slack/web-api";
import { Fault } from "../core/reason.ts";

/** Slack's error codes that pass by themselves: https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const passing = new Set([
  "fatal_error",
  "internal_error",
  "request_timeout",
  "service_unavailable",
  "team_added_to_org",
  "accesslimited",
]);

/** What a person can do about those that will not. */
const waysOut: Readonly<Record<string, string>> = {
  channel_not_found: "name an existing channel, or invite the app to it if it is private",
  not_in_channel: "invite the app to the channel, or give it the scope chat:write.public",
  is_archived: "unarchive the channel or name another one",
  invalid_auth: "check SLACK_BOT_TOKEN",
  not_authed: "set SLACK_BOT_TOKEN",
  token_revoked: "install the app again and set its new SLACK_BOT_TOKEN",
  token_expired: "set a fresh SLACK_BOT_TOKEN",
  account_inactive: "install the app again and set its new SLACK_BOT_TOKEN",
  missing_scope: "give the app the scope that the error names, and install it again",
  restricted_action: "let the app post in this channel (workspace preference)",
  thread_not_found: "nothing: the thread is gone",
};

/** The error code of an answer `{ok: false, error}`; null for any other failure. */
export function slackError(error: unknown): string | null {
  if (!(error instanceof WebAPIPlatformError)) return null;
  // The client also puts a body that is no JSON here, such as a proxy's error page.
  const code: unknown = error.data.error;
  return typeof code === "string" && /^[a-z][a-z0-9_]{1,80}$/.test(code) ? code : null;
}

/**
 * Translates whatever the client threw. `status` is the HTTP status of the last answer, null without one: the client
 * loses it for a 429 that has no Retry-After.
 */
export function toFault(error: unknown, method: string, status: number | null, deadline: number): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof WebAPIRateLimitedError || status === 429) {
    const seconds = error instanceof WebAPIRateLimitedError ? error.retryAfter : null;
    const retryAfter = seconds === null || seconds < 0 ? {} : { retryAfter: seconds * 1000 };
    return new Fault("rate-limited", `Slack asks to slow down (${method})`, {
      cause: error,
      ...retryAfter,
    });
  }
  const code = slackError(error);
  if (code === "ratelimited")
    return new Fault("rate-limited", `Slack asks to slow down (${method})`, { cause: error });
  if (code !== null && !passing.has(code)) {
    const wayOut = Object.hasOwn(waysOut, code) ? `: ${waysOut[code]}` : "";
    return new Fault("refused", `Slack refused ${method} with ${code}${wayOut}`, { cause: error });
  }
  return new Fault("unavailable", `${method}: ${whyUnavailable(error, code, deadline)}`, {
    cause: error,
  });
}

function whyUnavailable(error: unknown, code: string | null, deadline: number): string {
  if (code !== null) return `Slack answered ${code}`;
  if (error instanceof WebAPIHTTPError) return `Slack answered ${error.statusCode}`;
  if (error instanceof WebAPIPlatformError) return "the answer was not Slack's";
  const original = error instanceof WebAPIRequestError ? error.original : error;
  if (original instanceof Error && original.name === "TimeoutError")
    return `Slack did not answer within ${deadline} ms`;
  return "Slack could not be reached";
}
