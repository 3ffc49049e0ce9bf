import type { Entry } from "../core/journal.ts";
import type { Change, JournalQuery } from "../core/ports.ts";
import type { WireChange } from "./wire.ts";

type Watcher = {
  listener: (entry: Entry) => void;
  last: number;
  replaying: boolean;
  ended: boolean;
  held: Entry[];
};

const page = 1000;

/** Those who follow the journal: what was there before first, then what comes, without a gap or a double. */
export class Watchers {
  readonly #read: (query: JournalQuery) => Promise<Entry[]>;
  readonly #watchers = new Set<Watcher>();

  constructor(read: (query: JournalQuery) => Promise<Entry[]>) {
    this.#read = read;
  }

  add(after: number, listener: (entry: Entry) => void): () => void {
    const watcher: Watcher = { listener, last: after, replaying: true, ended: false, held: [] };
    this.#watchers.add(watcher);
    const stop = (): void => this.#stop(watcher);
    // A store that cannot be read any more has nothing more to tell either.
    void this.#replay(watcher).catch(stop);
    return stop;
  }

  async #replay(watcher: Watcher): Promise<void> {
    for (;;) {
      const entries = await this.#read({ after: watcher.last, order: "oldest-first", limit: page });
      for (const entry of entries) this.#give(watcher, entry);
      if (entries.length < page) break;
    }
    watcher.replaying = false;
    for (const entry of watcher.held.splice(0)) this.#give(watcher, entry);
  }

  #give(watcher: Watcher, entry: Entry): void {
    if (watcher.ended || entry.seq <= watcher.last) return;
    watcher.last = entry.seq;
    try {
      watcher.listener(entry);
    } catch (bug) {
      // Neither the commit nor the other watchers are to suffer for it; it surfaces where uncaught errors do.
      this.#stop(watcher);
      queueMicrotask(() => {
        throw bug;
      });
    }
  }

  #stop(watcher: Watcher): void {
    watcher.ended = true;
    this.#watchers.delete(watcher);
  }

  /** Tells of a change that was committed, as the journal would tell it: what listeners get is their own copy. */
  tell({ append = [] }: Change, { append: written }: WireChange, seqs: readonly number[]): void {
    for (const watcher of this.#watchers) {
      for (const [index, { at, kind, episode, target }] of append.entries()) {
        const data = written[index]?.data ?? "null";
        const text = typeof data === "string" ? data : Buffer.from(data).toString();
        const entry: Entry = {
          seq: seqs[index] ?? 0,
          at,
          kind,
          ...(episode === undefined ? {} : { episode }),
          ...(target === undefined ? {} : { target }),
          data: JSON.parse(text) as unknown,
        };
        if (watcher.replaying) watcher.held.push(entry);
        else this.#give(watcher, entry);
      }
    }
  }
}
