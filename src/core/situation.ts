import type { Course } from "./episode.ts";
import type { TargetHistory } from "./history.ts";
import type { Pause } from "./pause.ts";
import type { Plan } from "./plan.ts";
import type { Rule } from "./rule.ts";
import type { ServiceState, Target } from "./target.ts";

/** What was read from the world, with the time it was read; or why it could not be. */
export type Observation<T> =
  | { readonly kind: "seen"; readonly at: number; readonly value: T }
  | { readonly kind: "failed"; readonly at: number; readonly message: string };

/** Durations that hold for every rule; milliseconds. */
export type Policy = {
  /** How long another's change is left alone. */
  readonly handsOff: number;
  /** How old an observation may be when it is acted on. */
  readonly fresh: number;
};

/** All that a decision is made of. */
export type Situation = {
  readonly now: number;
  readonly rule: Rule;
  readonly plan: Plan;
  readonly course: Course;
  readonly target: Target;
  readonly history: TargetHistory;
  readonly pauses: ReadonlyMap<string, Pause>;
  /** Null where the action changes no service. Inside, null means that the engine knows no such service. */
  readonly service: Observation<ServiceState | null> | null;
  /** When some open alert last wanted this target bigger; null when none did. */
  readonly wantedUpAt: number | null;
  readonly policy: Policy;
};

/** The observed service; throws when it was not observed, which the guards before have ruled out. */
export function observed(situation: Situation): ServiceState {
  const { service } = situation;
  if (service === null || service.kind === "failed" || service.value === null) {
    throw new TypeError("no service was observed");
  }
  return service.value;
}
