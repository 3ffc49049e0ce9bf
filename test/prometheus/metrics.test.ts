import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectPrometheus } from "../../src/prometheus/metrics.ts";
import { endless, stalling, startAnswering, type Answer } from "./answering.ts";

const never = new AbortController().signal;
const vector = (...values: string[]) =>
  JSON.stringify({
    status: "success",
    data: {
      resultType: "vector",
      result: values.map((value, n) => ({
        metric: { __name__: "up", n: String(n) },
        value: [1.5, value],
      })),
    },
  });
const result = (resultType: string, of: unknown) =>
  JSON.stringify({ status: "success", data: { resultType, result: of } });
const error = (text: string) => JSON.stringify({ status: "error", errorType: "bad_data", error: text });

let server: Awaited<ReturnType<typeof startAnswering>>;
beforeAll(async () => void (server = await startAnswering()));
afterAll(() => server.stop());

const ask = (
  answer: Answer,
  options: { deadline?: number; bearer?: string } = {},
  promql = "up",
  signal = never,
) => {
  server.says(answer);
  return connectPrometheus({ url: server.url, ...options }).query(promql, signal);
};

describe("an instant query", () => {
  it.each([
    ["an empty vector is no data", vector(), []],
    [
      "a vector gives a sample a series, without the metric's name",
      vector("1", "2.5e3"),
      [
        { labels: { n: "0" }, value: 1 },
        { labels: { n: "1" }, value: 2500 },
      ],
    ],
    [
      "NaN and the infinities are passed on",
      vector("NaN", "+Inf", "-Inf"),
      [
        { labels: { n: "0" }, value: NaN },
        { labels: { n: "1" }, value: Infinity },
        { labels: { n: "2" }, value: -Infinity },
      ],
    ],
    ["a scalar is one sample without labels", result("scalar", [1, "42"]), [{ labels: {}, value: 42 }]],
    ["an infinite scalar too", result("scalar", [1, "+Inf"]), [{ labels: {}, value: Infinity }]],
  ])("%s", async (_, body, expected) => {
    expect(await ask({ body })).toEqual(expected);
  });

  it.each<[string, Answer, string, RegExp]>([
    [
      "a matrix",
      { body: result("matrix", [{ metric: {}, values: [[1, "1"]] }]) },
      "refused",
      /gives a matrix; expected .* vector or a scalar/,
    ],
    ["a string", { body: result("string", [1, "x"]) }, "refused", /gives a string/],
    [
      "a query that does not parse",
      { status: 400, body: error("parse error: unexpected end") },
      "refused",
      /refuses the query: parse error: unexpected end/,
    ],
    [
      "a query that cannot run",
      { status: 422, body: error("too many samples") },
      "refused",
      /too many samples/,
    ],
    [
      "a query that took too long",
      { status: 503, body: error("query timed out") },
      "unavailable",
      /query timed out/,
    ],
    ["a gateway's 502 in HTML", { status: 502, body: "<html>" }, "unavailable", /HTTP 502/],
    ["too many queries", { status: 429, body: "slow down" }, "rate-limited", /HTTP 429/],
    ["no permission", { status: 401, body: "who are you" }, "refused", /does not let us in/],
    [
      "a redirect",
      { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" },
      "refused",
      /HTTP 302/,
    ],
    [
      "some other web page",
      { body: "<html>welcome</html>" },
      "refused",
      /not as Prometheus does; is the URL right/,
    ],
    [
      "a vector of something else",
      { body: result("vector", [{ metric: {}, histogram: [1, {}] }]) },
      "refused",
      /not as Prometheus does/,
    ],
    ["an answer without end", { body: endless }, "refused", /more than 8388608 bytes/],
  ])("%s is a Fault that says so", async (_, answer, code, message) => {
    await expect(ask(answer)).rejects.toMatchObject({
      name: "Fault",
      code,
      message: expect.stringMatching(message),
    });
  });

  it("gives a server that says no more only until the deadline", async () => {
    await expect(ask({ body: stalling }, { deadline: 50 })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/did not answer within 50 ms/),
    });
  });

  it("ends when the caller gives up", async () => {
    const caller = new AbortController();
    const answer = ask({ body: stalling }, {}, "up", caller.signal);
    caller.abort();
    await expect(answer).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/was not waited for/),
    });
  });

  it("leaves the time to the server's clock, so that clocks may differ", async () => {
    await ask({ body: vector() }, { deadline: 7000 });
    const { url } = server.asked.at(-1)!;
    expect(Object.fromEntries(url.searchParams)).toEqual({ query: "up", timeout: "7000ms" });
  });

  it("posts a query too long for a URL", async () => {
    const long = `vector(1) > ${"0".repeat(5000)}`;
    await ask({ body: vector() }, {}, long);
    const { method, url, body } = server.asked.at(-1)!;
    expect([
      method,
      url.search,
      new URLSearchParams(body).get("query"),
      new URLSearchParams(body).has("time"),
    ]).toEqual(["POST", "", long, false]);
  });

  it("sends the bearer token and keeps it out of what it says on failure", async () => {
    const failure = await ask({ status: 403, body: "" }, { bearer: "s3cret" }).catch(
      (fault: unknown) => fault,
    );
    expect(server.asked.at(-1)?.headers.authorization).toBe("Bearer s3cret");
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain("s3cret");
  });

  it("says that a server is gone without the credentials of its URL", async () => {
    const gone = connectPrometheus({ url: "http://user:s3cret@127.0.0.1:1/prometheus" });
    const failure = await gone.query("up", never).catch((fault: unknown) => fault);
    expect(failure).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^Prometheus at 127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/),
    });
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain("s3cret");
  });
});
