import type { Escalation } from "../core/escalation.ts";
import type { Message } from "../core/message.ts";
import type { Posted, Put, Store } from "../core/ports.ts";
import { digestMessage, escalationMessage } from "../core/telling.ts";
import { OrderedIds } from "./ids.ts";
import { Debts, type Owed } from "./owed.ts";
import { aboutOf, Places, type Digest } from "./places.ts";

const page = 1000;

/**
 * All escalations in memory, with a copy in the store. Keys, each with one writer at a time so that commits that end in
 * another order do no harm: `escalation/<id>` what it says; `member/<id>/<episode>` an open episode in it;
 * `posted/<about>` where its message is; `digest/<id>`; `outbox/<id>` what is still to be sent.
 */
export class Ledger {
  readonly debts = new Debts();
  readonly places: Places;
  readonly ids = new OrderedIds();
  readonly #escalations = new Map<string, Escalation>();
  readonly #members = new Map<string, Set<string>>();
  /** The open escalation of one group, kind and rule. */
  readonly #openBy = new Map<string, string>();
  readonly #dryRun: boolean;

  /** `channel`: where to tell what names no channel. */
  constructor(parts: { channel: string | null; dryRun: boolean }) {
    this.places = new Places(parts.channel);
    this.#dryRun = parts.dryRun;
  }

  /** Takes up what an earlier process left; the store holds what was written here. */
  async load(store: Store): Promise<void> {
    const { places } = this;
    await each(store, "posted/", (value) =>
      places.rememberPosted(value as { about: string; posted: Posted }),
    );
    await each(store, "member/", (value) => {
      const { escalation, episode } = value as { escalation: string; episode: string };
      this.members(escalation).add(episode);
    });
    await each(store, "digest/", (value) => places.rememberDigest(value as Digest));
    await each(store, "escalation/", (value) => this.#takeUp(value as Escalation));
    await each(store, "outbox/", (value) => this.debts.accept(value as Owed));
  }

  #takeUp(written: Escalation): void {
    const members = this.members(written.id).size;
    // Joining is not always written to the escalation itself: the members count.
    const open = { firing: members, total: Math.max(written.total, members) };
    const posted = this.places.posted(`escalation/${written.id}`);
    const escalation: Escalation = {
      ...written,
      ...(written.status === "open" ? open : {}),
      posted,
    };
    this.ids.passed(escalation.id);
    this.set(escalation);
    this.places.rememberEscalation(escalation);
  }

  /** What is open and neither posted nor owed: raised while there was no Slack, or left by a commit that failed. */
  oweUntold(): void {
    for (const escalation of this.#escalations.values()) {
      const about = aboutOf(escalation);
      const told = this.places.posted(about) !== null || this.debts.of(about).length > 0;
      const owed =
        told || escalation.status !== "open" ? null : this.debts.draft(about, "post", escalation.openedAt);
      // As if it had been tried: it is looked for before it is posted.
      if (owed !== null) this.debts.accept({ ...owed, sending: escalation.openedAt });
    }
  }

  get(id: string): Escalation | undefined {
    return this.#escalations.get(id);
  }

  /** The open escalation for the same group, kind and rule. */
  open(like: Pick<Escalation, "group" | "kind" | "rule">): Escalation | undefined {
    return this.#escalations.get(this.#openBy.get(whatOf(like)) ?? "");
  }

  set(escalation: Escalation): void {
    const what = whatOf(escalation);
    this.#escalations.set(escalation.id, escalation);
    if (escalation.status === "open" && !this.#openBy.has(what)) this.#openBy.set(what, escalation.id);
    if (escalation.status === "resolved" && this.#openBy.get(what) === escalation.id)
      this.#openBy.delete(what);
  }

  drop(escalation: Escalation): void {
    this.#escalations.delete(escalation.id);
    this.#members.delete(escalation.id);
    const what = whatOf(escalation);
    if (this.#openBy.get(what) === escalation.id) this.#openBy.delete(what);
  }

  /** The open episodes in an escalation. */
  members(id: string): Set<string> {
    const members = this.#members.get(id) ?? new Set();
    this.#members.set(id, members);
    return members;
  }

  /** Oldest first. */
  all(): IterableIterator<Escalation> {
    return this.#escalations.values();
  }

  /** The value is read when it is written: a commit that is tried again later must not bring an old state back. */
  put(id: string): Put {
    const escalations = this.#escalations;
    return {
      key: `escalation/${id}`,
      get value() {
        return escalations.get(id) ?? null;
      },
    };
  }

  /** Forgets what was over before `then`; what people are owed stays. */
  forgetBefore(then: number): Put[] {
    const over = (one: Escalation): number =>
      one.resolvedAt ?? (this.members(one.id).size === 0 ? one.openedAt : Number.MAX_SAFE_INTEGER);
    const old = [...this.all()].filter((one) => over(one) < then && this.debts.of(aboutOf(one)).length === 0);
    for (const one of old) this.drop(one);
    const used = new Set([...this.all()].map(({ digest }) => digest));
    const digests = this.places.finished(then, used).map((id) => `digest/${id}`);
    return [...old.map(({ id }) => `escalation/${id}`), ...digests].flatMap((about) =>
      this.places.forget(about),
    );
  }

  /** The channel to tell it in, as it was named; null where none is. */
  channelOf(about: string): string | null {
    return this.#subject(about)?.channel ?? this.places.channel;
  }

  /** What there is to say now; null when it was forgotten. */
  messageOf(about: string, now: number): Message | null {
    const when = { now, dryRun: this.#dryRun };
    const subject = this.#subject(about);
    if (subject === undefined) return null;
    if ("kind" in subject) return escalationMessage(subject, when);
    return digestMessage(
      subject,
      [...this.all()].filter(({ digest }) => digest === subject.id),
      when,
    );
  }

  /** Its message is there now. */
  delivered(about: string, posted: Posted): Put {
    const subject = this.#subject(about);
    if (subject !== undefined && "kind" in subject) this.#escalations.set(subject.id, { ...subject, posted });
    return this.places.delivered(about, posted);
  }

  #subject(about: string): Escalation | Digest | undefined {
    const id = about.slice(about.indexOf("/") + 1);
    return about.startsWith("digest/") ? this.places.digest(id) : this.#escalations.get(id);
  }
}

const whatOf = ({ group, kind, rule }: Pick<Escalation, "group" | "kind" | "rule">): string =>
  JSON.stringify([group?.key ?? null, kind, rule]);

async function each(store: Store, prefix: string, take: (value: unknown) => void): Promise<void> {
  for (let after: string | undefined; ;) {
    const keys = await store.list(prefix, {
      ...(after === undefined ? {} : { after }),
      limit: page,
    });
    for (const { value } of keys) take(value);
    if (keys.length < page) return;
    after = keys.at(-1)?.key;
  }
}
