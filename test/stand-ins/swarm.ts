import type { Clock, Swarm } from "../../src/core/ports.ts";
import { Fault } from "../../src/core/reason.ts";
import type { ServiceChange, ServiceState, TaskState } from "../../src/core/target.ts";

type Deed = ServiceChange & { readonly name: string };

/**
 * A Swarm in memory behind the port, for tests in virtual time: versions that conflict, intents that stick, tasks that
 * run at once or after `startsAfter` ms. It records what it was asked to change and fails on demand.
 */
export class FakeSwarm implements Swarm {
  readonly changes: Deed[] = [];
  /** How long a new task takes to run; milliseconds, Infinity for never. */
  startsAfter = 0;
  readonly #services = new Map<string, ServiceState>();
  /** Tasks that an update left running, by service. */
  readonly #kept = new Map<string, number>();
  readonly #clock: Pick<Clock, "now">;
  #version = 100;
  #failures: { count: number; after: boolean } = { count: 0, after: false };

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Creates or changes a service as a person would, without an intent of ours. */
  set(name: string, patch: Partial<ServiceState> = {}): void {
    const before = this.#services.get(name);
    this.#write(name, {
      id: `id-${name}`,
      name,
      mode: "replicated",
      replicas: 2,
      image: "web:1",
      labels: { "homeostat.min": "2", "homeostat.max": "12" },
      intent: null,
      update: null,
      ...before,
      ...patch,
    });
  }

  remove(name: string): void {
    this.#services.delete(name);
  }

  /** The next calls fail; with `after`, only once they have had their effect: the answer is lost. */
  failNext(count: number, { after = false } = {}): void {
    this.#failures = { count, after };
  }

  peek(name: string): ServiceState {
    const found = this.#services.get(name);
    if (found === undefined) throw new RangeError(`no service ${name}`);
    return found;
  }

  #write(
    name: string,
    next: Omit<ServiceState, "version" | "running" | "updatedAt" | "previous"> & Partial<ServiceState>,
  ): void {
    const before = this.#services.get(name);
    const previous =
      before === undefined
        ? null
        : {
            intent: before.intent,
            replicas: before.replicas,
            image: before.image,
            sameTasks: before.image === next.image,
          };
    this.#version += 1;
    this.#services.set(name, {
      previous,
      ...next,
      running: 0,
      version: this.#version,
      updatedAt: this.#clock.now(),
    });
  }

  #started(service: ServiceState): boolean {
    return this.#clock.now() - service.updatedAt >= this.startsAfter;
  }

  #view(service: ServiceState): ServiceState {
    const kept = Math.min(this.#kept.get(service.name) ?? 0, service.replicas);
    return { ...service, running: this.#started(service) ? service.replicas : kept };
  }

  #fail(after: boolean): void {
    if (this.#failures.count === 0 || this.#failures.after !== after) return;
    this.#failures.count -= 1;
    throw new Fault("unavailable", "the cluster did not answer");
  }

  async service(name: string): Promise<ServiceState | null> {
    this.#fail(false);
    const found = [...this.#services.values()].find(
      (service) => service.name === name || service.id === name,
    );
    return found === undefined ? null : this.#view(found);
  }

  async services(): Promise<ServiceState[]> {
    this.#fail(false);
    return [...this.#services.values()].map((service) => this.#view(service));
  }

  async tasks(serviceId: string): Promise<TaskState[]> {
    this.#fail(false);
    const service = [...this.#services.values()].find(({ id }) => id === serviceId);
    if (service === undefined) return [];
    const { running } = this.#view(service);
    return Array.from({ length: service.replicas }, (_, index) => ({
      id: `${serviceId}-${index}`,
      slot: index + 1,
      node: "node1",
      state: index < running ? "running" : "starting",
      desired: "running",
      error: "",
      exitCode: null,
      at: service.updatedAt,
      current: true,
    }));
  }

  async failedTasks(): Promise<ReadonlyMap<string, number>> {
    this.#fail(false);
    return new Map();
  }

  async update(change: ServiceChange): Promise<"applied" | "conflict" | "gone"> {
    this.#fail(false);
    const service = [...this.#services.values()].find(({ id }) => id === change.serviceId);
    if (service === undefined) return "gone";
    if (service.version !== change.version) return "conflict";
    const { set, intent } = change;
    const before = this.#view(service).running;
    const { previous: _previous, ...rest } = service;
    const image =
      set.kind === "image"
        ? set.image
        : set.kind === "previous-spec"
          ? (service.previous?.image ?? "")
          : service.image;
    this.#write(service.name, {
      ...rest,
      image,
      intent,
      replicas: set.kind === "replicas" ? set.replicas : service.replicas,
    });
    // Only a change of size leaves the tasks that run alone.
    this.#kept.set(service.name, set.kind === "replicas" ? before : 0);
    this.changes.push({ ...change, name: service.name });
    this.#fail(true);
    return "applied";
  }

  async ready(): Promise<void> {
    this.#fail(false);
  }
}
