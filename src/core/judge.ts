import { formatAge, formatDuration } from "./duration.ts";
import { undoId, type Intent } from "./intent.ts";
import { reason, type Reason } from "./reason.ts";
import type { Observation } from "./situation.ts";
import type { ServiceState, TaskState } from "./target.ts";

/** How an applied action stands. Only `pending` is looked at again. */
export type Judgement =
  | { readonly kind: "pending"; readonly progress: string }
  | { readonly kind: "verified"; readonly reason: Reason }
  /** `undoable`: known to be bad, not merely unknown; only then may it be taken back by itself. */
  | { readonly kind: "failed"; readonly reason: Reason; readonly undoable: boolean }
  /** Somebody else, or a later action of ours, has moved on: neither success nor failure. */
  | { readonly kind: "superseded"; readonly reason: Reason };

export type Evidence = {
  readonly now: number;
  readonly service: Observation<{
    readonly state: ServiceState | null;
    readonly tasks: readonly TaskState[];
  }>;
  /** Null without a `verify.query`: whether its condition holds. */
  readonly condition: Observation<boolean> | null;
};

/** Did the action help? Pure: the intent, and what was just observed. */
export function judge(intent: Intent, evidence: Evidence): Judgement {
  const late = evidence.now >= intent.deadline;
  const { service, condition } = evidence;
  if (service.kind === "failed") {
    return late ? failed("VerificationUnknown", service.message, false) : pending(service.message);
  }
  const { state, tasks } = service.value;
  if (state === null) return superseded("ServiceGone", "The service was removed");
  // After a crash between taking it back and writing that down.
  if (state.intent === undoId(intent.id))
    return failed("TakenBack", "It did not help and was taken back", false);
  if (state.intent !== intent.id)
    return superseded("ChangedSince", `A later change came: ${state.intent ?? "not by Homeostat"}`);
  if (
    intent.effect.kind === "service" &&
    intent.effect.set.kind === "replicas" &&
    state.replicas !== intent.effect.after
  ) {
    return superseded("ChangedSince", `It was scaled to ${state.replicas} meanwhile, not by Homeostat`);
  }
  if (state.update?.state === "paused" || state.update?.state.startsWith("rollback")) {
    return failed(
      "RolloutFailed",
      `The engine's rollout is ${state.update.state}: ${state.update.message}`,
      false,
    );
  }
  const running = tasks.filter(
    (task) => task.current && task.desired === "running" && task.state === "running",
  ).length;
  const counts = `${running} of ${state.replicas} run`;
  // A global service's size is what the scheduler wants of it.
  const wanted =
    state.mode === "global" ? tasks.filter((task) => task.desired === "running").length : state.replicas;
  const converged = running === wanted && state.update?.state !== "updating";
  if (!converged)
    return late
      ? failed("NotConverged", `${counts} after ${within(intent)}${why(tasks)}`, true)
      : pending(counts);
  if (condition === null)
    return verified(`${counts}, ${formatAge(evidence.now - intent.at)} after the action`);
  if (condition.kind === "failed")
    return late ? failed("VerificationUnknown", condition.message, false) : pending(condition.message);
  if (condition.value) return verified(`${counts} and the condition holds`);
  return late
    ? failed("ConditionNotMet", `The condition did not hold within ${within(intent)}`, true)
    : pending(`${counts}; the condition does not hold yet`);
}

const pending = (progress: string): Judgement => ({ kind: "pending", progress });
const verified = (message: string): Judgement => ({
  kind: "verified",
  reason: reason("Verified", message),
});
const failed = (code: string, message: string, undoable: boolean): Judgement => ({
  kind: "failed",
  reason: reason(code, message),
  undoable,
});
const superseded = (code: string, message: string): Judgement => ({
  kind: "superseded",
  reason: reason(code, message),
});

const within = (intent: Intent): string => formatDuration(intent.deadline - intent.at);

function why(tasks: readonly TaskState[]): string {
  const error = tasks.find((task) => task.error !== "")?.error;
  return error === undefined ? "" : `; the engine says: ${error}`;
}
