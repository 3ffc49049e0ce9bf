import { join, leave, openEscalation, resolve, type Escalation, type Question } from "../core/escalation.ts";
import type { NewEntry } from "../core/journal.ts";
import type { Put, Store } from "../core/ports.ts";
import { resolvedReply } from "../core/telling.ts";
import { Ledger } from "./ledger.ts";
import type { Logger } from "./logger.ts";
import { owedPut, type Owed } from "./owed.ts";
import { aboutOf } from "./places.ts";

/** What a call changes, for the caller's commit. Memory has changed already. */
export type Raised = {
  readonly id: string;
  readonly entries: readonly NewEntry[];
  readonly puts: readonly Put[];
  /** To be called once the commit is durable. */
  readonly applied: () => void;
  /** To be called instead when it failed: takes the change back. */
  readonly abandoned: () => void;
};

const notConfigured = "Slack is not configured: set SLACK_BOT_TOKEN and HOMEOSTAT_SLACK_CHANNEL";

/**
 * What people are asked, and when it is over. Every change is returned for the caller's own commit, together with the
 * message that will tell it: neither is ever durable without the other.
 */
export class Escalations {
  readonly ledger: Ledger;
  readonly #log: Logger;
  readonly #delivers: boolean;

  /** `channel`: where to tell what names no channel. `delivers`: whether there is anybody to send it by. */
  constructor(parts: { log: Logger; channel: string | null; delivers: boolean; dryRun: boolean }) {
    this.ledger = new Ledger(parts);
    this.#log = parts.log;
    this.#delivers = parts.delivers;
  }

  /** Takes up what an earlier process left. */
  async load(store: Store): Promise<void> {
    await this.ledger.load(store);
    if (this.#delivers) this.ledger.oweUntold();
  }

  /**
   * Asks people. Alerts of one Alertmanager group share one escalation of a kind and rule as long as it is open.
   * Raising for an episode that is in it already changes nothing; neither does raising without one while it is open.
   */
  raise(question: Question & { readonly episode: string | null }, now: number): Raised {
    const known = this.ledger.open(question);
    if (known === undefined) return this.#open(question, now);
    const { episode, alert } = question;
    const members = this.ledger.members(known.id);
    if (episode === null || alert === null || members.has(episode)) return unchanged(known.id);
    const joined = join(known, alert);
    this.ledger.set(joined);
    members.add(episode);
    const owed = this.#draft(aboutOf(joined), now);
    // Ten thousand alerts may join: beyond the samples it is written again only when it is told again.
    const rewritten = owed.length > 0 || joined.samples.length > known.samples.length;
    return this.#change(joined, "joined", episode, now, {
      owed,
      puts: [...(rewritten ? [this.ledger.put(known.id)] : []), memberPut(known.id, episode, true)],
      abandoned: () => this.#takeOut(known.id, episode),
    });
  }

  #open(question: Question & { readonly episode: string | null }, now: number): Raised {
    const { alert, episode, channel, mention } = question;
    const { digest, puts } = this.ledger.places.admit(channel, mention, now);
    const empty = openEscalation(question, { id: this.ledger.ids.next(now), now, digest });
    const escalation = alert === null ? empty : join(empty, alert);
    const { id } = escalation;
    this.ledger.set(escalation);
    if (episode !== null) this.ledger.members(id).add(episode);
    return this.#change(escalation, "opened", episode, now, {
      owed: this.#draft(aboutOf(escalation), now),
      puts: [...puts, this.ledger.put(id), ...(episode === null ? [] : [memberPut(id, episode, true)])],
      abandoned: () => {
        if (episode !== null) this.#takeOut(id, episode);
        // Others may have joined meanwhile: then it stays, with them.
        if (this.ledger.members(id).size === 0) this.ledger.drop(escalation);
      },
    });
  }

  /** An episode is over: the escalation has one less. Null for the episode ends the escalation as a whole. */
  resolveFor(id: string, episode: string | null, now: number): Raised {
    const before = this.ledger.get(id);
    const members = this.ledger.members(id);
    if (before === undefined || before.status === "resolved") return unchanged(id);
    if (episode !== null && !members.has(episode)) return unchanged(id);
    const leaving = episode === null ? [...members] : [episode];
    for (const one of leaving) members.delete(one);
    const after = episode === null ? resolve(before, now) : leave(before, now);
    this.ledger.set(after);
    const resolved = after.status === "resolved";
    const about = aboutOf(after);
    // The edit before the answer: what is over is seen before it rings.
    const edit = this.#draft(about, now);
    const rings = resolved && after.digest === null && this.#delivers;
    const owed = rings ? [...edit, this.ledger.debts.reply(about, resolvedReply(after), now)] : edit;
    return this.#change(after, resolved ? "resolved" : "left", episode, now, {
      owed,
      puts: [
        ...(owed.length > 0 || resolved ? [this.ledger.put(id)] : []),
        ...leaving.map((one) => memberPut(id, one, false)),
      ],
      abandoned: () => {
        for (const one of leaving) members.add(one);
        const present = this.ledger.get(id) ?? after;
        this.ledger.set({ ...present, firing: members.size, status: "open", resolvedAt: null });
      },
    });
  }

  /** All that are remembered, newest first. */
  list(): Escalation[] {
    return [...this.ledger.all()].toReversed();
  }

  /** Forgets what was over before `then`, epoch milliseconds; what people are still owed stays. */
  forgetBefore(then: number): Put[] {
    return this.ledger.forgetBefore(then);
  }

  /** The message that will tell a change; none where one that waits will tell it too, or nobody can be told. */
  #draft(about: string, now: number): Owed[] {
    if (!this.#delivers) return [];
    const op = this.ledger.places.posted(about) === null ? "post" : "update";
    const owed = this.ledger.debts.draft(about, op, now);
    return owed === null ? [] : [owed];
  }

  #change(
    { id, title, reason }: Escalation,
    event: "opened" | "joined" | "left" | "resolved",
    episode: string | null,
    now: number,
    { owed, puts, abandoned }: { owed: readonly Owed[]; puts: readonly Put[]; abandoned: () => void },
  ): Raised {
    const of = { at: now, ...(episode === null ? {} : { episode }) };
    const untold = event === "opened" && !this.#delivers;
    const failed = { escalation: id, event: "failed", error: notConfigured };
    return {
      id,
      entries: [
        { ...of, kind: "escalation", data: { id, event, title, reason } },
        ...(untold ? [{ ...of, kind: "message" as const, data: failed }] : []),
      ],
      puts: [...puts, ...owed.map(owedPut)],
      applied: () => {
        if (untold)
          this.#log.warn(
            { escalation: id, title, reason },
            "a person must see this, and Slack is not configured",
          );
        for (const one of owed) this.ledger.debts.accept(one);
      },
      abandoned,
    };
  }

  #takeOut(id: string, episode: string): void {
    const escalation = this.ledger.get(id);
    if (escalation === undefined || !this.ledger.members(id).delete(episode)) return;
    this.ledger.set({ ...escalation, firing: escalation.firing - 1, total: escalation.total - 1 });
  }
}

const unchanged = (id: string): Raised => ({
  id,
  entries: [],
  puts: [],
  applied: () => {},
  abandoned: () => {},
});

const memberPut = (escalation: string, episode: string, present: boolean): Put => ({
  key: `member/${escalation}/${episode}`,
  value: present ? { escalation, episode } : null,
});
