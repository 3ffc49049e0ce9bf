import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../src/core/ports.ts";

export type FakeClock = Clock & {
  /**
   * Moves time on by `ms`. Sleepers wake in the order of their times, those of one time in the order they lay down;
   * after each the event loop turns, so that what it does next may sleep again and still wake within this call.
   */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock without waking anybody: what a corrected clock does. */
  set(now: number): void;
  /** How many sleep now. */
  sleepers(): number;
};

/** Turns of the event loop given to whoever was woken; real I/O needs `advance` again or a wait of the test's own. */
const turns = 3;

/**
 * A clock that stands still until a test moves it. `start` is in epoch milliseconds.
 * A sleep of zero or less ends in the next turn of the event loop, without `advance`.
 */
export function fakeClock(start = Date.UTC(2026, 0, 15, 12, 0, 0)): FakeClock {
  type Sleeper = { at: number; wake: () => void };
  let now = start;
  const sleeping = new Set<Sleeper>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
  };
  const nextBy = (end: number): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleeping) {
      if (sleeper.at <= end && (first === undefined || sleeper.at < first.at)) first = sleeper;
    }
    return first;
  };
  return {
    now: () => now,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      if (ms <= 0) return nextTurn();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sleeper = { at: now + ms, wake: resolve };
      const aborted = (): void => reject(signal?.reason);
      sleeping.add(sleeper);
      signal?.addEventListener("abort", aborted, { once: true });
      try {
        await promise;
      } finally {
        sleeping.delete(sleeper);
        signal?.removeEventListener("abort", aborted);
      }
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (let sleeper = nextBy(end); sleeper !== undefined; sleeper = nextBy(end)) {
        now = Math.max(now, sleeper.at);
        sleeping.delete(sleeper);
        sleeper.wake();
        await settle();
      }
      now = Math.max(now, end);
    },
    set: (to) => {
      now = to;
    },
    sleepers: () => sleeping.size,
  };
}
