import { request } from "node:http";
import { describe, expect, test } from "vitest";
import { asJson, notification, running, type Running } from "./running.ts";

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** With node:http, as fetch does not let a test choose the host header. */
const ask = (
  server: Running,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = "",
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port: server.port, method, path, headers, agent: false },
      (response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });

const post = (server: Running, headers: Record<string, string>): ReturnType<typeof ask> =>
  ask(server, "POST", "/webhooks/alertmanager", { ...asJson, ...headers }, JSON.stringify(notification()));

describe("the webhook with a token", () => {
  test.each([
    ["the token as bearer", { authorization: "Bearer s3cret" }, 202],
    ["the scheme in other letters", { authorization: "bEARER s3cret" }, 202],
    ["the token as anybody's password", { authorization: basic("alertmanager", "s3cret") }, 202],
    ["no user name", { authorization: basic("", "s3cret") }, 202],
    ["nothing", {}, 401],
    ["another token", { authorization: "Bearer s3cre7" }, 401],
    ["its beginning", { authorization: "Bearer s3cre" }, 401],
    ["more than it", { authorization: "Bearer s3crets" }, 401],
    ["the token as user name", { authorization: basic("s3cret", "") }, 401],
    [
      "a password without a colon",
      { authorization: `Basic ${Buffer.from("s3cret").toString("base64")}` },
      401,
    ],
    ["no base64", { authorization: "Basic !!!" }, 401],
    ["the bare token", { authorization: "s3cret" }, 401],
    ["another scheme", { authorization: "Digest s3cret" }, 401],
    ["an empty bearer", { authorization: "Bearer " }, 401],
    ["two tokens", { authorization: "Bearer s3cret s3cret" }, 401],
  ])("given %s", async (_name, headers, status) => {
    await using server = await running({ webhookToken: "s3cret" });
    const response = await post(server, headers);
    expect(response.status).toBe(status);
    expect(server.controller.received).toHaveLength(status === 202 ? 1 : 0);
    const challenge = 'Bearer realm="homeostat", Basic realm="homeostat"';
    expect(response.headers["www-authenticate"]).toBe(status === 401 ? challenge : undefined);
    expect(response.text).not.toContain("s3cret");
  });

  test("a password may hold colons", async () => {
    await using server = await running({ webhookToken: "a:b:c" });
    expect((await post(server, { authorization: basic("x", "a:b:c") })).status).toBe(202);
  });

  test("is reached under any name", async () => {
    await using server = await running({ webhookToken: "s3cret", host: "0.0.0.0" });
    expect((await post(server, { authorization: "Bearer s3cret", host: "homeostat:8080" })).status).toBe(202);
  });

  test("a stranger is refused before anything is read", async () => {
    await using server = await running({ webhookToken: "s3cret" });
    const response = await ask(
      server,
      "POST",
      "/webhooks/alertmanager",
      { "content-type": "text/plain" },
      "{",
    );
    expect(response.status).toBe(401);
  });
});

describe("without a token only this machine is answered", () => {
  test.each([
    ["127.0.0.1:8080", 202],
    ["127.9.9.9", 202],
    ["localhost:8080", 202],
    ["LocalHost", 202],
    ["[::1]:8080", 202],
    ["rebound.example:8080", 403],
    ["127.0.0.1.rebound.example", 403],
    ["localhost.rebound.example", 403],
  ])("asked for %s", async (host, status) => {
    await using server = await running();
    expect((await post(server, { host })).status).toBe(status);
  });
});

describe("the routes for people", () => {
  const pauseBody = JSON.stringify({ scope: "all", by: "ann" });
  const bearer = { authorization: "Bearer adm1n" };
  const reading = ["GET", "/api/v1/status", ""] as const;
  const pausing = ["POST", "/api/v1/pause", pauseBody] as const;
  const resuming = ["POST", "/api/v1/resume", pauseBody] as const;

  test.each([
    // listening on, admin token, what, headers, status
    ["127.0.0.1", undefined, reading, {}, 200],
    ["127.0.0.1", undefined, pausing, {}, 200],
    ["127.0.0.1", undefined, pausing, { host: "rebound.example" }, 403],
    ["127.0.0.1", undefined, reading, { host: "rebound.example" }, 403],
    ["127.0.0.1", "adm1n", reading, {}, 200],
    ["127.0.0.1", "adm1n", pausing, {}, 401],
    ["127.0.0.1", "adm1n", pausing, bearer, 200],
    ["127.0.0.1", "adm1n", pausing, { authorization: "Bearer wrong" }, 401],
    ["127.0.0.1", "adm1n", pausing, { authorization: basic("ann", "adm1n") }, 401],
    ["127.0.0.1", "adm1n", resuming, {}, 401],
    ["0.0.0.0", undefined, reading, {}, 403],
    ["0.0.0.0", undefined, pausing, {}, 403],
    ["0.0.0.0", undefined, resuming, bearer, 403],
    ["0.0.0.0", "adm1n", reading, {}, 401],
    ["0.0.0.0", "adm1n", reading, bearer, 200],
    ["0.0.0.0", "adm1n", pausing, bearer, 200],
    ["", "adm1n", reading, {}, 401],
  ])("on %j with admin token %j", async (host, adminToken, [method, path, body], headers, status) => {
    await using server = await running({
      host,
      webhookToken: "s3cret",
      ...(adminToken === undefined ? {} : { adminToken }),
    });
    const response = await ask(
      server,
      method,
      path,
      { ...asJson, ...(headers as Record<string, string>) },
      body,
    );
    expect(response.status).toBe(status);
    expect(server.controller.paused.size).toBe(status === 200 && path.endsWith("pause") ? 1 : 0);
  });

  test("the webhook's token is no admin token", async () => {
    await using server = await running({ webhookToken: "s3cret", adminToken: "adm1n" });
    expect(
      (await ask(server, "POST", "/api/v1/pause", { ...asJson, authorization: "Bearer s3cret" }, pauseBody))
        .status,
    ).toBe(401);
  });

  test.each(["/healthz", "/readyz", "/metrics"])("%s is free, for probes and Prometheus", async (path) => {
    await using server = await running({
      host: "0.0.0.0",
      webhookToken: "s3cret",
      adminToken: "adm1n",
    });
    expect((await ask(server, "GET", path, { host: "homeostat:8080" })).status).toBe(200);
  });

  test("a form sent by a page of another site is refused", async () => {
    await using server = await running();
    expect(
      (await ask(server, "POST", "/api/v1/pause", { "content-type": "text/plain" }, pauseBody)).status,
    ).toBe(415);
  });
});
