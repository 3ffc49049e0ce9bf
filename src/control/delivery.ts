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
    const { ledger } = this.#parts.escalations;
    const channel = ledger.channelOf(about);
    if (channel === null) {
      throw new Fault("refused", "No channel to post in: set HOMEOSTAT_SLACK_CHANNEL");
    }
    const { posted, found } = await this.#send({ channel, key: about }, first, message, doubt, signal);
    // One that was found says what was known then: what is owed becomes an edit of it.
    const paid = found ? [] : items;
    const entry = this.#entry(about, "posted", posted);
    await this.#settle(paid, [entry], [ledger.delivered(about, posted)], signal);
  }

  async #reply(
    thread: Posted,
    first: Owed,
    { mood }: Message,
    doubt: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { about, id } = first;
    const where = { channel: thread.channel, thread: thread.ts, key: `${about}/${id}` };
    const title = first.text ?? "";
    const message: Message = { title, mood, paragraphs: [], fields: [], links: [], trail: [] };
    try {
      const { posted } = await this.#send(where, first, message, doubt, signal);
      await this.#settle([first], [this.#entry(about, "replied", posted)], [], signal);
    } catch (cause) {
      if (!(cause instanceof Fault) || cause.code !== "refused") throw cause;
      // Its thread is gone or closed. The edit has told it already; this would only have rung.
      this.#parts.log.warn({ err: cause, about }, "an answer was refused and is left out");
      const entry = this.#entry(about, "failed", thread, cause.message);
      await this.#settle([first], [entry], [], signal);
    }
  }

  /** Posts, unless an earlier try turns out to have done it. */
  async #send(
    where: { channel: string; thread?: string; key: string },
    first: Owed,
    message: Message,
    doubt: boolean,
    signal: AbortSignal,
  ): Promise<{ posted: Posted; found: boolean }> {
    const { messenger, onStep } = this.#parts;
    const since = (await this.#mark(first)) - skew;
    const found = doubt ? await messenger.find({ ...where, since }, signal) : null;
    if (found !== null && found !== "unknown") return { posted: found, found: true };
    const posted = await messenger.post(where, message, signal);
    onStep({ kind: "delivered", result: "posted" });
    return { posted, found: false };
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
      return this.#settle(items, [this.#entry(about, "failed", at, "the message was deleted")], [], signal);
    }
    this.#parts.onStep({ kind: "delivered", result: "updated" });
    const edits = items.filter(({ op }) => op !== "reply");
    await this.#settle(edits, [this.#entry(about, "updated", at)], [], signal);
  }

  /** Notes durably that a message is about to be sent, so that after a crash it is looked for; since when. */
  async #mark(owed: Owed): Promise<number> {
    if (owed.sending !== null) return owed.sending;
    const sending = this.#parts.clock.now();
    const marked = { ...owed, sending };
    await this.#parts.store.commit({ put: [owedPut(marked)] });
    this.#parts.escalations.ledger.debts.replace(marked);
    return sending;
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
        if (pause === 100) log.error({ err: cause }, "what was sent cannot be stored; it is tried again");
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
