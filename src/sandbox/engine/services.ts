import type { Json } from "../../swarm/json.ts";
import { isObject } from "../../swarm/json.ts";
import { EngineError, rpcError } from "./failure.ts";
import { modeOf, nameOf, newId, object, text, type Service, type State } from "./model.ts";
import { abandon } from "./rollout.ts";

/** By id, name or a part of an id that only one has: as the engine looks them up. */
export function findService(reference: string, state: State): Service {
  const all = [...state.services.values()];
  const exact = state.services.get(reference) ?? all.find((one) => nameOf(one) === reference);
  const [first, second] = all.filter(({ id }) => id.startsWith(reference));
  if (exact !== undefined) return exact;
  if (first === undefined) throw new EngineError(404, `service ${reference} not found`);
  if (second !== undefined) throw new EngineError(400, `service ${reference} is ambiguous (2 matches found)`);
  return first;
}

export function createService(given: unknown, state: State, now: number): Service {
  const id = newId();
  const spec = validated(isObject(given) ? { Name: id, ...given } : {});
  const name = text(spec["Name"]);
  const taken = [...state.services.values()].some((one) => nameOf(one) === name);
  if (taken) {
    const what = `name conflicts with an existing object: service ${name} already exists`;
    throw rpcError(409, "AlreadyExists", what);
  }
  const version = ++state.index;
  const none = { previousSpec: null, update: null, rollout: null };
  const service: Service = {
    id,
    createdAt: now,
    updatedAt: now,
    version,
    spec,
    ...none,
    dormant: new Set(),
  };
  state.services.set(id, service);
  return service;
}

export type UpdateQuery = {
  readonly version: string;
  readonly rollback: string;
  readonly registryAuthFrom: string;
};

/** Checks in the engine's order, for a request with two faults must fail for the same one. */
export function updateService(
  reference: string,
  given: unknown,
  query: UpdateQuery,
  state: State,
  now: number,
): { readonly service: Service; readonly before: Service } {
  if (!/^\d+$/.test(query.version)) {
    const why = `strconv.ParseUint: parsing ${JSON.stringify(query.version)}: invalid syntax`;
    throw new EngineError(400, `invalid service version '${query.version}': ${why}`);
  }
  const service = findService(reference, state);
  if (query.registryAuthFrom === "previous-spec" && service.previousSpec === null)
    throw new EngineError(500, "service does not have a previous spec");
  const spec = validated(isObject(given) ? given : {});
  if (modeOf(spec).kind !== modeOf(service.spec).kind)
    throw rpcError(501, "Unimplemented", "service mode change is not allowed");
  if (spec["Name"] !== service.spec["Name"])
    throw rpcError(501, "Unimplemented", "renaming services is not supported");
  const back = query.rollback === "previous";
  if (back && service.previousSpec === null) {
    const what = `service ${service.id} does not have a previous spec`;
    throw rpcError(400, "FailedPrecondition", what);
  }
  if (Number(query.version) !== service.version) throw rpcError(500, "Unknown", "update out of sequence");

  const before = { ...service };
  const next = back ? service.previousSpec : spec;
  service.previousSpec = service.spec;
  service.spec = next ?? spec;
  const message = "manually requested rollback";
  service.update = back ? { state: "rollback_started", startedAt: now, completedAt: null, message } : null;
  abandon(service, now);
  service.dormant.clear();
  service.version = ++state.index;
  service.updatedAt = now;
  return { service, before };
}

export function removeService(reference: string, state: State): Service {
  const service = findService(reference, state);
  state.services.delete(service.id);
  for (const task of state.tasks.values()) if (task.serviceId === service.id) state.tasks.delete(task.id);
  return service;
}

/** Names of DNS, with underscores between. */
const nameShape = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;

/** The spec with what the engine fills in; unlike the real one it keeps fields that it does not know. */
function validated(spec: Json): Json {
  const template = object(spec["TaskTemplate"]);
  if (!isObject(template["ContainerSpec"])) throw new EngineError(400, "mismatched Runtime and *Spec fields");
  if (text(template["ContainerSpec"]["Image"]) === "")
    throw rpcError(400, "InvalidArgument", "ContainerSpec: image reference must be provided");
  if (!nameShape.test(text(spec["Name"])))
    throw rpcError(400, "InvalidArgument", "name must be valid as a DNS name component");
  const mode = object(spec["Mode"]);
  const replicated = { Replicated: { Replicas: 1, ...object(mode["Replicated"]) } };
  return {
    ...spec,
    // Keys in order, as Go writes its maps.
    Labels: Object.fromEntries(
      Object.entries(object(spec["Labels"])).sort(([one], [other]) => (one < other ? -1 : 1)),
    ),
    TaskTemplate: { ForceUpdate: 0, Runtime: "container", ...template },
    Mode: modeOf(spec).kind === "replicated" ? { ...mode, ...replicated } : mode,
  };
}
