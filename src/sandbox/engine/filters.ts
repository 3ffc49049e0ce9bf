import { EngineError } from "./failure.ts";
import { isWanted, nameOf, object, text, type Service, type State, type Task } from "./model.ts";
import { findService } from "./services.ts";
import { isObject } from "../../swarm/json.ts";

type Filters = ReadonlyMap<string, readonly string[]>;

/** Reads `filters` of a query, in both forms: `{"name":["a"]}` and `{"name":{"a":true}}`. */
export function readFilters(given: string | null, known: readonly string[]): Filters {
  if (given === null || given === "") return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(given);
  } catch {
    const first = JSON.stringify(given[0]).replaceAll('"', "'");
    throw new EngineError(400, `invalid character ${first} looking for beginning of value`);
  }
  const filters = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(isObject(parsed) ? parsed : {})) {
    if (!known.includes(name)) throw new EngineError(400, `Invalid filter '${name}'`);
    filters.set(name, Array.isArray(values) ? values.map(text) : Object.keys(object(values)));
  }
  return filters;
}

/** Without the filter everything passes; with several values any of them will do. */
const passes = (filters: Filters, name: string, holds: (value: string) => boolean): boolean =>
  filters.get(name)?.some(holds) ?? true;

const hasLabel =
  (labels: unknown) =>
  (wanted: string): boolean => {
    const [name = "", ...rest] = wanted.split("=");
    const value = object(labels)[name];
    return rest.length === 0 ? value !== undefined : value === rest.join("=");
  };

export const serviceFilters = ["name", "id", "label", "mode", "runtime"];

export function servicePasses(service: Service, filters: Filters): boolean {
  const global = object(service.spec["Mode"])["Global"] !== undefined;
  return (
    passes(filters, "name", (prefix) => nameOf(service).startsWith(prefix)) &&
    passes(filters, "id", (prefix) => service.id.startsWith(prefix)) &&
    passes(filters, "label", hasLabel(service.spec["Labels"])) &&
    passes(filters, "mode", (mode) => mode === (global ? "global" : "replicated"))
  );
}

export const taskFilters = [
  "name",
  "id",
  "label",
  "service",
  "node",
  "desired-state",
  "runtime",
  "_up-to-date",
];

/** Unlike others, a filter that names a service or node which is not there is an error. */
export function taskFilter(filters: Filters, state: State): (task: Task) => boolean {
  const services = filters.get("service")?.map((reference) => findService(reference, state).id);
  const nodes = filters.get("node")?.map((reference) => findNode(reference, state).id);
  for (const desired of filters.get("desired-state") ?? [])
    if (!["running", "shutdown", "accepted"].includes(desired))
      throw new EngineError(400, `Invalid filter 'desired-state=${desired}'`);
  return (task) =>
    (services?.includes(task.serviceId) ?? true) &&
    (nodes?.includes(task.node?.id ?? "") ?? true) &&
    passes(filters, "id", (prefix) => task.id.startsWith(prefix)) &&
    passes(filters, "name", (prefix) => taskName(task, state).startsWith(prefix)) &&
    passes(filters, "desired-state", (desired) => isWanted(task) === (desired !== "shutdown"));
}

export function findNode(reference: string, state: State): State["nodes"][number] {
  const node = state.nodes.find(({ id, hostname }) => id === reference || hostname === reference);
  if (node === undefined) throw new EngineError(404, `node ${reference} not found`);
  return node;
}

function taskName(task: Task, state: State): string {
  const service = state.services.get(task.serviceId);
  const slot = task.slot === 0 ? (task.node?.id ?? "") : task.slot;
  return `${service === undefined ? "" : nameOf(service)}.${slot}.${task.id}`;
}
