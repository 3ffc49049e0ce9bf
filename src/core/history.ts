import type { Direction } from "./intent.ts";
import type { Target, ServiceState } from "./target.ts";
import { reason, type Reason } from "./reason.ts";

/** What Homeostat remembers of a target: the material of cooldowns, limits and of noticing others' changes. */
export type TargetHistory = {
  readonly target: Target;
  /** Own actions, oldest first; bounded by age and number. */
  readonly actions: readonly {
    readonly at: number;
    readonly direction: Direction;
    readonly rule: string;
    readonly intent: string;
  }[];
  /** What was last seen or written, to notice a change that was not ours. */
  readonly seen: null | { readonly replicas: number; readonly intent: string | null };
  /**
   * The image that ran before `instead` was deployed. The engine remembers one earlier spec alone, and an own scaling
   * takes its place: this is the way back that is left then.
   */
  readonly wayBack: null | { readonly image: string; readonly instead: string };
  /** Somebody else's last change that was noticed. */
  readonly noticed: null | {
    readonly at: number;
    readonly reason: Reason;
    readonly byHand: boolean;
  };
};

export const noHistory = (target: Target): TargetHistory => ({
  target,
  actions: [],
  seen: null,
  wayBack: null,
  noticed: null,
});

/** No limit looks back further than this; 30 days in milliseconds. */
const memory = 30 * 24 * 3_600_000;
const mostActions = 1000;

export function withAction(history: TargetHistory, action: TargetHistory["actions"][number]): TargetHistory {
  const recent = history.actions.filter(
    (past) => past.at > action.at - memory && past.intent !== action.intent,
  );
  return { ...history, actions: [...recent, action].slice(-mostActions) };
}

/** To be kept before an update of ours makes the engine forget the spec before the last deploy. */
export function withWayBack(history: TargetHistory, service: ServiceState): TargetHistory {
  const { previous, image } = service;
  if (previous === null || previous.sameTasks || previous.image === image) return history;
  if (history.wayBack?.instead === image) return history;
  return { ...history, wayBack: { image: previous.image, instead: image } };
}

/** The image to go back to when the engine has forgotten it; null when nobody knows one. */
export const rememberedImage = (history: TargetHistory, service: ServiceState): string | null =>
  history.wayBack?.instead === service.image ? history.wayBack.image : null;

/**
 * Nothing that is remembered lies in the future. After a clock was set back it would seem to, and a cooldown would last
 * for as long as the correction was; so it counts from when that was noticed.
 */
export function notAfter(history: TargetHistory, now: number): TargetHistory {
  const { actions, noticed } = history;
  const late = noticed !== null && noticed.at > now;
  if (!late && actions.every(({ at }) => at <= now)) return history;
  return {
    ...history,
    actions: actions.map((action) => ({ ...action, at: Math.min(action.at, now) })),
    noticed: late ? { ...noticed, at: now } : noticed,
  };
}

/** An intent that never took effect starts no cooldown and uses up no limit. */
export const withoutAction = (history: TargetHistory, intent: string): TargetHistory => ({
  ...history,
  actions: history.actions.filter((past) => past.intent !== intent),
});

/**
 * Compares what is there with what was last seen. Replicas that moved without an intent of ours were moved by
 * someone: with our label gone a deploy rewrote the spec, with it still there a person scaled.
 */
export function notice(known: TargetHistory, service: ServiceState): TargetHistory {
  const history = withWayBack(known, service);
  const { seen } = history;
  const now = { replicas: service.replicas, intent: service.intent };
  if (seen === null) return { ...history, seen: now };
  if (seen.replicas === now.replicas && seen.intent === now.intent) return history;
  const ours = now.intent !== null && now.intent !== seen.intent;
  if (ours || seen.replicas === now.replicas) return { ...history, seen: now };
  const deployed = seen.intent !== null && now.intent === null;
  const moved = `replicas went from ${seen.replicas} to ${now.replicas}, not by Homeostat`;
  return {
    ...history,
    seen: now,
    noticed: {
      at: service.updatedAt,
      byHand: !deployed,
      reason: deployed
        ? reason("ResetByDeploy", `A deploy rewrote ${service.name}: ${moved}`)
        : reason("ChangedByHand", `Somebody scaled ${service.name}: ${moved}`),
    },
  };
}
