import type { ServerResponse } from "node:http";
import type { Json } from "../../swarm/json.ts";
import { isObject } from "../../swarm/json.ts";
import { modeOf, nameOf, object, text, templateOf, type Service } from "./model.ts";

type Event = {
  readonly at: number;
  readonly type: string;
  readonly action: string;
  readonly line: string;
};

/** As many events as the engine keeps for those who ask for `since`. */
const kept = 256;

/** What happened to services, told to whoever listens on `/events`. */
export class Events {
  readonly #past: Event[] = [];
  readonly #listeners = new Map<ServerResponse, (event: Event) => boolean>();

  tell(action: "create" | "update" | "remove", service: Service, at: number, before?: Service): void {
    const Actor = { ID: service.id, Attributes: attributes(service, before) };
    const when = { time: Math.floor(at / 1000), timeNano: Math.round(at * 1e6) };
    const line = JSON.stringify({
      Type: "service",
      Action: action,
      Actor,
      scope: "swarm",
      ...when,
    });
    const event = { at, type: "service", action, line: `${line}\n` };
    this.#past.push(event);
    if (this.#past.length > kept) this.#past.shift();
    for (const [response, wanted] of this.#listeners) if (wanted(event)) response.write(event.line);
  }

  /** Streams until the listener goes; first the past from `since` (epoch ms), where given. */
  listen(response: ServerResponse, query: { since: number | null; filters: string | null }): void {
    const filters: Json = object(query.filters === null ? {} : JSON.parse(query.filters));
    const of = (name: string, value: string): boolean => {
      const wanted = filters[name];
      if (wanted === undefined) return true;
      return Array.isArray(wanted) ? wanted.includes(value) : isObject(wanted) && value in wanted;
    };
    const wanted = ({ type, action }: Event): boolean => of("type", type) && of("event", action);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const { since } = query;
    if (since !== null)
      for (const event of this.#past) if (event.at >= since && wanted(event)) response.write(event.line);
    this.#listeners.set(response, wanted);
    response.on("close", () => this.#listeners.delete(response));
  }

  close(): void {
    for (const response of this.#listeners.keys()) response.end();
    this.#listeners.clear();
  }
}

/** What changed, in the engine's names: `replicas.old`, `replicas.new`, `image.new`, `updatestate.new`. */
function attributes(service: Service, before: Service | undefined): Json {
  const name = nameOf(service);
  if (before === undefined) return { name };
  const changes = (what: string, old: string, now: string): Json =>
    old === now
      ? {}
      : {
          ...(old !== "" && { [`${what}.old`]: old }),
          ...(now !== "" && { [`${what}.new`]: now }),
        };
  return {
    name,
    ...changes("replicas", replicas(before), replicas(service)),
    ...changes("image", image(before), image(service)),
    ...changes("updatestate", before.update?.state ?? "", service.update?.state ?? ""),
  };
}

function replicas(service: Service): string {
  const mode = modeOf(service.spec);
  return "replicas" in mode ? String(mode.replicas) : "";
}

const image = (service: Service): string => text(object(templateOf(service)["ContainerSpec"])["Image"]);
