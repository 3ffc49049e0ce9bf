import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../src/core/ports.ts";

export type FakeClock = Clock & {
  /**
   * Moves time on by `ms`. Sleepers wake in the order of their times, those of one time in the order they lay down;
   * after each the event loop turns, so that what it does next may sleep again and still wake within this call.
   */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock, as a correction does: sleeps last as long as they would have. */
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
  /** Time as timers count it, which a corrected wall clock does not touch. */
  let passed = 0;
  let wall = start;
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
    now: () => wall + passed,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      if (ms <= 0) return nextTurn();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sleeper = { at: passed + ms, wake: resolve };
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
      const end = passed + ms;
      await settle();
      for (let sleeper = nextBy(end); sleeper !== undefined; sleeper = nextBy(end)) {
        passed = Math.max(passed, sleeper.at);
        sleeping.delete(sleeper);
        sleeper.wake();
        await settle();
      }
      passed = end;
    },
    set: (to) => {
      wall = to - passed;
    },
    sleepers: () => sleeping.size,
  };
}
