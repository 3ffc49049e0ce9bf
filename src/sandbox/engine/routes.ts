import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { parseExact } from "../../swarm/json.ts";
import type { Events } from "./events.ts";
import { EngineError } from "./failure.ts";
import { findNode, readFilters, serviceFilters, servicePasses, taskFilter, taskFilters } from "./filters.ts";
import type { Service, State } from "./model.ts";
import { createService, findService, removeService, updateService } from "./services.ts";
import {
  countsShape,
  engineVersion,
  infoShape,
  nodeShape,
  serviceShape,
  swarmShape,
  taskShape,
  versionShape,
} from "./shapes.ts";

export type ApiVersions = { readonly oldest: string; readonly newest: string };

export type Context = {
  readonly state: State;
  readonly events: Events;
  readonly api: ApiVersions;
  readonly now: () => number;
  /** To be called after every change, so that what follows from it begins. */
  readonly changed: () => void;
};

type Asked = {
  readonly query: URLSearchParams;
  /** The parts of the path that the route leaves open. */
  readonly parts: readonly string[];
  readonly body: unknown;
};

type Answer = { readonly status: number; readonly json?: unknown; readonly text?: string };

const ok = (json: unknown): Answer => ({ status: 200, json });

/** Every route but the stream of events. The first that fits answers. */
const routes: readonly (readonly [string, RegExp, (asked: Asked, context: Context) => Answer])[] = [
  ["HEAD", /^\/_ping$/, () => ({ status: 200, text: "" })],
  ["GET", /^\/_ping$/, () => ({ status: 200, text: "OK" })],
  ["GET", /^\/version$/, (_, { api }) => ok(versionShape(api))],
  ["GET", /^\/info$/, (_, { state }) => ok(infoShape(state))],
  ["GET", /^\/swarm$/, (_, { state }) => ok(swarmShape(state))],
  ["GET", /^\/nodes$/, (_, { state }) => ok(state.nodes.map((node) => nodeShape(node, state)))],
  [
    "GET",
    /^\/nodes\/([^/]+)$/,
    ({ parts: [id = ""] }, { state }) => ok(nodeShape(findNode(id, state), state)),
  ],
  ["GET", /^\/services$/, listServices],
  ["POST", /^\/services\/create$/, create],
  [
    "GET",
    /^\/services\/([^/]+)$/,
    ({ parts: [id = ""] }, { state }) => ok(serviceShape(findService(id, state))),
  ],
  ["POST", /^\/services\/([^/]+)\/update$/, update],
  ["DELETE", /^\/services\/([^/]+)$/, remove],
  ["GET", /^\/tasks$/, listTasks],
  ["GET", /^\/tasks\/([^/]+)$/, inspectTask],
];

function listServices({ query }: Asked, { state }: Context): Answer {
  const filters = readFilters(query.get("filters"), serviceFilters);
  const status = ["1", "true"].includes(query.get("status") ?? "");
  const found = [...state.services.values()].filter((service) => servicePasses(service, filters));
  const shape = (one: Service) => ({
    ...serviceShape(one),
    ...(status && countsShape(one, state)),
  });
  return ok(found.map(shape));
}

function create({ body }: Asked, { state, events, now, changed }: Context): Answer {
  const service = createService(body, state, now());
  events.tell("create", service, now());
  changed();
  return { status: 201, json: { ID: service.id } };
}

function update({ parts: [id = ""], query, body }: Asked, context: Context): Answer {
  const { state, events, now, changed } = context;
  const asked = (name: string): string => query.get(name) ?? "";
  const wishes = {
    version: asked("version"),
    rollback: asked("rollback"),
    registryAuthFrom: asked("registryAuthFrom"),
  };
  const { service, before } = updateService(id, body, wishes, state, now());
  events.tell("update", service, now(), before);
  changed();
  return ok({ Warnings: null });
}

function remove({ parts: [id = ""] }: Asked, { state, events, now, changed }: Context): Answer {
  events.tell("remove", removeService(id, state), now());
  changed();
  return { status: 200, text: "" };
}

function listTasks({ query }: Asked, { state }: Context): Answer {
  const wanted = taskFilter(readFilters(query.get("filters"), taskFilters), state);
  return ok([...state.tasks.values()].filter(wanted).map(taskShape));
}

function inspectTask({ parts: [id = ""] }: Asked, { state }: Context): Answer {
  const task = state.tasks.get(id);
  if (task === undefined) throw new EngineError(404, `task ${id} not found`);
  return ok(taskShape(task));
}

/** The engine's HTTP API: every path with and without `/v1.…` before it. */
export function answering(context: Context): RequestListener {
  return (request, response) => {
    void answer(request, response, context).catch((error: unknown) => {
      const status = error instanceof EngineError ? error.status : 500;
      const message = error instanceof Error ? error.message : String(error);
      send(response, { status, json: { message } }, context);
    });
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const url = new URL(request.url ?? "/", "http://engine");
  const [, version, path = ""] = /^(?:\/v(\d+\.\d+))?(\/.*)$/.exec(url.pathname) ?? [];
  if (version !== undefined) checkVersion(version, context.api);
  const query = url.searchParams;
  const body = await readBody(request);
  if (request.method === "GET" && path === "/events") {
    const since = query.get("since");
    const from = since === null ? null : Number(since) * 1000;
    context.events.listen(response, { since: from, filters: query.get("filters") });
    return;
  }
  for (const [method, shape, handle] of routes) {
    const match = method === request.method ? shape.exec(path) : null;
    if (match === null) continue;
    const parts = match.slice(1).map(decodeURIComponent);
    return send(response, handle({ query, parts, body }, context), context);
  }
  throw new EngineError(404, "page not found");
}

function checkVersion(version: string, { oldest, newest }: ApiVersions): void {
  const minor = (text: string): number => Number(text.split(".")[1]);
  const said = `client version ${version} is too`;
  if (minor(version) > minor(newest))
    throw new EngineError(400, `${said} new. Maximum supported API version is ${newest}`);
  if (minor(version) < minor(oldest)) {
    const advice = "please upgrade your client to a newer version";
    throw new EngineError(400, `${said} old. Minimum supported API version is ${oldest}, ${advice}`);
  }
}

/** Bytes; more than any spec. */
const largestBody = 16 * 1024 * 1024;

/** The body as exact JSON; undefined where there is none. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > largestBody) throw new EngineError(400, "http: request body too large");
    chunks.push(bytes);
  }
  if (size === 0) return undefined;
  try {
    return parseExact(Buffer.concat(chunks).toString());
  } catch {
    throw new EngineError(400, "unexpected EOF");
  }
}

function send(response: ServerResponse, { status, json, text }: Answer, { api }: Context): void {
  const type = json === undefined ? "text/plain; charset=utf-8" : "application/json";
  response.writeHead(status, {
    "api-version": api.newest,
    "docker-experimental": "false",
    ostype: "linux",
    server: `Docker/${engineVersion} (linux)`,
    "content-type": type,
  });
  response.end(json === undefined ? text : `${JSON.stringify(json)}\n`);
}
