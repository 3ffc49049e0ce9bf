import { describe, expect, it } from "vitest";
import { connectSwarm } from "../../src/swarm/swarm.ts";
import { never } from "./cluster.ts";
import { change, engine, json, service, type Answering } from "./stand-in.ts";

describe("what an engine's no comes to", () => {
  it.each([
    [400, "bad", "refused", /refuses: bad$/],
    [401, "who?", "refused", /does not let us in: who\?$/],
    [403, "no", "refused", /does not let us in: no$/],
    [409, "taken", "refused", /refuses: taken$/],
    [429, "slow", "rate-limited", /asked too much: slow$/],
    [
      500,
      "rpc error: code = Unknown desc = The swarm does not have a leader",
      "unavailable",
      /does not have a leader/,
    ],
    [501, "never", "refused", /refuses: never$/],
    [503, "This node is not a swarm manager.", "unavailable", /not a swarm manager/],
    [502, null, "unavailable", /fails: HTTP 502$/],
    [404, null, "refused", /refuses: HTTP 404$/],
    [500, `a\n${"long ".repeat(500)}`, "unavailable", /^.{100,400}$/],
  ])("%i %j is %s", async (status, message, code, words) => {
    const { swarm } = await engine((_, response) =>
      message === null ? void response.writeHead(status).end("<html>") : json(response, { message }, status),
    );
    const fault = { name: "Fault", code, message: expect.stringMatching(words) };
    await expect(swarm.services(never)).rejects.toMatchObject(fault);
    await expect(swarm.ready(never)).rejects.toMatchObject(fault);
  });

  it.each([
    ["text", "hello"],
    ["another JSON", '{"hello": 1}'],
    ["half of it", '[{"ID": "a"}]'],
    ["nothing", ""],
  ])("an answer that is %s is a Fault that says so", async (_, text) => {
    const { swarm } = await engine((_, response) => void response.end(text));
    const not = { code: "refused", message: expect.stringMatching(/answers, but not as Docker does/) };
    await expect(swarm.service("web", never)).rejects.toMatchObject(not);
    await expect(swarm.update(change, never)).rejects.toMatchObject(not);
  });

  it("nobody there is a Fault that may pass", async () => {
    const swarm = connectSwarm({ host: "unix:///nowhere/docker.sock" });
    const words = /^Docker at unix:\/\/\/nowhere\/docker\.sock does not answer: .*ENOENT/;
    await expect(swarm.ready(never)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(words),
    });
  });
});

describe("an engine that hangs", () => {
  it.each<[string, Answering]>([
    ["before it answers", () => {}],
    ["after the headers", (_, response) => response.flushHeaders()],
    ["amid the body", (_, response) => void response.write("[")],
    ["amid a failure", (_, response) => void response.writeHead(500).write("{")],
  ])("%s is given up at the deadline", async (_, answer) => {
    const { swarm } = await engine(answer);
    const late = { code: "unavailable", message: expect.stringMatching(/did not answer within 150 ms/) };
    await expect(swarm.services(never)).rejects.toMatchObject(late);
  });

  it("is not waited for once the signal says so, and the reason is kept", async () => {
    const { swarm } = await engine((_, response) => response.flushHeaders());
    const stop = new AbortController();
    const answer = swarm.services(stop.signal);
    setTimeout(() => stop.abort(new Error("we stop")), 20);
    await expect(answer).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/not waited for/),
      cause: new Error("we stop"),
    });
  });
});

describe("a connection that breaks", () => {
  it("is tried again once for a read", async () => {
    let broken = 0;
    const { swarm } = await engine((request, response) =>
      broken++ === 0 ? void request.socket.destroy() : json(response, [service]),
    );
    expect(await swarm.services(never)).toHaveLength(1);
    expect(broken).toBe(2);
  });

  it("is a Fault that may pass for a write, which is sent only once", async () => {
    const { asked, swarm } = await engine((request, response) =>
      request.method === "POST" ? void request.socket.destroy() : json(response, service),
    );
    await expect(swarm.update(change, never)).rejects.toMatchObject({ code: "unavailable" });
    expect(asked.filter((one) => one.startsWith("POST"))).toHaveLength(1);
  });

  it("is a Fault when it breaks again", async () => {
    const { swarm } = await engine((request) => void request.socket.destroy());
    await expect(swarm.services(never)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/does not answer/),
    });
  });
});
