import { undoId, type Intent } from "./intent.ts";
import { labelPause, pauseFor, type Pause } from "./pause.ts";
import { reason, type Reason } from "./reason.ts";
import { isRollingOut, targetId, type ServiceState } from "./target.ts";

/**
 * The intent that takes a failed scaling back, computed from the service as it is now; or why it is left as it is.
 * It waits for no cooldown, as it only restores what was, and it is no try.
 */
export function undoing(
  intent: Intent,
  service: ServiceState | null,
  pauses: ReadonlyMap<string, Pause>,
  now: number,
): { readonly kind: "undo"; readonly intent: Intent } | { readonly kind: "leave"; readonly reason: Reason } {
  const leave = (code: string, message: string) => ({
    kind: "leave" as const,
    reason: reason(code, message),
  });
  const { effect } = intent;
  if (effect.kind !== "service" || effect.set.kind !== "replicas") {
    return leave("NothingToUndo", `${intent.action} is not taken back by itself`);
  }
  const moved = service?.intent !== intent.id || service.replicas !== effect.after;
  if (moved) return leave("ChangedSince", "Somebody has moved on from it");
  if (isRollingOut(service)) return leave("RolloutInProgress", `The rollout of ${service.name} is under way`);
  const direction = intent.direction === "up" ? "down" : "up";
  const pause = pauseFor(pauses, targetId(intent.target), direction, now);
  if (pause !== undefined) return leave("Paused", `${pause.by} paused ${pause.scope}`);
  const wish = labelPause(service.labels, direction);
  if (wish !== undefined)
    return leave("Paused", `The service's label homeostat.pause is ${JSON.stringify(wish)}`);
  return {
    kind: "undo",
    intent: {
      ...intent,
      id: undoId(intent.id),
      action: "undo",
      direction,
      effect: {
        ...effect,
        set: { kind: "replicas", replicas: effect.before },
        version: service.version,
        before: effect.after,
        after: effect.before,
      },
      at: now,
      deadline: now + (intent.deadline - intent.at),
      // What it takes back was applied; this was not yet, and after a crash it must be settled and not verified.
      phase: "intended",
    },
  };
}
