import { sight, type Effect, type Intent, type Outcome } from "../core/intent.ts";
import type { Caller, Clock, Swarm } from "../core/ports.ts";
import { Fault, type Reason } from "../core/reason.ts";

/** How long past its deadline an intent's effect is looked for while the cluster does not answer; milliseconds. */
const lookFor = 3_600_000;

/**
 * Makes an intent's effect happen, at most once, and finds out whether it did when an answer is lost. The only place
 * that changes the world.
 */
export class Actuator {
  readonly #swarm: Swarm;
  readonly #caller: Caller;
  readonly #clock: Clock;
  readonly #brake: (intent: Intent) => Reason | null;
  readonly #signal: AbortSignal;

  constructor(parts: {
    swarm: Swarm;
    caller: Caller;
    clock: Clock;
    /** Why an intent must not take effect now; asked right before each call that would make it happen. */
    brake: (intent: Intent) => Reason | null;
    signal: AbortSignal;
  }) {
    this.#swarm = parts.swarm;
    this.#caller = parts.caller;
    this.#clock = parts.clock;
    this.#brake = parts.brake;
    this.#signal = parts.signal;
  }

  async perform(intent: Intent): Promise<Outcome> {
    const { effect } = intent;
    const brake = this.#brake(intent);
    if (brake !== null) return { kind: "stale", message: brake.message };
    if (effect.kind === "webhook") return this.#call(intent, effect);
    try {
      return { kind: await this.#update(intent, effect) };
    } catch (cause) {
      if (cause instanceof Fault && cause.code === "refused")
        return { kind: "failed", message: cause.message };
      if (!(cause instanceof Fault) && this.#signal.aborted) throw cause;
      // The answer was lost, not necessarily the update; after a bug in between, that is just as unknown.
      return this.settle(intent);
    }
  }

  /**
   * Whether an intent whose outcome nobody wrote down took effect: the service's label tells. While the service still
   * stands at the intent's version the update is given again, with that version: of the two at most one can succeed.
   */
  async settle(intent: Intent): Promise<Outcome> {
    const { effect } = intent;
    if (effect.kind === "webhook")
      return { kind: "unknown", message: "The call was begun and its answer was never seen" };
    const giveUp = Math.max(intent.deadline, this.#clock.now()) + lookFor;
    for (let wait = 250; ; wait = Math.min(wait * 2, 5000)) {
      try {
        const sighting = sight(
          { id: intent.id, effect },
          await this.#swarm.service(effect.serviceId, this.#signal),
        );
        if (sighting === "applied") return { kind: "applied" };
        if (sighting === "missed") return { kind: "conflict" };
        const brake = this.#brake(intent);
        if (this.#clock.now() >= intent.deadline) {
          const why = brake === null ? "" : `: ${brake.message}`;
          return { kind: "failed", message: `It had not happened in time${why}` };
        }
        // Braked, it is not given again; but the first call may still be on its way, so it is looked for until then.
        const again = brake === null ? await this.#update(intent, effect) : "conflict";
        // A conflict may be with our own first call: look again.
        if (again !== "conflict") return { kind: again };
        await this.#clock.sleep(wait, this.#signal);
      } catch (cause) {
        if (this.#signal.aborted) throw cause;
        const message = cause instanceof Error ? cause.message : String(cause);
        if (cause instanceof Fault && cause.code === "refused") return { kind: "failed", message };
        if (this.#clock.now() >= giveUp) return { kind: "unknown", message };
        await this.#clock.sleep(wait, this.#signal);
      }
    }
  }

  #update(
    intent: Intent,
    effect: Extract<Effect, { kind: "service" }>,
  ): Promise<"applied" | "conflict" | "gone"> {
    const { serviceId, version, set } = effect;
    return this.#swarm.update({ serviceId, version, set, intent: intent.id }, this.#signal);
  }

  async #call(intent: Intent, effect: Extract<Effect, { kind: "webhook" }>): Promise<Outcome> {
    const { url, method, headers, bearerFile, body } = effect;
    try {
      const request = {
        url,
        method,
        headers: { ...headers, "idempotency-key": intent.id },
        bearerFile,
        body,
      };
      const { status } = await this.#caller.call(request, this.#signal);
      return status >= 200 && status < 300
        ? { kind: "applied" }
        : { kind: "failed", message: `It answered ${status}` };
    } catch (cause) {
      // A bug's own words are left out: they may quote a header.
      if (!(cause instanceof Fault))
        return { kind: "unknown", message: "Homeostat itself failed in the call" };
      return { kind: cause.code === "refused" ? "failed" : "unknown", message: cause.message };
    }
  }
}
