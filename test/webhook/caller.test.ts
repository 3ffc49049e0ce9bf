import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectCaller } from "../../src/webhook/caller.ts";
import { endless, stalling, startAnswering, type Answer } from "../prometheus/answering.ts";

const never = new AbortController().signal;
const request = {
  url: "",
  method: "POST",
  headers: {},
  bearerFile: null as string | null,
  body: '{"a":1}',
};

let server: Awaited<ReturnType<typeof startAnswering>>;
beforeAll(async () => void (server = await startAnswering()));
afterAll(() => server.stop());

const call = (
  change: Partial<typeof request>,
  options: Partial<Parameters<typeof connectCaller>[0]> = {},
  signal = never,
) =>
  connectCaller({ allow: [new URL(server.url).host], ...options }).call(
    { ...request, url: `${server.url}/run`, ...change },
    signal,
  );

describe("a webhook", () => {
  it.each<[number, Answer]>([
    [204, { status: 204, body: "" }],
    [500, { status: 500, body: "no" }],
    [302, { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" }],
    [200, { body: endless }],
  ])("resolves with %i, whatever the body is", async (status, answer) => {
    server.says(answer);
    expect(await call({})).toEqual({ status });
  });

  it("carries method, headers and body; JSON unless the rule says otherwise", async () => {
    server.says({ body: "" });
    await call({ headers: { "X-Reason": "slow" } });
    expect(server.asked.at(-1)).toMatchObject({
      method: "POST",
      body: '{"a":1}',
      headers: { "x-reason": "slow", "content-type": "application/json" },
    });
    await call({ method: "PUT", headers: { "Content-Type": "text/plain" }, body: "hi" });
    expect(server.asked.at(-1)).toMatchObject({
      method: "PUT",
      body: "hi",
      headers: { "content-type": "text/plain" },
    });
    await call({ method: "GET" });
    expect(server.asked.at(-1)).toMatchObject({ method: "GET", body: "" });
  });

  it("carries the bearer token of a file as it is at that time", async () => {
    const directory = await mkdtemp(join(tmpdir(), "homeostat-"));
    const bearerFile = join(directory, "token");
    server.says({ body: "" });
    for (const token of ["one", "two"]) {
      await writeFile(bearerFile, `${token}\n`);
      await call({ bearerFile });
      expect(server.asked.at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
    }
    await writeFile(bearerFile, " \n");
    await expect(call({ bearerFile })).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(/is empty/),
    });
    await rm(directory, { recursive: true });
    await expect(call({ bearerFile })).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(/cannot be read/),
    });
  });

  it("is not held up by a body that stalls, for the status is known", async () => {
    server.says({ body: stalling });
    expect(await call({})).toEqual({ status: 200 });
  });

  it("is given up at the deadline, and when the caller gives up", async () => {
    server.says({ hangs: true, body: "" });
    const late = call({}, { deadline: 50 });
    await expect(late).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/within 50 ms/),
    });
    const caller = new AbortController();
    const answer = call({}, {}, caller.signal);
    caller.abort();
    await expect(answer).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/not waited for/),
    });
  });

  it("says that the other side does not answer", async () => {
    await expect(call({ url: "http://127.0.0.1:1/" }, { allow: ["127.0.0.1:1"] })).rejects.toMatchObject({
      code: "unavailable",
      message: "127.0.0.1:1 does not answer",
    });
  });
});

describe("the list of allowed hosts", () => {
  it.each([
    ["the host with its port", "http://run.test:8080/x", ["run.test:8080"], true],
    ["another port", "http://run.test:8081/x", ["run.test:8080"], false],
    ["the host alone, which stands for the scheme's port", "https://run.test/x", ["run.test"], true],
    ["the host alone, but another port", "https://run.test:444/x", ["run.test"], false],
    ["the scheme's port written out", "https://run.test/x", ["run.test:443"], true],
    ["another case", "https://RUN.test/x", ["Run.Test"], true],
    ["a host that only ends alike", "https://evil-run.test/x", ["run.test"], false],
    ["a host that only begins alike", "https://run.test.evil/x", ["run.test"], false],
    ["a number written another way is the same host", "http://0x7f000001/", ["127.0.0.1"], true],
    ["an empty list", "http://run.test/", [], false],
  ])("%s", async (_, url, allow, allowed) => {
    const outcome = await call({ url }, { allow }, AbortSignal.abort()).catch(String);
    // An allowed call is given up before it begins, so that no name is looked up.
    const refused = "Webhooks to .* are not allowed; HOMEOSTAT_CALL_WEBHOOK_ALLOW lists";
    expect(outcome).toMatch(new RegExp(allowed ? "was not waited for" : refused));
  });

  it.each([
    ["no URL", "run.test/x", {}, /is not one/],
    ["another scheme", "file:///etc/passwd", {}, /by http or https, not by file/],
    ["credentials in the URL", "http://user:s3cret@run.test/", {}, /holds no credentials/],
    [
      "a header that HTTP does not allow",
      "http://run.test/",
      { authorization: "s3cret\nx: y" },
      /A header of the webhook/,
    ],
  ])("%s is refused, and the Fault quotes no secret", async (_, url, headers, message) => {
    const failure = await call({ url, headers }, { allow: ["run.test"] }).catch((fault: unknown) => fault);
    expect(failure).toMatchObject({
      name: "Fault",
      code: "refused",
      message: expect.stringMatching(message),
    });
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain("s3cret");
  });
});
