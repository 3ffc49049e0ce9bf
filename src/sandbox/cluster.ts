import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { systemClock } from "../world.ts";
import { startEngine } from "./engine/engine.ts";
import { images } from "./shop.ts";
import { bounds } from "./story.ts";

/** A service as a passer-by sees it. */
export type Sight = {
  readonly wanted: number;
  /** The image of each task that runs. */
  readonly running: readonly string[];
  /** The version that is wanted: the image's tag. */
  readonly tag: string;
};

export type Cluster = {
  /** As in DOCKER_HOST. */
  readonly host: string;
  /** Resolves once everything runs that should. */
  opened(): Promise<void>;
  see(): Promise<{ readonly web: Sight; readonly pay: Sight }>;
  /** What somebody does with `docker service update --image`. */
  deployFaulty(): Promise<void>;
  stop(): Promise<void>;
};

/** How long a container takes to start and to stop; milliseconds. */
const pace = { startsIn: 1000, stopsIn: 200 };
/** How long the engine may take to answer, and the shop to open; milliseconds. */
const deadline = 10_000;

const nanoseconds = 1_000_000;

const specOf = (name: string, image: string, labels: Readonly<Record<string, string>>) => ({
  Name: name,
  Labels: labels,
  TaskTemplate: { ContainerSpec: { Image: image } },
  Mode: { Replicated: { Replicas: 2 } },
  // New tasks start before the old ones stop, and are watched for half a second.
  UpdateConfig: { Parallelism: 2, Order: "start-first", Monitor: 500 * nanoseconds },
});

const ContainerSpec = z.looseObject({ Image: z.string() });

/** Loose: a deploy writes the whole spec back. */
const Service = z.object({
  ID: z.string(),
  Version: z.object({ Index: z.number() }),
  Spec: z.looseObject({
    Name: z.string(),
    Mode: z.looseObject({ Replicated: z.looseObject({ Replicas: z.number() }) }),
    TaskTemplate: z.looseObject({ ContainerSpec }),
  }),
});

const Task = z.object({
  ServiceID: z.string(),
  Status: z.object({ State: z.string() }),
  Spec: z.object({ ContainerSpec }),
});

/** The shop on an embedded Docker Engine with three nodes. It is looked at and deployed to over the engine's API alone. */
export async function startCluster(): Promise<Cluster> {
  const engine = await startEngine({ clock: systemClock, nodes: 3, behaviour: () => pace });
  const mayGrow = { "homeostat.min": String(bounds.min), "homeostat.max": String(bounds.max) };
  engine.createService(specOf("shop_web", images.web, mayGrow));
  const payId = engine.createService(specOf("shop_pay", images.pay, {}));
  const api = `${engine.host.replace("tcp:", "http:")}/v1.41`;

  async function ask(path: string, body?: string): Promise<unknown> {
    const response = await fetch(`${api}${path}`, {
      ...(body === undefined
        ? {}
        : { method: "POST", headers: { "content-type": "application/json" }, body }),
      signal: AbortSignal.timeout(deadline),
    });
    if (!response.ok) throw new Error(`The embedded engine refuses ${path}: ${await response.text()}`);
    return response.json();
  }

  async function see(): Promise<{ web: Sight; pay: Sight }> {
    const services = z.array(Service).parse(await ask("/services"));
    const tasks = z.array(Task).parse(await ask("/tasks"));
    const sight = (name: string): Sight => {
      const service = services.find(({ Spec }) => Spec.Name === name);
      if (service === undefined) throw new Error(`The embedded engine has no service ${name}`);
      const own = tasks.filter((task) => task.ServiceID === service.ID && task.Status.State === "running");
      return {
        wanted: service.Spec.Mode.Replicated.Replicas,
        running: own.map((task) => task.Spec.ContainerSpec.Image),
        tag: service.Spec.TaskTemplate.ContainerSpec.Image.split(":")[1] ?? "",
      };
    };
    return { web: sight("shop_web"), pay: sight("shop_pay") };
  }

  return {
    host: engine.host,
    see,
    async opened() {
      const until = Date.now() + deadline;
      for (;;) {
        const seen = Object.values(await see());
        if (seen.every(({ wanted, running }) => running.length === wanted)) return;
        if (Date.now() > until) throw new Error("The shop on the embedded engine did not open");
        await sleep(100);
      }
    },
    async deployFaulty() {
      const service = Service.parse(await ask(`/services/${payId}`));
      const spec = structuredClone(service.Spec);
      spec.TaskTemplate.ContainerSpec.Image = images.faulty;
      const path = `/services/${payId}/update?version=${service.Version.Index}`;
      await ask(path, JSON.stringify(spec));
    },
    stop: () => engine.close(),
  };
}
