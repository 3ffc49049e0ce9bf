import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { isObject, parseExact } from "../../src/swarm/json.ts";
import { changedSpec } from "../../src/swarm/spec.ts";
import { connectSwarm } from "../../src/swarm/swarm.ts";
import { never } from "./cluster.ts";
import { change, engine, id, json, servers, service } from "./stand-in.ts";

describe("which API version is spoken", () => {
  it("asks once, and then speaks the newest that the engine has", async () => {
    const { asked, swarm } = await engine((_, response) => json(response, [service]));
    expect(await swarm.service("web", never)).toMatchObject({
      running: 2,
      updatedAt: Date.UTC(2026, 0, 15, 12, 0, 0, 123),
    });
    await swarm.services(never);
    expect(asked).toEqual(["GET /_ping", "GET /v1.44/services", "GET /v1.44/services"]);
  });

  it.each([
    ["an engine that is too old", "1.40", /speaks API 1\.40; at least 1\.41 \(Engine 20\.10\) is needed/],
    ["a server that is no engine", "", /does not say which API version it speaks; is it Docker\?/],
  ])("refuses %s", async (_, version, message) => {
    const server = createServer((_, response) => {
      response.setHeader("api-version", version);
      response.end("OK");
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    servers.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const at = server.address();
    const swarm = connectSwarm({ host: `tcp://127.0.0.1:${isObject(at) ? String(at["port"]) : ""}` });
    await expect(swarm.services(never)).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(message),
    });
  });

  it("reads a spec again in the version of an engine that was upgraded meanwhile, and writes it in that one", async () => {
    let newest = "1.44";
    const { asked, swarm } = await engine((request, response) => {
      response.setHeader("api-version", newest);
      json(
        response,
        request.method === "POST" ? { Warnings: null } : request.url?.includes(id) ? service : [service],
      );
    });
    await swarm.services(never);
    newest = "1.52";
    expect(await swarm.update(change, never)).toBe("applied");
    expect(asked.slice(2)).toEqual([
      `GET /v1.44/services/${id}`,
      `GET /v1.52/services/${id}`,
      `POST /v1.52/services/${id}/update`,
    ]);
  });

  it("asks anew when an older engine took its place, and never writes in another version than it read", async () => {
    let older = false;
    const tooNew = { message: "client version 1.44 is too new. Maximum supported API version is 1.41" };
    const { asked, swarm } = await engine((request, response) => {
      if (request.url?.startsWith("/v1.44") && older) {
        response.setHeader("api-version", "1.41");
        return json(response, tooNew, 400);
      }
      if (request.method === "GET") older = true;
      return json(response, service);
    });
    await expect(swarm.update(change, never)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/too new/),
    });
    expect(asked).toEqual(["GET /_ping", `GET /v1.44/services/${id}`, `POST /v1.44/services/${id}/update`]);
  });
});

describe("the write", () => {
  it.each([
    [200, { Warnings: null }, "applied"],
    [404, { message: "service web not found" }, "gone"],
    [500, { message: "rpc error: code = Unknown desc = update out of sequence" }, "conflict"],
  ])("answered %i %j is %s", async (status, body, expected) => {
    const { swarm } = await engine((request, response) =>
      request.method === "POST" ? json(response, body, status) : json(response, service),
    );
    expect(await swarm.update(change, never)).toBe(expected);
  });

  it.each([
    ["replicas", { kind: "replicas", replicas: 3 }, "spec"],
    ["previous-spec", { kind: "previous-spec" }, "previous-spec"],
  ] as const)(
    "of %s carries the version, and credentials stay those of the image that will run",
    async (_, set, from) => {
      const queries: unknown[] = [];
      const { swarm } = await engine((request, response) => {
        const url = new URL(request.url ?? "", "http://engine");
        if (request.method === "POST") queries.push(Object.fromEntries(url.searchParams));
        json(response, { ...service, PreviousSpec: service.Spec });
      });
      await swarm.update({ ...change, set }, never);
      expect(queries).toEqual([{ version: "7", registryAuthFrom: from }]);
    },
  );
});

describe("where the engine is", () => {
  it("is what it was told, whatever the environment says", async () => {
    vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:1");
    vi.stubEnv("DOCKER_TLS_VERIFY", "1");
    const directory = await mkdtemp(join(tmpdir(), "homeostat-socket-"));
    servers.push(() => rm(directory, { recursive: true }));
    const { swarm } = await engine((_, response) => json(response, [service]), join(directory, "a b.sock"));
    expect(await swarm.services(never)).toHaveLength(1);
  });

  it.each([
    "",
    "docker",
    "unix://",
    "unix:///",
    "ssh://host",
    "unix://relative/docker.sock",
    "tcp://",
    "http://",
  ])("cannot be %j", (host) => {
    expect(() => connectSwarm({ host })).toThrow(
      /expected unix:\/\/\/path\/of\/docker\.sock or tcp:\/\/host:port/,
    );
  });
});

describe("a spec that is written back", () => {
  it.each([
    "9223372036854775807",
    "18446744073709551615",
    "-9223372036854775808",
    "9007199254740993",
    "0.1",
    "1e+21",
    "1E400",
    "-0",
    "1.0",
  ])("keeps the number %s", (number) => {
    const text = `{"a":[${number}],"b":{"__proto__":${number}},"1":"${number}"}`;
    const [one, ...rest] = [`"1":"${number}"`, `"a":[${number}]`, `"b":{"__proto__":${number}}`];
    // Names that are whole numbers come first in any JavaScript object; order means nothing there.
    expect(JSON.stringify(parseExact(text))).toBe(`{${[one, ...rest].join(",")}}`);
  });

  it("differs in what was asked alone, whatever else is in it", () => {
    const spec = fc
      .tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.string()), fc.nat())
      .map(([rest, Labels, Replicas]) => ({ ...rest, Labels, Mode: { Replicated: { Replicas, Other: 1 } } }));
    fc.assert(
      fc.property(spec, fc.nat(), fc.string(), (before, replicas, intent) => {
        const read = parseExact(JSON.stringify({ Spec: before }));
        const after = changedSpec(isObject(read) ? read : {}, {
          set: { kind: "replicas", replicas },
          intent,
        });
        expect(JSON.parse(JSON.stringify(after))).toEqual(
          JSON.parse(
            JSON.stringify({
              ...before,
              Labels: { ...before.Labels, "homeostat.intent": intent },
              Mode: { Replicated: { Replicas: replicas, Other: 1 } },
            }),
          ),
        );
      }),
    );
  });
});
