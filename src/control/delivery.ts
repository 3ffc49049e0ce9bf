import type { NewEntry } from "../core/journal.ts";
import type { Message } from "../core/message.ts";
import type { Clock, Messenger, Posted, Put, Store } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";
import type { Step } from "../core/step.ts";
import type { Escalations } from "./escalations.ts";
import type { Logger } from "./logger.ts";
import { owedPut, paidPut, type Owed } from "./owed.ts";

export type DeliveryParts = {
  readonly store: Store;
  readonly messenger: Messenger;
  readonly escalations: Escalations;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStep: (step: Step) => void;
};

/** How far back a message may lie before its first try by our clock: Slack's may differ. Milliseconds. */
const skew = 10 * 60_000;

/**
 * Sends what is owed about one subject, one message at a time. Throws what the messenger or the store threw; then
 * everything is still owed.
 */
export class Delivery {
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /**
   * The next message about a subject. `doubt`: an earlier try may have posted it without our knowing, so it is looked
   * for first.
   */
  async next(about: string, doubt: boolean, signal: AbortSignal): Promise<void> {
    const { escalations, clock } = this.#parts;
    // Taken before the text is written: what changes from here on is told by a later message.
    const items = escalations.ledger.debts.take(about);
    const [first] = items;
    const message = escalations.ledger.messageOf(about, clock.now());
    if (first === undefined) return;
    if (message === null) return this.#settle(items, [], [], signal);
    const posted = escalations.ledger.places.posted(about);
    if (posted === null) return this.#post(about, items, first, message, doubt, signal);
    if (first.op === "reply") return this.#reply(posted, first, message, doubt, signal);
    return this.#update(about, posted, items, message, signal);
  }

  /** The first message, which tells everything that is owed so far. */
  async #post(
    about: string,
    items: readonly Owed[],
    first: Owed,
    message: Message,
    doubt: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { messenger, escalations } = this.#parts;
    const channel = escalations.ledger.channelOf(about);
    if (channel === null)
      throw new Fault("refused", "No channel to post in: set HOMEOSTAT_SLACK_CHANNEL");
    const marked = await this.#mark(first);
    if (doubt) {
      const found = await messenger.find({ channel, key: about, since: sinceOf(marked) }, signal);
      if (found !== null && found !== "unknown") {
        // It says what was known then; what is owed becomes an edit of it.
        return this.#settle(
          [],
          [this.#entry(about, "posted", found)],
          [escalations.ledger.delivered(about, found)],
          signal,
        );
      }
    }
    const posted = await messenger.post({ channel, key: about }, message, signal);
    this.#parts.onStep({ kind: "delivered", result: "posted" });
    await this.#settle(
      items,
      [this.#entry(about, "posted", posted)],
      [escalations.ledger.delivered(about, posted)],
      signal,
    );
  }

  async #reply(
    thread: Posted,
    first: Owed,
    message: Message,
    doubt: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { messenger } = this.#parts;
    const { channel } = thread;
    const key = `${first.about}/${first.id}`;
    const marked = await this.#mark(first);
    if (doubt) {
      const found = await messenger.find(
        { channel, thread: thread.ts, key, since: sinceOf(marked) },
        signal,
      );
      if (found !== null && found !== "unknown") {
        return this.#settle([first], [this.#entry(first.about, "replied", found)], [], signal);
      }
    }
    const { mood } = message;
    const reply: Message = {
      title: first.text ?? "",
      mood,
      paragraphs: [],
      fields: [],
      links: [],
      trail: [],
    };
    const posted = await messenger.post({ channel, thread: thread.ts, key }, reply, signal);
    this.#parts.onStep({ kind: "delivered", result: "posted" });
    await this.#settle([first], [this.#entry(first.about, "replied", posted)], [], signal);
  }

  /** All edits that are owed are one: it says what is known now. Doing it twice does no harm. */
  async #update(
    about: string,
    at: Posted,
    items: readonly Owed[],
    message: Message,
    signal: AbortSignal,
  ): Promise<void> {
    const { messenger, log } = this.#parts;
    const result = await messenger.update(at, message, signal);
    if (result === "gone") {
      log.warn({ about, ...at }, "the message was deleted; it is not edited any more");
      return this.#settle(
        items,
        [this.#entry(about, "failed", at, "the message was deleted")],
        [],
        signal,
      );
    }
    this.#parts.onStep({ kind: "delivered", result: "updated" });
    const edits = items.filter(({ op }) => op !== "reply");
    await this.#settle(edits, [this.#entry(about, "updated", at)], [], signal);
  }

  /** Notes durably that a message is about to be sent, so that after a crash it is looked for. */
  async #mark(owed: Owed): Promise<Owed> {
    if (owed.sending !== null) return owed;
    const marked = { ...owed, sending: this.#parts.clock.now() };
    await this.#parts.store.commit({ put: [owedPut(marked)] });
    this.#parts.escalations.ledger.debts.replace(marked);
    return marked;
  }

  /**
   * What was sent is owed no more. While the store cannot be written this waits: sending on would post again what is
   * there already, should we crash.
   */
  async #settle(
    paid: readonly Owed[],
    entries: readonly NewEntry[],
    puts: readonly Put[],
    signal: AbortSignal,
  ): Promise<void> {
    const { store, clock, log, escalations } = this.#parts;
    for (let pause = 100; ; pause = Math.min(pause * 2, 5000)) {
      try {
        await store.commit({ append: entries, put: [...puts, ...paid.map(paidPut)] });
        return escalations.ledger.debts.settle(paid);
      } catch (cause) {
        if (pause === 100)
          log.error({ err: cause }, "what was sent cannot be stored; it is tried again");
        await clock.sleep(pause, signal);
      }
    }
  }

  /** Writes down why a message was refused or is late; once a reason. */
  async note(about: string, error: string): Promise<void> {
    const { debts } = this.#parts.escalations.ledger;
    this.#parts.onStep({ kind: "delivered", result: "failed" });
    const [first] = debts.of(about);
    if (first === undefined || first.error === error) return;
    const noted = { ...first, error };
    await this.#parts.store.commit({
      append: [this.#entry(about, "failed", null, error)],
      put: [owedPut(noted)],
    });
    debts.replace(noted);
  }

  #entry(
    about: string,
    event: "posted" | "updated" | "replied" | "failed",
    at: Posted | null,
    error?: string,
  ): NewEntry {
    const escalation = about.replace(/^escalation\//, "");
    const data = { escalation, event, ...at, ...(error === undefined ? {} : { error }) };
    return { at: this.#parts.clock.now(), kind: "message", data };
  }
}

const sinceOf = (owed: Owed): number => (owed.sending ?? owed.at) - skew;
