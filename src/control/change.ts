import type { NewEntry } from "../core/journal.ts";
import type { Put } from "../core/ports.ts";
import type { Raised } from "./escalations.ts";

/** What one step writes, gathered so that it becomes durable in one commit, and what follows once it is. */
export class Change {
  readonly entries: NewEntry[] = [];
  readonly #puts = new Map<string, Put>();
  readonly #then: (() => void)[] = [];

  /** The last value a key was given. */
  get puts(): readonly Put[] {
    return [...this.#puts.values()];
  }

  append(...entries: readonly NewEntry[]): this {
    this.entries.push(...entries);
    return this;
  }

  put(...puts: readonly Put[]): this {
    for (const put of puts) this.#puts.set(put.key, put);
    return this;
  }

  /** What is told to people along with it. */
  tell(raised: Raised): this {
    return this.append(...raised.entries)
      .put(...raised.puts)
      .afterwards(raised.applied);
  }

  /** To be done once it is durable, and only then. */
  afterwards(work: () => void): this {
    this.#then.push(work);
    return this;
  }

  settle(): void {
    for (const work of this.#then) work();
  }
}
