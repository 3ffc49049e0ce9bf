import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectAlertmanager } from "../../src/prometheus/alerts.ts";
import { endless, stalling, startAnswering, type Answer } from "./answering.ts";

const never = new AbortController().signal;
const fingerprint = "4b888d7e74b10b0b";
const listed = (...alerts: [string, string][]) =>
  JSON.stringify(
    alerts.map(([id, state]) => ({
      fingerprint: id,
      status: { state, silencedBy: [], inhibitedBy: [] },
      labels: {},
    })),
  );

let server: Awaited<ReturnType<typeof startAnswering>>;
beforeAll(async () => void (server = await startAnswering()));
afterAll(() => server.stop());

const ask = (
  answer: Answer,
  labels: Record<string, string> = { alertname: "A" },
  options: { deadline?: number; bearer?: string; url?: string } = {},
  signal = never,
) => {
  server.says(answer);
  return connectAlertmanager({ url: server.url, ...options }).state({ labels, fingerprint }, signal);
};

describe("an alert's state", () => {
  it.each([
    ["absent when nothing is listed", listed(), "absent"],
    ["absent when only others are listed", listed(["0000000000000000", "active"]), "absent"],
    ["firing", listed(["0000000000000000", "suppressed"], [fingerprint, "active"]), "firing"],
    ["firing before any route has looked at it", listed([fingerprint, "unprocessed"]), "firing"],
    ["suppressed", listed([fingerprint, "suppressed"]), "suppressed"],
  ])("is %s", async (_, body, expected) => {
    expect(await ask({ body })).toBe(expected);
  });

  it.each<[string, Answer, string, RegExp]>([
    ["a refused filter", { status: 400, body: '"bad matcher"' }, "refused", /HTTP 400: "bad matcher"/],
    ["a failing server", { status: 500, body: "" }, "unavailable", /HTTP 500/],
    ["an overloaded server", { status: 429, body: "" }, "rate-limited", /HTTP 429/],
    [
      "a redirect",
      { status: 301, headers: { location: "http://127.0.0.1:1/" }, body: "" },
      "refused",
      /HTTP 301/,
    ],
    ["a web page", { body: "<html>" }, "refused", /not with JSON/],
    ["other JSON", { body: '{"status":"success"}' }, "refused", /not as Alertmanager's API v2 does/],
    [
      "a state nobody knows",
      { body: listed([fingerprint, "mystical"]) },
      "refused",
      /not as Alertmanager's API v2 does/,
    ],
    ["an answer without end", { body: endless }, "refused", /more than 4194304 bytes/],
  ])("of %s is a Fault that says so", async (_, answer, code, message) => {
    await expect(ask(answer)).rejects.toMatchObject({
      name: "Fault",
      code,
      message: expect.stringMatching(message),
    });
  });

  it("is given up at the deadline, and when the caller gives up", async () => {
    await expect(ask({ body: stalling }, {}, { deadline: 50 })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/within 50 ms/),
    });
    const caller = new AbortController();
    const answer = ask({ body: stalling }, {}, {}, caller.signal);
    caller.abort();
    await expect(answer).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/not waited for/),
    });
  });

  it("says which server is gone", async () => {
    await expect(ask({ body: "" }, {}, { url: "http://127.0.0.1:1" })).rejects.toMatchObject({
      code: "unavailable",
      message: "Alertmanager at 127.0.0.1:1 does not answer",
    });
  });
});

describe("the question", () => {
  const filters = () => server.asked.at(-1)?.url.searchParams.getAll("filter");

  it.each<[string, Record<string, string>, string[]]>([
    [
      "a matcher a label",
      { alertname: "Slow", service: "shop_web" },
      ['alertname="Slow"', 'service="shop_web"'],
    ],
    ["quotes, backslashes and line breaks escaped", { a: 'x"y\\z\nw' }, ['a="x\\"y\\\\z\\nw"']],
    ["other text as it is", { a: "{é=~!,'`}\t" }, ['a="{é=~!,\'`}\t"']],
    ["no matcher for an empty label, which is a missing one", { a: "", b: "1" }, ['b="1"']],
    ["names that are no identifiers in quotes", { "a.b": "1" }, ['"a.b"="1"']],
    [
      "only as much as a URL carries, short labels first",
      { long: "x".repeat(64 * 1024), short: "1" },
      ['short="1"'],
    ],
    ["half a surrogate pair as Alertmanager would store it", { a: "\ud800" }, ['a="\ufffd"']],
  ])("holds %s", async (_, labels, expected) => {
    await ask({ body: listed() }, labels);
    expect(filters()).toEqual(expected);
  });

  it("goes below a path and carries the token", async () => {
    await ask({ body: listed() }, {}, { url: `${server.url}/alerts/`, bearer: "s3cret" });
    expect(server.asked.at(-1)).toMatchObject({
      headers: { authorization: "Bearer s3cret" },
      url: { pathname: "/alerts/api/v2/alerts" },
    });
  });
});
