import type { Hold } from "./decide.ts";
import type { Course } from "./episode.ts";

/** A hold is written to the journal when its code changes, and again after this long; milliseconds. */
const remindAfter = 15 * 60_000;
/** How long Alertmanager must have denied an alert before its episode is closed; milliseconds. */
const deniedFor = 5 * 60_000;

export type Held = {
  readonly hold: NonNullable<Course["hold"]>;
  /** When to look again; epoch milliseconds. */
  readonly nextAt: number;
  /** Whether the journal is to hear of it, so that a long hold fills no disk. */
  readonly told: boolean;
  /** `ask`: it lasts and nobody expects it. `close`: Alertmanager has denied the alert for long. */
  readonly next: "wait" | "ask" | "close";
};

const isDenied = ({ reason }: Pick<Hold, "reason">): boolean => reason.code === "AlertNotFiring";

/**
 * What becomes of a course that is held, given how it was held before. Looks again when the hold says so, else after
 * 2 s that double up to a minute; and in any case when a person is to be told.
 */
export function holding(before: Course["hold"], hold: Hold, now: number, patience: number): Held {
  const { reason, expected } = hold;
  const same = before?.reason.code === reason.code;
  const goesOn = before?.expected === expected && isDenied(before) === isDenied(hold);
  // A clock that was set back must not make a hold seem younger than it is by as much.
  const since = goesOn ? Math.min(before.since, now) : now;
  const times = same ? before.times + 1 : 0;
  const recent = same && Math.abs(now - before.toldAt) < remindAfter;
  const due = hold.until ?? now + Math.min(60_000, 2000 * 2 ** Math.min(times, 5));
  const lasts = !expected && now - since >= patience;
  const tellAt = expected || lasts ? Infinity : since + patience;
  return {
    hold: { reason, since, times, toldAt: recent ? before.toldAt : now, expected },
    nextAt: Math.max(Math.min(due, tellAt), now + 100),
    told: !recent,
    next: isDenied(hold) && now - since >= deniedFor ? "close" : lasts ? "ask" : "wait",
  };
}
