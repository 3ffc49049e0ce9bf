import { z } from "zod";
import type { Swarm } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";
import type { ServiceChange } from "../core/target.ts";
import { connectEngine, refusal, words, type Answer, type EngineOptions } from "./engine.ts";
import { isObject, parseExact } from "./json.ts";
import { Service, stateOf } from "./service.ts";
import { changedSpec, credentialsFrom } from "./spec.ts";
import { reachedAt, Task, taskState } from "./task.ts";

/** Milliseconds for one request; a manager cut off from its peers answers nothing at all. */
const defaultDeadline = 10_000;

/** The engine's ids. A name may look like one too. */
const idShape = /^[0-9a-z]{25}$/;

/**
 * The Swarm behind a Docker Engine API, Engine 20.10 or newer. Nothing is sent before the first call.
 * `deadline` is in milliseconds and covers one request. Throws a Fault when `host` is not understood.
 */
export function connectSwarm(
  options: Pick<EngineOptions, "host" | "tls"> & { readonly deadline?: number },
): Swarm {
  const engine = connectEngine({ deadline: defaultDeadline, ...options });

  async function get<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    query: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<z.infer<Schema>> {
    const answer = await engine.call({ method: "GET", path, query }, signal);
    if (answer.status !== 200) throw refusal(answer, engine.name);
    const read = schema.safeParse(parsed(answer, JSON.parse));
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    const where = `${path}, ${issue?.path.join(".")}: ${issue?.message}`;
    throw new Fault("refused", `${engine.name} answers, but not as Docker does (${where})`);
  }

  const list = (filters: Readonly<Record<string, readonly string[]>>, signal: AbortSignal) =>
    get(z.array(Service), "/services", { status: true, filters }, signal);

  return {
    async service(name, signal) {
      // The filters take prefixes. One request in place of two: only the list tells how many tasks run.
      if (idShape.test(name)) {
        const byId = (await list({ id: [name] }, signal)).find(({ ID }) => ID === name);
        if (byId !== undefined) return stateOf(byId);
      }
      const byName = (await list({ name: [name] }, signal)).find(({ Spec }) => Spec.Name === name);
      return byName === undefined ? null : stateOf(byName);
    },

    services: async (signal) => (await list({}, signal)).map(stateOf),

    async tasks(serviceId, signal) {
      const service = (await list({ id: [serviceId] }, signal)).find(({ ID }) => ID === serviceId);
      // Asked of a service that is not there, the engine answers with an error.
      if (service === undefined) return [];
      const query = { filters: { service: [serviceId] } };
      const tasks = await get(z.array(Task), "/tasks", query, signal);
      const template = service.Spec.TaskTemplate;
      return tasks
        .sort((one, other) => Date.parse(other.CreatedAt) - Date.parse(one.CreatedAt))
        .map((task) => taskState(task, template));
    },

    async failedTasks(since, signal) {
      const counts = new Map<string, number>();
      for (const task of await get(z.array(Task), "/tasks", {}, signal)) {
        const { State: state } = task.Status;
        if ((state !== "failed" && state !== "rejected") || reachedAt(task) < since) continue;
        counts.set(task.ServiceID, (counts.get(task.ServiceID) ?? 0) + 1);
      }
      return counts;
    },

    async update(change, signal) {
      const path = `/services/${encodeURIComponent(change.serviceId)}`;
      let read = await engine.call({ method: "GET", path }, signal);
      // A newer engine than a moment ago: what it would hide from the older version must be read too.
      if (read.newest !== null && read.newest !== read.asked)
        read = await engine.call({ method: "GET", path, version: read.newest }, signal);
      if (read.status === 404) return "gone";
      if (read.status !== 200) throw refusal(read, engine.name);
      const body = bodyFor(change, read, engine.name);
      if (body === null) return "conflict";
      const query = { version: change.version, registryAuthFrom: credentialsFrom(change.set) };
      // In the version that the spec was read in, or else not at all.
      const { asked: version } = read;
      const written = await engine.call(
        { method: "POST", path: `${path}/update`, query, body, version },
        signal,
      );
      if (written.status === 200) return "applied";
      if (written.status === 404) return "gone";
      // The engine answers 500 to this; only its words tell.
      if (words(written.text)?.includes("update out of sequence") === true) return "conflict";
      throw refusal(written, engine.name);
    },

    async ready(signal) {
      // Asks what is needed for anything else, so that a proxy need not allow more; whoever is no active manager with
      // a leader says in its refusal what it is. No id has this form: nothing is found.
      await get(z.array(z.unknown()), "/services", { filters: { id: ["-"] } }, signal);
    },
  };
}

/** The spec to write, as JSON; null when the service is no longer at the change's version. */
function bodyFor(change: ServiceChange, answer: Answer, engine: string): string | null {
  const service = parsed(answer, parseExact);
  if (!isObject(service) || !isObject(service["Version"]))
    throw new Fault("refused", `${engine} answers, but not as Docker does`);
  if (service["Version"]["Index"] !== change.version) return null;
  return JSON.stringify(changedSpec(service, change));
}

/** The answer's JSON; undefined where it is none. */
function parsed(answer: Answer, parse: (text: string) => unknown): unknown {
  try {
    return parse(answer.text);
  } catch {
    return undefined;
  }
}
