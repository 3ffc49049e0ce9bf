import { once } from "node:events";
import { createServer } from "node:http";
import type { Clock } from "../../core/ports.ts";
import { isObject, type Json } from "../../swarm/json.ts";
import { Events } from "./events.ts";
import {
  modeOf,
  nameOf,
  newId,
  object,
  templateOf,
  text,
  type Behaviour,
  type Node,
  type Service,
  type State,
} from "./model.ts";
import { orchestrate, reap, tasksOf } from "./orchestrate.ts";
import { rollOut } from "./rollout.ts";
import { answering, type ApiVersions } from "./routes.ts";
import { createService } from "./services.ts";
import { progress } from "./tasks.ts";

export type EngineOptions = {
  readonly clock: Clock;
  /** How many nodes; the first is the manager that answers. Default 1. */
  readonly nodes?: number;
  /** How many times faster than the clock tasks start, wait and are watched. Default 1. */
  readonly speed?: number;
  /** Asked for each new task; default: it starts within 400 ms and runs. */
  readonly behaviour?: (task: { service: string; image: string; slot: number }) => Behaviour;
  /** API versions that it speaks; default those of Engine 20.10. */
  readonly api?: ApiVersions;
};

export type Engine = {
  /** As in DOCKER_HOST: `tcp://127.0.0.1:port`. */
  readonly host: string;
  /** Takes a service spec as `POST /services/create` does; answers its id. */
  createService(spec: Json): string;
  /** How many tasks of the service are wanted and how many run; null when there is no such service. */
  service(name: string): { readonly replicas: number; readonly running: number } | null;
  close(): Promise<void>;
};

/** Steps without an end would be a bug of ours; a service with thousands of tasks takes a few. */
const mostSteps = 10_000;

/**
 * A Docker Engine with a Swarm that exists in memory alone, behind the real one's HTTP API on loopback.
 * What it does in a given situation is what Engine 20.10 was seen to do; one suite of tests runs against both.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { clock, nodes = 1, speed = 1, api = { oldest: "1.24", newest: "1.41" } } = options;
  const state: State = {
    nodes: Array.from({ length: nodes }, (_, index) => node(index)),
    services: new Map(),
    tasks: new Map(),
    startedAt: clock.now(),
    index: 10,
  };
  const events = new Events();
  const pace = 1 / speed;
  const behaving = ({ service, slot }: { service: Service; slot: number }): Behaviour => {
    const image = text(object(templateOf(service)["ContainerSpec"])["Image"]);
    return options.behaviour?.({ service: nameOf(service), image, slot }) ?? {};
  };

  /** Does everything that is due; answers when the next thing is, in epoch milliseconds. */
  function settle(): number {
    const now = clock.now();
    for (let steps = 0, index = -1; ; steps++) {
      let next = Infinity;
      for (const task of state.tasks.values()) next = Math.min(next, progress(task, state, now, pace));
      for (const service of state.services.values()) {
        const touched = (): void => events.tell("update", service, now, { ...service, update: null });
        const context = { state, now, behaving, pace, touched };
        next = Math.min(next, rollOut(service, context));
        orchestrate(service, context);
        reap(service, state);
      }
      // Settled once a whole round has written nothing.
      if (index === state.index) return next;
      if (steps > mostSteps) throw new Error("the embedded engine does not settle");
      index = state.index;
    }
  }

  let waiting = new AbortController();
  function changed(): void {
    waiting.abort();
    waiting = new AbortController();
    const next = settle();
    if (next === Infinity) return;
    // Cut short when anything changes before, or the engine closes.
    clock.sleep(Math.max(1, next - clock.now()), waiting.signal).then(changed, () => {});
  }

  const server = createServer(answering({ state, events, api, now: () => clock.now(), changed }));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (!isObject(address)) throw new Error("the embedded engine listens on no port");

  return {
    host: `tcp://127.0.0.1:${String(address["port"])}`,
    createService(spec) {
      const service = createService(spec, state, clock.now());
      events.tell("create", service, clock.now());
      changed();
      return service.id;
    },
    service(name) {
      const service = [...state.services.values()].find((one) => nameOf(one) === name);
      if (service === undefined) return null;
      const mode = modeOf(service.spec);
      const tasks = tasksOf(service, state);
      return {
        replicas: "replicas" in mode ? mode.replicas : state.nodes.length,
        running: tasks.filter((task) => task.state === "running").length,
      };
    },
    async close() {
      waiting.abort();
      events.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const node = (index: number): Node => ({
  id: newId(),
  hostname: `node${index + 1}`,
  role: index === 0 ? "manager" : "worker",
});
