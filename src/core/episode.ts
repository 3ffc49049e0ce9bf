import type { Alert, Labels } from "./alert.ts";
import type { Reason } from "./reason.ts";

/** Where an alert came from: Alertmanager's group, which is also the unit that people are told about. */
export type Group = {
  readonly key: string;
  readonly labels: Labels;
  readonly receiver: string;
  readonly externalURL: string;
};

/**
 * One rule's way through one episode.
 *
 * waiting    decides at `nextAt`
 * verifying  an action took effect; `intent` names it and its outcome is still open
 * done       nothing more to do in this episode
 * handed-over  a person was asked; the machine does nothing more in this episode
 */
export type Course = {
  readonly rule: string;
  readonly phase: "waiting" | "verifying" | "done" | "handed-over";
  /** Tries begun, carried over from an episode that ended less than the rule's `verify.healthy` ago. */
  readonly tries: number;
  /** Which step of the try comes next. */
  readonly step: number;
  /** Epoch milliseconds; meaningful while waiting. */
  readonly nextAt: number;
  readonly intent: string | null;
  /** The hold it waits in; null when it is not held. */
  readonly hold: null | {
    readonly reason: Reason;
    /** When holding began; a change of the code alone does not start it anew. */
    readonly since: number;
    /** How often in a row with this code. */
    readonly times: number;
    /** When it was last written to the journal. */
    readonly toldAt: number;
    readonly expected: boolean;
  };
};

/** Which try a course is in, from 0: a try is counted with its first step. */
export const attemptOf = ({ step, tries }: Pick<Course, "step" | "tries">): number =>
  step === 0 ? tries : Math.max(0, tries - 1);

/** One alert's life, from its first notification until it is resolved or expires. */
export type Episode = {
  /** `<fingerprint>-<startsAt in base 36>` */
  readonly id: string;
  readonly alert: Alert;
  readonly group: Group;
  readonly openedAt: number;
  /** Grows with each episode; no two are alike, so lists are paged by it. */
  readonly serial: number;
  /** When Alertmanager last told us, or confirmed, that it still fires. */
  readonly confirmedAt: number;
  /** False until the catalog was asked, and again once it is resolved, for the rules that wait for that. */
  readonly matched: boolean;
  readonly courses: readonly Course[];
  /** The ids of the escalations that tell people of it, one for each thing that they were asked about. */
  readonly asked: readonly string[];
};

/** What is kept of a closed episode, by fingerprint, so that late duplicates and relapses are known. */
export type Past = {
  readonly fingerprint: string;
  /** The start of the last closed episode; an alert that did not start later is a duplicate, unless it expired. */
  readonly startsAt: number;
  readonly closedAt: number;
  /** Closed because nobody confirmed it, and not by its resolution: should it still fire, it goes on. */
  readonly expired: boolean;
  /** Tries by rule at its end. */
  readonly tries: Readonly<Record<string, number>>;
};

export const episodeId = (alert: Pick<Alert, "fingerprint" | "startsAt">): string =>
  `${alert.fingerprint}-${Date.parse(alert.startsAt).toString(36)}`;

/** What one alert of a notification means for what is known of its fingerprint. */
export type Arrival = "opens" | "supersedes" | "repeats" | "resolves" | "resolves-unseen" | "late";

/**
 * An episode is fingerprint + startsAt, but startsAt can move earlier while an alert fires, a resolution can be
 * lost when the alert fires again within one group_interval, and the other Alertmanager of a pair may be late.
 */
export function arrival(alert: Alert, open: Episode | undefined, past: Past | undefined): Arrival {
  const startsAt = Date.parse(alert.startsAt);
  if (open !== undefined) {
    const openStart = Date.parse(open.alert.startsAt);
    if (alert.status === "firing") return startsAt > openStart ? "supersedes" : "repeats";
    // A resolution of an earlier episode must not close this one.
    return startsAt >= openStart || Date.parse(alert.endsAt) > openStart ? "resolves" : "late";
  }
  const known = past !== undefined && startsAt <= past.startsAt;
  if (known && !(past.expired && alert.status === "firing")) return "late";
  return alert.status === "firing" ? "opens" : "resolves-unseen";
}
