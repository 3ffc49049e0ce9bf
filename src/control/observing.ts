import type { Episode } from "../core/episode.ts";
import type { AlertSource, Clock, Metrics, Swarm } from "../core/ports.ts";
import { evidenceOf } from "../core/evidence.ts";
import { ExpressionError } from "../core/expression.ts";
import { Fault, reason, type Reason } from "../core/reason.ts";
import type { Observation } from "../core/situation.ts";
import type { ServiceState, TaskState } from "../core/target.ts";

/** What the alert's own source says of it now. Anything but `fires` holds. */
export type Confirmation =
  | { readonly kind: "fires" }
  | { readonly kind: "hold"; readonly reason: Reason; readonly expected: boolean };

/** How long a question to a person waits for what may be added to it; milliseconds. */
const evidenceWithin = 3000;
/** A notification counts as confirmation for this long; milliseconds. */
const confirmedFor = 60_000;

/** Reads the world. A fault is an answer here: what cannot be read is unknown, and the core holds on that. */
export class Observer {
  readonly #swarm: Swarm;
  readonly #metrics: Metrics | null;
  readonly #alerts: AlertSource | null;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(parts: {
    swarm: Swarm;
    metrics: Metrics | null;
    alerts: AlertSource | null;
    clock: Clock;
    signal: AbortSignal;
  }) {
    this.#swarm = parts.swarm;
    this.#metrics = parts.metrics;
    this.#alerts = parts.alerts;
    this.#clock = parts.clock;
    this.#signal = parts.signal;
  }

  service(name: string): Promise<Observation<ServiceState | null>> {
    return this.#observe(() => this.#swarm.service(name, this.#signal));
  }

  /** A service by id, with its tasks where an intent is still the last to have written it; the state is null when it is gone. */
  progress(
    serviceId: string,
    intent: string,
  ): Promise<Observation<{ state: ServiceState | null; tasks: TaskState[] }>> {
    return this.#observe(async () => {
      const state = await this.#swarm.service(serviceId, this.#signal);
      // Of a burst only the last intent has tasks to look at: the others cost the engine one question each.
      const tasks = state?.intent === intent ? await this.#swarm.tasks(state.id, this.#signal) : [];
      return { state, tasks };
    });
  }

  /** What is known of the service that an alert names, for the person who is asked about it. */
  async evidence(service: string | undefined): Promise<readonly Reason[]> {
    if (service === undefined || service === "") return [];
    const enough = new AbortController();
    const signal = AbortSignal.any([this.#signal, enough.signal]);
    const late = this.#clock
      .sleep(evidenceWithin, signal)
      .catch(() => {})
      .then(() => ({ kind: "failed" as const, message: "The cluster did not answer in time" }));
    const read = this.#observe(async () => {
      const state = await this.#swarm.service(service, signal);
      return state === null ? [] : evidenceOf(state, await this.#swarm.tasks(state.id, signal));
    });
    const found = await Promise.race([read, late]);
    enough.abort(new Error("The question to a person waits no longer"));
    return found.kind === "seen" ? found.value : [reason("ObservationFailed", found.message)];
  }

  /** A PromQL condition holds as in an alert rule: it returns something, and that is a number. Null without a query. */
  async condition(query: () => string | null): Promise<Observation<boolean> | null> {
    const metrics = this.#metrics;
    try {
      const promql = query();
      if (promql === null) return null;
      return await this.#observe(async () => {
        if (metrics === null) throw new Fault("refused", "verify.query needs HOMEOSTAT_PROMETHEUS_URL");
        const samples = await metrics.query(promql, this.#signal);
        return samples.some((sample) => !Number.isNaN(sample.value));
      });
    } catch (cause) {
      if (!(cause instanceof ExpressionError)) throw cause;
      return { kind: "failed", at: this.#clock.now(), message: cause.message };
    }
  }

  async confirmation(episode: Episode): Promise<Confirmation> {
    if (episode.alert.status === "resolved") return { kind: "fires" };
    const age = this.#clock.now() - episode.confirmedAt;
    if (age >= 0 && age < confirmedFor) return { kind: "fires" };
    if (this.#alerts === null) {
      const message =
        "It was last reported too long ago, and without HOMEOSTAT_ALERTMANAGER_URL nobody can be asked whether it still fires";
      return { kind: "hold", reason: reason("AlertUnconfirmed", message), expected: false };
    }
    const alerts = this.#alerts;
    const state = await this.#observe(() => alerts.state(episode.alert, this.#signal));
    if (state.kind === "failed")
      return { kind: "hold", reason: reason("AlertUnconfirmed", state.message), expected: false };
    switch (state.value) {
      case "firing":
        return { kind: "fires" };
      case "suppressed":
        return {
          kind: "hold",
          reason: reason("AlertSilenced", "A silence or an inhibition covers it in Alertmanager"),
          expected: true,
        };
      case "absent":
        return {
          kind: "hold",
          reason: reason("AlertNotFiring", "Alertmanager no longer knows it as firing"),
          expected: true,
        };
      default:
        return state.value satisfies never;
    }
  }

  async #observe<T>(read: () => Promise<T>): Promise<Observation<T>> {
    try {
      // The time before the call: what comes back is at least as new.
      const at = this.#clock.now();
      return { kind: "seen", at, value: await read() };
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      return { kind: "failed", at: this.#clock.now(), message: cause.message };
    }
  }
}
