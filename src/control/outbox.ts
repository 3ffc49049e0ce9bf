import { Fault } from "../core/reason.ts";
import { Delivery, type DeliveryParts } from "./delivery.ts";
import type { Debts } from "./owed.ts";

/** Milliseconds. */
const pace = {
  /** Between two messages in one channel: Slack takes about one a second. */
  apart: 1000,
  /** Between two edits of one message, however often it changes. */
  edits: 3000,
  /** The longest wait after failures that may pass by themselves. */
  longest: 60_000,
  /** Between tries of what was refused, which only a person can mend. */
  refused: 180_000,
};

/** Slack may ask for no longer a pause than this. */
const longestAsked = 10 * 60_000;
/** How long a message under way may take when we stop. */
const grace = 5000;

type Subject = {
  readonly about: string;
  notBefore: number;
  failures: number;
  editedAt: number;
  /** An earlier try may have posted it. */
  doubt: boolean;
};

type Channel = {
  readonly name: string;
  readonly subjects: Map<string, Subject>;
  notBefore: number;
  failures: number;
  sentAt: number;
  /** The last time seen, to notice a clock that was set back. */
  seen: number;
  /** Wakes its worker; null while it is not asleep. */
  wake: AbortController | null;
  worker: Promise<void> | null;
};

/**
 * Sends what people are owed: side by side for channels, in order for a subject, at a pace that Slack takes. Patience
 * is unbounded and every wait is bounded: nothing is given up, and nothing waits for long after Slack is back.
 */
