import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/core/journal.ts";
import { Fault } from "../../src/core/reason.ts";
import { noon, service } from "./fake-controller.ts";
import { asJson, errorOf, running, type Running } from "./running.ts";

const get = (server: Running, path: string): Promise<Response> => fetch(`${server.url}${path}`);

const post = (server: Running, path: string, body: unknown): Promise<Response> =>
  fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body), headers: asJson });

const entry = (seq: number, more: Partial<Entry> = {}): Entry => ({
  seq,
  at: noon,
  kind: "process",
  data: {},
  ...more,
});

describe("reading", () => {
  test("the status is the controller's", async () => {
    await using server = await running();
    expect(await (await get(server, "/api/v1/status")).json()).toEqual(
      JSON.parse(JSON.stringify(await server.controller.status())),
    );
  });

  test("history comes newest first, page by page", async () => {
    await using server = await running();
    server.controller.entries = [1, 2, 3, 4, 5].map((seq) => entry(seq));
    const seqs: number[][] = [];
    let before = "";
    for (let page = 0; page < 5; page++) {
      const { items, next } = (await (await get(server, `/api/v1/history?limit=2${before}`)).json()) as {
        items: Entry[];
        next: number | null;
      };
      seqs.push(items.map((item) => item.seq));
      if (next === null) break;
      before = `&before=${next}`;
    }
    expect(seqs).toEqual([[5, 4], [3, 2], [1]]);
  });

  test.each([
    ["kind=decision", [2]],
    ["kind=decision,intent", [3, 2]],
    ["episode=e1", [2, 1]],
    ["target=default%2Fservice%2Fshop_web", [3]],
    ["kind=decision&episode=e1&limit=1000", [2]],
  ])("history filtered by %s", async (query, expected) => {
    await using server = await running();
    server.controller.entries = [
      entry(1, { kind: "episode", episode: "e1" }),
      entry(2, { kind: "decision", episode: "e1" }),
      entry(3, { kind: "intent", target: "default/service/shop_web" }),
    ];
    const { items } = (await (await get(server, `/api/v1/history?${query}`)).json()) as {
      items: Entry[];
    };
    expect(items.map((item) => item.seq)).toEqual(expected);
  });

  test("lists without an order in time page by their places", async () => {
    await using server = await running();
    server.controller.servicesThere = ["a", "b", "c", "d", "e"].map((name) => service(name));
    const names: string[] = [];
    let query = "?limit=2";
    for (let page = 0; page < 5; page++) {
      const { items, next } = (await (await get(server, `/api/v1/services${query}`)).json()) as {
        items: { name: string }[];
        next: number | null;
      };
      names.push(items.map((item) => item.name).join(""));
      if (next === null) break;
      query = `?limit=2&before=${next}`;
    }
    expect(names).toEqual(["ab", "cd", "e"]);
  });

  test.each(["rules", "episodes", "history", "services", "escalations"])("%s may be empty", async (list) => {
    await using server = await running();
    server.controller.servicesThere = [];
    expect(await (await get(server, `/api/v1/${list}`)).json()).toEqual({
      items: [],
      next: null,
    });
  });

  test.each([
    ["history?limit=0", 'limit: expected a whole number from 1 to 1000, received "0"'],
    ["history?limit=1001", 'limit: expected a whole number from 1 to 1000, received "1001"'],
    ["history?limit=ten", 'limit: expected a whole number from 1 to 1000, received "ten"'],
    ["history?limit=1e2", 'limit: expected a whole number from 1 to 1000, received "1e2"'],
    ["history?limit=", 'limit: expected a whole number from 1 to 1000, received ""'],
    ["history?before=-1", 'before: expected a whole number, received "-1"'],
    ["history?before=1&before=2", '"before": expected it once, received it several times'],
    ["history?kinds=decision", '"kinds": expected one of limit, before, kind, episode, target'],
    ["history?__proto__=1&limit=x", 'limit: expected a whole number from 1 to 1000, received "x"'],
    ["status?limit=1", '"limit": expected no parameter'],
  ])("%s is refused", async (path, message) => {
    await using server = await running();
    const response = await get(server, `/api/v1/${path}`);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({
      code: "BadQuery",
      message: expect.stringContaining(message) as string,
    });
  });

  test("an unknown kind is refused with the known ones", async () => {
    await using server = await running();
    const error = await errorOf(await get(server, "/api/v1/history?kind=decision,guess"));
    expect(error.message).toContain("expected some of notification, episode, decision");
  });

  test("a cluster that does not answer is 503 with what it is, and the server stays", async () => {
    await using server = await running({ limits: { question: 50 } });
    server.controller.failNext("services", new Fault("unavailable", "The engine did not answer within 5 s"));
    const response = await get(server, "/api/v1/services");
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toEqual({
      code: "Unavailable",
      message: "The engine did not answer within 5 s",
    });
    server.controller.failNext("services", "hang");
    expect((await errorOf(await get(server, "/api/v1/services"))).message).toBe("No answer within 0.05 s");
    expect((await get(server, "/api/v1/services")).status).toBe(200);
  });
});

