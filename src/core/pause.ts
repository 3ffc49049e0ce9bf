import type { Direction } from "./intent.ts";

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
