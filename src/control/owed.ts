import type { Put } from "../core/ports.ts";
import { OrderedIds } from "./ids.ts";

/**
 * A message that people are still owed. It names what it is about and not what it says: the text is written from what
 * is known when it is sent.
 */
export type Owed = {
  readonly id: string;
  /** The key of what it tells: `escalation/<id>` or `digest/<id>`. */
  readonly about: string;
  readonly op: "post" | "update" | "reply";
  /** What a reply says; null otherwise. */
  readonly text: string | null;
  readonly at: number;
  /** When it was first tried, written before the try: from then on it may have been posted. */
  readonly sending: number | null;
  /** Why it was refused the last time. */
  readonly error: string | null;
};

export const owedPut = (owed: Owed): Put => ({ key: `outbox/${owed.id}`, value: owed });
export const paidPut = (owed: Owed): Put => ({ key: `outbox/${owed.id}`, value: null });

/**
 * What is owed, in the order in which it came to be owed. A message is drafted together with the change that it tells,
 * becomes durable in that change's commit, and only then is accepted for sending.
 */
export class Debts {
  readonly #ids = new OrderedIds();
  readonly #accepted = new Map<string, Owed[]>();
  /** By subject the post or edit that nobody has begun to write yet: it will tell later changes too. */
  readonly #unwritten = new Map<string, { owed: Owed; durable: boolean }>();
  #listener: (about: string) => void = () => {};

  /** Calls back whenever something is accepted. */
  listen(listener: (about: string) => void): void {
    this.#listener = listener;
  }

  /**
   * The message that will tell a change, to be written with it. Null where one that is durable already will tell it;
   * one that is not durable yet is given again, for its own commit may fail.
   */
  draft(about: string, op: "post" | "update", now: number): Owed | null {
    const unwritten = this.#unwritten.get(about);
    if (unwritten !== undefined) return unwritten.durable ? null : unwritten.owed;
    const owed = this.#new(about, op, null, now);
    this.#unwritten.set(about, { owed, durable: false });
    return owed;
  }

  reply(about: string, text: string, now: number): Owed {
    return this.#new(about, "reply", text, now);
  }

  #new(about: string, op: Owed["op"], text: string | null, now: number): Owed {
    return { id: this.#ids.next(now), about, op, text, at: now, sending: null, error: null };
  }

  /** Its commit is durable. */
  accept(owed: Owed): void {
    this.#ids.passed(owed.id);
    const unwritten = this.#unwritten.get(owed.about);
    if (unwritten?.owed.id === owed.id) unwritten.durable = true;
    const items = this.of(owed.about);
    if (items.some(({ id }) => id === owed.id)) return;
    // Commits may end in another order than they began in.
    this.#accepted.set(
      owed.about,
      [...items, owed].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    );
    this.#listener(owed.about);
  }

  /** What is owed about one subject, oldest first. */
  of(about: string): readonly Owed[] {
    return this.#accepted.get(about) ?? [];
  }

  /** As `of`; from here on later changes need a message of their own. */
  take(about: string): readonly Owed[] {
    this.#unwritten.delete(about);
    return this.of(about);
  }

  replace(owed: Owed): void {
    this.#accepted.set(
      owed.about,
      this.of(owed.about).map((item) => (item.id === owed.id ? owed : item)),
    );
  }

  settle(paid: readonly Owed[]): void {
    for (const { about, id } of paid) {
      const rest = this.of(about).filter((item) => item.id !== id);
      if (rest.length === 0) this.#accepted.delete(about);
      else this.#accepted.set(about, rest);
    }
  }

  subjects(): readonly string[] {
    return [...this.#accepted.keys()];
  }

  get count(): number {
    return [...this.#accepted.values()].reduce((sum, items) => sum + items.length, 0);
  }
}
