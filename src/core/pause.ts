import type { Direction, Intent } from "./intent.ts";
import { reason, type Reason } from "./reason.ts";
import { targetId } from "./target.ts";

/** A person's brake. `scope`: everything, one direction, or one target's id (target.ts). */
export type Pause = {
  readonly scope: string;
  readonly by: string;
  readonly reason: string;
  readonly at: number;
  /** Epoch milliseconds; null holds until resumed. */
  readonly until: number | null;
};

/** The pause that covers an action, if one does; `all` outranks a direction, a direction a target. */
export function pauseFor(
  pauses: ReadonlyMap<string, Pause>,
  target: string,
  direction: Direction,
  now: number,
): Pause | undefined {
  return ["all", direction, target]
    .map((scope) => pauses.get(scope))
    .find((pause) => pause !== undefined && (pause.until === null || pause.until > now));
}

/** The service label `homeostat.pause` where it covers an action; any other word than a direction covers all. */
export function labelPause(
  labels: Readonly<Record<string, string>>,
  direction: Direction,
): string | undefined {
  const wish = Object.hasOwn(labels, "homeostat.pause") ? labels["homeostat.pause"] : undefined;
  if (wish === undefined || wish === "") return undefined;
  return wish === "all" || wish === direction || !["up", "down"].includes(wish) ? wish : undefined;
}

/**
 * Why an intent that is written down must not take effect now; null while nothing speaks against it. Between a decision
 * and its effect a person may have paused, the alert may have ended, or a new process may run dry.
 * @param wanted whether its alert and its rule still ask for it.
 */
export function brakeOn(
  intent: Pick<Intent, "target" | "direction">,
  world: { dryRun: boolean; wanted: boolean; pauses: ReadonlyMap<string, Pause>; now: number },
): Reason | null {
  if (world.dryRun) return reason("DryRun", "This is a dry run, which changes nothing");
  const pause = pauseFor(world.pauses, targetId(intent.target), intent.direction, world.now);
  if (pause !== undefined) return reason("Paused", `${pause.by} paused ${pause.scope}`);
  return world.wanted ? null : reason("NoLongerWanted", "Its alert is over, or its rule is gone");
}
