import http from "node:http";
import { text } from "node:stream/consumers";
import Dockerode from "dockerode";
import { expect } from "vitest";
import type { ServiceChange, ServiceState, TaskState } from "../../src/core/target.ts";
import { connectSwarm } from "../../src/swarm/swarm.ts";

export const never = new AbortController().signal;

/** For whatever a cluster does in its own time. */
export const soon = { timeout: 30_000, interval: 25 };

type Answered = { readonly status: number; readonly text: string };

export type Spec = Readonly<Record<string, unknown>>;

/** A cluster under test, the embedded one or a real one, seen through the port, through dockerode and as bare HTTP. */
export function visit(host: string) {
  const url = new URL(host);
  const at =
    url.protocol === "unix:" ? { socketPath: url.pathname } : { host: url.hostname, port: Number(url.port) };
  const docker = new Dockerode({ host: "", protocol: "http", ...at });
  const swarm = connectSwarm({ host });
  const made: string[] = [];

  const state = async (name: string): Promise<ServiceState> => {
    const found = await swarm.service(name, never);
    if (found === null) throw new Error(`${name} is not there`);
    return found;
  };
  const inspect = (name: string) => docker.getService(name).inspect();
  /** One request as it is; the text is exactly what came. */
  async function ask(method: string, path: string, body?: unknown): Promise<Answered> {
    const request = http.request({ ...at, method, path });
    request.setHeader("content-type", "application/json");
    request.end(typeof body === "string" ? body : JSON.stringify(body));
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    request.on("response", resolve).on("error", reject);
    const response = await promise;
    return { status: response.statusCode ?? 0, text: (await text(response)).trim() };
  }
  return {
    host,
    docker,
    inspect,
    ask,
    swarm,
    state,
    tasks: async (name: string): Promise<TaskState[]> => swarm.tasks((await state(name)).id, never),

    /** Creates a service of one idle task that comes back at once when it fails. */
    async create(name: string, spec: Spec = {}): Promise<string> {
      const { id } = await docker.createService({ ...template(name), ...spec });
      made.push(name);
      return id;
    },
    /** Removes what the last test created. */
    async clear(): Promise<void> {
      for (const name of made.splice(0))
        await docker
          .getService(name)
          .remove()
          .catch(() => {});
    },
    /** Waits until so many tasks run and no rollout is under way. */
    async settled(name: string, running: number): Promise<ServiceState> {
      const seen = async () => {
        const { running, update } = await state(name);
        return {
          running,
          rolling: update?.state === "updating" || update?.state === "rollback_started",
        };
      };
      await expect.poll(seen, soon).toEqual({ running, rolling: false });
      return state(name);
    },
    /** Changes the service from what it is now, as a decision would. */
    async change(name: string, set: ServiceChange["set"], intent = "an-intent") {
      const { id: serviceId, version } = await state(name);
      return swarm.update({ serviceId, version, intent, set }, never);
    },
    /** The tasks that are wanted, with their containers. */
    async containers(name: string): Promise<string[]> {
      const filters = JSON.stringify({ service: [name], "desired-state": ["running"] });
      const tasks: readonly Listed[] = await docker.listTasks({ filters });
      return tasks.map((task) => `${task.ID} ${task.Status?.ContainerStatus?.ContainerID}`).sort();
    },
    /** Writes a whole spec over the service's, as it is now. */
    async write(name: string, spec: Spec, query = ""): Promise<Answered> {
      const { Version } = await inspect(name);
      const path = `/services/${name}/update?version=${Version.Index}${query}`;
      return ask("POST", path, { Name: name, ...spec });
    },
  };
}

export type Visit = ReturnType<typeof visit>;

type Listed = { ID?: string; Status?: { ContainerStatus?: { ContainerID?: string } } };

/** A tenth of a second in a spec's nanoseconds. */
export const tenth = 100_000_000;

export const template = (name: string, image = "lab/idle:1", replicas = 1) => ({
  Name: name,
  TaskTemplate: {
    ContainerSpec: { Image: image },
    RestartPolicy: { Condition: "any" as const, Delay: tenth },
  },
  Mode: { Replicated: { Replicas: replicas } },
});
