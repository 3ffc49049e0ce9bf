import type { Clock } from "../core/ports.ts";

/** What is due when: one time a key, the earliest first; a later `set` replaces an earlier one. */
export class Agenda {
  readonly #clock: Clock;
  readonly #due: (key: string) => void;
  readonly #times = new Map<string, number>();
  /** A binary heap by time; entries that #times no longer confirms are skipped when they surface. */
  readonly #heap: { at: number; key: string }[] = [];
  #timer: { at: number; abort: AbortController } | null = null;
  #stopped = false;
  /** The latest time seen, to notice a wall clock that was set back. */
  #seen = -Infinity;

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  set(key: string, at: number): void {
    if (this.#times.get(key) === at) return;
    this.#times.set(key, at);
    this.#push({ at, key });
    this.#arm();
  }

  drop(key: string): void {
    this.#times.delete(key);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.abort.abort();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (this.#stopped || first === undefined) return;
    if (this.#timer !== null && this.#timer.at <= first.at) return;
    this.#timer?.abort.abort();
    const timer = { at: first.at, abort: new AbortController() };
    this.#timer = timer;
    const now = this.#clock.now();
    this.#seen = Math.max(this.#seen, now);
    // At most a minute at a time: a wall clock that was set back must not put everything off.
    const wait = Math.min(Math.max(0, first.at - now), 60_000);
    this.#clock.sleep(wait, timer.abort.signal).then(
      () => {
        if (this.#timer === timer) this.#timer = null;
        this.#ring();
      },
      () => {}, // replaced by an earlier one, or stopped
    );
  }

  #ring(): void {
    const now = this.#clock.now();
    // By a clock that was set back nobody can say what is due. Everything is: looking too early does no harm.
    const due = now < this.#seen ? Infinity : now;
    this.#seen = now;
    for (let most = this.#heap.length; most > 0 && !this.#stopped; most -= 1) {
      const first = this.#heap[0];
      if (first === undefined || first.at > due) break;
      this.#pop();
      if (this.#times.get(first.key) !== first.at) continue;
      this.#times.delete(first.key);
      this.#due(first.key);
    }
    this.#arm();
  }

  #push(entry: { at: number; key: string }): void {
    const heap = this.#heap;
    let child = heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (at(heap, parent) <= at(heap, child)) break;
      swap(heap, parent, child);
      child = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0; ;) {
      const left = 2 * parent + 1;
      const child = at(heap, left + 1) < at(heap, left) ? left + 1 : left;
      if (at(heap, parent) <= at(heap, child)) return;
      swap(heap, parent, child);
      parent = child;
    }
  }
}

const at = (heap: readonly { at: number }[], index: number): number => heap[index]?.at ?? Infinity;

function swap(heap: { at: number; key: string }[], a: number, b: number): void {
  const first = heap[a];
  const second = heap[b];
  if (first === undefined || second === undefined) throw new RangeError("no such place in the heap");
  heap[a] = second;
  heap[b] = first;
}
