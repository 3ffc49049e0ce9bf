import type { Alert, Notification } from "../core/alert.ts";
import type { CompiledRule } from "../core/catalog.ts";
import { episodeId, type Episode, type Group } from "../core/episode.ts";
import type { Question } from "../core/escalation.ts";
import { internalError, reason, type Reason } from "../core/reason.ts";
import type { Step } from "../core/step.ts";
import type { Change } from "./change.ts";
import type { Escalations } from "./escalations.ts";
import type { Records } from "./records.ts";

/** What a person is asked about an episode. */
export type Matter = {
  readonly kind: "unknown" | "rule" | "failed" | "held";
  readonly reason: Reason;
  readonly rule: CompiledRule["spec"] | null;
  readonly trail: readonly Reason[];
};

/** A question without a rule and an alert: about Homeostat itself, or about what Alertmanager does. */
const nobodys = {
  rule: null,
  channel: null,
  mention: null,
  trail: [],
  alert: null,
  episode: null,
  group: null,
};

/** When and about what people are asked: one escalation a matter, along with the change that gives rise to it. */
export class Asking {
  readonly #records: Records;
  readonly #escalations: Escalations;
  readonly #onStep: (step: Step) => void;
  /** The open escalation of each group that Alertmanager cuts. */
  readonly #truncated = new Map<string, string>();

  constructor(parts: { records: Records; escalations: Escalations; onStep: (step: Step) => void }) {
    this.#records = parts.records;
    this.#escalations = parts.escalations;
    this.#onStep = parts.onStep;
    for (const { id, kind, status, group } of this.#escalations.list()) {
      if (kind === "truncated" && status === "open" && group !== null) this.#truncated.set(group.key, id);
    }
  }

  /**
   * Asks about an episode, once for each thing: that it was held says nothing of what failed later. Where that was
   * forgotten, it was long ago; they are not asked again.
   */
  about(episode: Episode, { kind, reason, rule, trail }: Matter, now: number, change: Change): void {
    const present = this.#records.episodes.get(episode.id);
    if (present === undefined) return; // over meanwhile
    const known = present.asked.map((id) => this.#escalations.ledger.get(id));
    const name = rule?.name ?? null;
    if (known.some((one) => one === undefined || (one.kind === kind && one.rule === name))) return;
    const question = {
      kind,
      reason,
      rule: name,
      channel: rule?.escalate.channel ?? null,
      mention: rule?.escalate.mention ?? null,
      trail: trail.map(({ code, message }) => `${code}: ${message}`),
      alert: present.alert,
      episode: present.id,
      group: present.group,
    };
    const id = this.#raise(question, now, change);
    change.put(this.#records.putEpisode({ ...present, asked: [...present.asked, id] }));
  }

  /** An episode is over: whoever was asked about it is told. */
  over(episode: Episode, now: number, change: Change): void {
    for (const id of episode.asked) change.tell(this.#escalations.resolveFor(id, episode.id, now));
  }

  /** An alert that a bug keeps from being handled. */
  stumbled(alert: Alert, group: Group, cause: unknown, now: number, change: Change): void {
    const why = internalError(cause);
    this.#raise(
      { ...nobodys, kind: "failed", reason: why, alert, episode: episodeId(alert), group },
      now,
      change,
    );
  }

  /** An accepted notification that is lost: Alertmanager repeats what fires on, but not what is over. */
  lost(seq: number, now: number, change: Change): void {
    const message = `What Alertmanager sent and the journal keeps as entry ${seq} cannot be read back`;
    this.#raise({ ...nobodys, kind: "failed", reason: reason("NotificationLost", message) }, now, change);
  }

  /** A group that Alertmanager cuts, for as long as it does: what is missing cannot be known. */
  truncated({ truncatedAlerts }: Notification, group: Group, now: number, change: Change): void {
    const told = this.#truncated.get(group.key);
    if (truncatedAlerts === 0) {
      if (told === undefined) return;
      this.#truncated.delete(group.key);
      change.tell(this.#escalations.resolveFor(told, null, now));
      return;
    }
    const message = `Alertmanager left ${truncatedAlerts} alerts out of this group (max_alerts); nothing is done about those`;
    const why = reason("TruncatedAlerts", message);
    if (told === undefined) {
      this.#truncated.set(
        group.key,
        this.#raise({ ...nobodys, kind: "truncated", reason: why, group }, now, change),
      );
    }
  }

  #raise(question: Question & { readonly episode: string | null }, now: number, change: Change): string {
    const raised = this.#escalations.raise(question, now);
    change.tell(raised);
    this.#onStep({ kind: "escalated", why: question.reason.code });
    return raised.id;
  }
}
