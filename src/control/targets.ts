import type { Decision } from "../core/decide.ts";
import { notAfter, notice, type TargetHistory } from "../core/history.ts";
import type { Clock } from "../core/ports.ts";
import type { Observation } from "../core/situation.ts";
import { targetId, type ServiceState, type Target } from "../core/target.ts";
import { Change } from "./change.ts";
import type { Records } from "./records.ts";

/** For how long somebody's wish for more matters to a scale-in; milliseconds. */
const wantMatters = 60_000;

/** What is known of targets beyond the moment: what others did to them, and who lately wanted them bigger. */
export class Targets {
  readonly #records: Records;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** When an alert last wanted a target bigger, by target; in the order of these times. */
  readonly #wantedUpAt = new Map<string, number>();

  constructor(parts: { records: Records; clock: Clock; signal: AbortSignal }) {
    this.#records = parts.records;
    this.#clock = parts.clock;
    this.#signal = parts.signal;
  }

  /** What others changed since we last looked is noticed before anything is decided. */
  async notice(target: Target, service: Observation<ServiceState | null> | null): Promise<TargetHistory> {
    const known = this.#records.history(target);
    const now = this.#clock.now();
    const before = notAfter(known, now);
    const seen = service?.kind === "seen" ? service.value : null;
    // The change's time is the cluster's, whose clock may be ahead of ours.
    const after = seen === null ? before : notAfter(notice(before, seen), now);
    // Sizes seen for the first time or set by ourselves are news to nobody: they reach the disk with the next action.
    if (after.noticed !== before.noticed) await this.#write(after, now);
    else if (after !== known) this.#records.putHistory(after);
    return after;
  }

  async #write(history: TargetHistory, at: number): Promise<void> {
    const change = new Change().put(this.#records.putHistory(history));
    const { noticed, target } = history;
    if (noticed !== null) {
      const data = { ...noticed.reason, changedAt: noticed.at };
      change.append({ at, kind: "noticed", target: targetId(target), data });
    }
    await this.#records.persist(change.entries, change.puts, this.#signal);
  }

  /** Keeps in mind that a decision wanted a target bigger. */
  remember(decision: Decision, target: Target): void {
    const wantsUp = (decision.kind === "act" || decision.kind === "hold") && decision.direction === "up";
    if (!wantsUp) return;
    const now = this.#clock.now();
    // The latest last, so that what matters no more is found in front: names of targets come from alerts.
    this.#wantedUpAt.delete(targetId(target));
    this.#wantedUpAt.set(targetId(target), now);
    for (const [id, at] of this.#wantedUpAt) {
      if (Math.abs(now - at) <= wantMatters) break;
      this.#wantedUpAt.delete(id);
    }
  }

  /** When an alert last wanted it bigger; a time ahead of us is of a clock that was set back since. */
  wantedUpAt(target: Target, now: number): number | null {
    const at = this.#wantedUpAt.get(targetId(target));
    return at === undefined || at > now ? null : at;
  }
}