export class Outbox {
  readonly #parts: DeliveryParts;
  readonly #delivery: Delivery;
  readonly #debts: Debts;
  readonly #channels = new Map<string, Channel>();
  readonly #calls = new AbortController();
  #running = false;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#delivery = new Delivery(parts);
    this.#debts = parts.escalations.ledger.debts;
  }

  /** Begins with what an earlier process left. The escalations must be loaded. */
  start(): void {
    this.#running = true;
    this.#debts.listen((about) => this.#stir(about));
    for (const about of this.#debts.subjects()) this.#stir(about);
  }

  /** Lets messages under way end, for five seconds at most; what is left is sent by the next process. */
  async stop(): Promise<void> {
    this.#running = false;
    const channels = [...this.#channels.values()];
    for (const { wake } of channels) wake?.abort();
    const ended = Promise.allSettled(channels.map(async ({ worker }) => worker));
    const patience = new AbortController();
    await Promise.race([ended, this.#parts.clock.sleep(grace, patience.signal).catch(() => {})]);
    patience.abort();
    this.#calls.abort(new Error("Homeostat stops"));
    await ended;
  }

  /** How many messages are owed. */
  pending(): number {
    return this.#debts.count;
  }

  #stir(about: string): void {
    if (!this.#running) return;
    const name = this.#parts.escalations.ledger.channelOf(about) ?? "";
    const channel = this.#channels.get(name) ?? {
      name,
      subjects: new Map(),
      notBefore: 0,
      failures: 0,
      sentAt: 0,
      seen: 0,
      wake: null,
      worker: null,
    };
    this.#channels.set(name, channel);
    if (!channel.subjects.has(about)) {
      const doubt = this.#debts.of(about).some(({ sending }) => sending !== null);
      channel.subjects.set(about, { about, notBefore: 0, failures: 0, editedAt: 0, doubt });
    }
    channel.wake?.abort();
    channel.worker ??= this.#work(channel);
  }

  async #work(channel: Channel): Promise<void> {
    // Not at once: what is raised in the same turn shall be in the first message already.
    await Promise.resolve();
    for (let due = this.#next(channel); this.#running && due !== null; due = this.#next(channel)) {
      const wait = due.at - this.#parts.clock.now();
      if (wait > 0) await this.#sleep(channel, wait);
      else await this.#send(channel, due.subject);
    }
    channel.worker = null;
  }

  /** Whose turn it is, and when; posts go before edits, for they are what people do not know yet. */
  #next(channel: Channel): { subject: Subject; at: number } | null {
    const now = this.#parts.clock.now();
    if (now < channel.seen) forgetTimes(channel);
    channel.seen = now;
    let best: { subject: Subject; rank: readonly [number, number, string]; at: number } | null = null;
    for (const subject of channel.subjects.values()) {
      const [first] = this.#debts.of(subject.about);
      if (first === undefined) {
        channel.subjects.delete(subject.about);
        continue;
      }
      const known = this.#parts.escalations.ledger.places.posted(subject.about) !== null;
      const spaced = known && first.op !== "reply" ? subject.editedAt + pace.edits : 0;
      const at = Math.max(now, subject.notBefore, channel.notBefore, channel.sentAt + pace.apart, spaced);
      const rank = [at, known ? 1 : 0, first.id] as const;
      if (best === null || before(rank, best.rank)) best = { subject, rank, at };
    }
    return best;
  }

  async #send(channel: Channel, subject: Subject): Promise<void> {
    const { clock, escalations } = this.#parts;
    const known = escalations.ledger.places.posted(subject.about) !== null;
    try {
      await this.#delivery.next(subject.about, subject.doubt, this.#calls.signal);
      channel.failures = 0;
      subject.failures = 0;
      subject.doubt = false;
      if (known) subject.editedAt = clock.now();
    } catch (cause) {
      if (this.#calls.signal.aborted) return;
      await this.#failed(channel, subject, cause);
    } finally {
      channel.sentAt = clock.now();
    }
  }

  async #failed(channel: Channel, subject: Subject, cause: unknown): Promise<void> {
    const { clock, log } = this.#parts;
    const { about } = subject;
    const fault = cause instanceof Fault ? cause : null;
    const now = clock.now();
    switch (fault?.code) {
      case "rate-limited":
        channel.notBefore = now + Math.min(longestAsked, Math.max(1000, fault.retryAfter ?? 5000));
        return;
      case "unavailable":
        // Perhaps it arrived and only the answer was lost.
        subject.doubt = true;
        // One message that always fails must not hold up the others: it waits longer than its channel.
        subject.notBefore = now + this.#backoff(subject.failures);
        channel.notBefore = now + this.#backoff(channel.failures) / 2;
        if (subject.failures === 0)
          log.warn({ err: cause, about }, "a message is late; it is tried until it arrives");
        subject.failures += 1;
        channel.failures += 1;
        break;
      case "refused":
      case undefined:
        // Refused; or a bug, which must neither lose the message nor spin.
        subject.doubt ||= fault === null;
        subject.notBefore = now + pace.refused;
        log.error(
          { err: cause, about },
          "a message was refused; it is kept and tried again every few minutes",
        );
    }
    const message = fault === null ? "an unexpected error, see the log" : fault.message;
    await this.#delivery.note(about, message).catch((err: unknown) => {
      log.error({ err, about }, "why a message failed cannot be stored");
    });
  }

  #backoff(failures: number): number {
    return Math.min(pace.longest, 1000 * 2 ** failures);
  }

  async #sleep(channel: Channel, ms: number): Promise<void> {
    const wake = new AbortController();
    channel.wake = wake;
    // At most a minute at a time, to notice a clock that was set back.
    await this.#parts.clock.sleep(Math.min(ms, 60_000), wake.signal).catch(() => {});
    if (channel.wake === wake) channel.wake = null;
  }
}

function forgetTimes(channel: Channel): void {
  channel.notBefore = 0;
  channel.sentAt = 0;
  for (const subject of channel.subjects.values()) {
    subject.notBefore = 0;
    subject.editedAt = 0;
  }
}

function before(a: readonly [number, number, string], b: readonly [number, number, string]): boolean {
  if (a[0] !== b[0]) return a[0] < b[0];
  return a[1] === b[1] ? a[2] < b[2] : a[1] < b[1];
}
