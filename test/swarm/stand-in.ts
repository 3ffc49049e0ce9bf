import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, vi } from "vitest";
import { connectSwarm } from "../../src/swarm/swarm.ts";

export const id = "abcdefghijklmnopqrstuvwxy";
export const service = {
  ID: id,
  Version: { Index: 7 },
  UpdatedAt: "2026-01-15T12:00:00.123456789Z",
  Spec: {
    Name: "web",
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: "a" }, ForceUpdate: 0 },
    Mode: { Replicated: { Replicas: 2 } },
  },
  ServiceStatus: { RunningTasks: 2 },
};
export const change = {
  serviceId: id,
  version: 7,
  intent: "i",
  set: { kind: "replicas" as const, replicas: 3 },
};

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/** A server in an engine's place that does as the test says; `asked` is what it was asked. */
export const servers: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.splice(0).map((stop) => stop()));
});
export async function engine(answer: Answering, listen: string | number = 0) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url?.split("?")[0]}`);
    response.setHeader("api-version", "1.44");
    if (request.url === "/_ping") response.end("OK");
    else answer(request, response);
  });
  await once(
    typeof listen === "string" ? server.listen(listen) : server.listen(listen, "127.0.0.1"),
    "listening",
  );
  servers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const at = server.address();
  const host = at === null || typeof at === "string" ? `unix://${at}` : `tcp://127.0.0.1:${at.port}`;
  return { asked, swarm: connectSwarm({ host, deadline: 150 }) };
}

export const json = (response: ServerResponse, value: unknown, status = 200): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