describe("routes that are not there", () => {
  test.each(["/", "/api/v1", "/api/v1/rule", "/webhooks", "/v1/ping", "/%ff", "/../../etc/passwd"])(
    "%s is 404 and says where to look",
    async (path) => {
      await using server = await running();
      const response = await get(server, path);
      expect(response.status).toBe(404);
      expect((await errorOf(response)).message).toContain("/api/v1/status");
    },
  );

  test.each([
    ["DELETE", "/api/v1/history", "GET, HEAD"],
    ["POST", "/metrics", "GET, HEAD"],
    ["OPTIONS", "/api/v1/status", "GET, HEAD"],
    ["GET", "/api/v1/pause", "POST"],
    ["PUT", "/api/v1/resume", "POST"],
  ])("%s %s is 405 and says what is allowed", async (method, path, allow) => {
    await using server = await running();
    const response = await fetch(`${server.url}${path}`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
  });

  test("HEAD answers like GET without a body", async () => {
    await using server = await running();
    const response = await fetch(`${server.url}/api/v1/status`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});

describe("pausing", () => {
  test.each([
    [
      { scope: "all", by: "ann" },
      { scope: "all", by: "ann", reason: "", until: null },
    ],
    [
      { scope: "down", by: "ann", for: "2h", reason: "sale" },
      { scope: "down", by: "ann", reason: "sale", until: noon + 7_200_000 },
    ],
    [
      { scope: "shop_web", by: "ann" },
      { scope: "default/service/shop_web", by: "ann", reason: "", until: null },
    ],
    [
      { scope: "east/service/up", by: "ann" },
      { scope: "east/service/up", by: "ann", reason: "", until: null },
    ],
  ])("%j", async (body, pause) => {
    await using server = await running();
    const response = await post(server, "/api/v1/pause", body);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ...pause, at: noon });
    expect(server.controller.paused.get(pause.scope)).toEqual({ ...pause, at: noon });
  });

  test.each([
    [[], "body: expected an object, received a list"],
    [
      { by: "ann" },
      "scope: expected all, up, down, a service's name or a target such as default/service/shop_web, received nothing",
    ],
    [{ scope: "all" }, "by: expected who asks for it, in 1 to 100 characters, received nothing"],
    [{ scope: "a/b", by: "ann" }, 'received "a/b"'],
    [{ scope: "all services", by: "ann" }, 'received "all services"'],
    [{ scope: "", by: "ann" }, 'received ""'],
    [{ scope: "all", by: "" }, 'by: expected who asks for it, in 1 to 100 characters, received ""'],
    [{ scope: "all", by: "ann", for: "a while" }, "for: expected a duration"],
    [{ scope: "all", by: "ann", until: 5 }, '"until": expected one of scope, for, reason, by'],
  ])("%j is refused", async (body, message) => {
    await using server = await running();
    const response = await post(server, "/api/v1/pause", body);
    expect(response.status).toBe(400);
    expect((await errorOf(response)).message).toContain(message);
    expect(server.controller.paused.size).toBe(0);
  });

  test("a large request is refused", async () => {
    await using server = await running();
    expect(
      (await post(server, "/api/v1/pause", { scope: "all", by: "ann", reason: "x".repeat(20_000) })).status,
    ).toBe(413);
  });

  test("a store that cannot be written is 503", async () => {
    await using server = await running();
    server.controller.failNext("pause", new Fault("unavailable", "The disk is full"));
    expect((await post(server, "/api/v1/pause", { scope: "all", by: "ann" })).status).toBe(503);
  });

  test("resume ends it once", async () => {
    await using server = await running();
    await post(server, "/api/v1/pause", { scope: "shop_web", by: "ann" });
    const first = await post(server, "/api/v1/resume", { scope: "shop_web", by: "bob" });
    expect([first.status, await first.json()]).toEqual([200, { resumed: "default/service/shop_web" }]);
    const second = await post(server, "/api/v1/resume", { scope: "shop_web", by: "bob" });
    expect(second.status).toBe(404);
    expect((await errorOf(second)).code).toBe("NotPaused");
  });
});

describe("health", () => {
  test("alive says nothing of others", async () => {
    await using server = await running();
    server.controller.readiness = [{ name: "cluster", ok: false, message: "no answer" }];
    expect((await get(server, "/healthz")).status).toBe(200);
  });

  test("ready when every check is fine", async () => {
    await using server = await running();
    const response = await get(server, "/readyz");
    expect([response.status, await response.json()]).toEqual([
      200,
      { ready: true, checks: [{ name: "store", ok: true, message: "writable" }] },
    ]);
  });

  test("not ready names the check that fails", async () => {
    await using server = await running();
    server.controller.readiness.push({ name: "cluster", ok: false, message: "no answer for 12 s" });
    const response = await get(server, "/readyz");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      ready: false,
      checks: [{ ok: true }, { name: "cluster", ok: false, message: "no answer for 12 s" }],
    });
  });

  test("checks that throw make it not ready", async () => {
    await using server = await running();
    server.controller.failNext("checks", new Error("bug"));
    expect((await get(server, "/readyz")).status).toBe(503);
  });
});
