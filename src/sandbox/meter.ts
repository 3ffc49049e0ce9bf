import { load, objective, p95, period } from "./shop.ts";

/** One second of the shop, for the curves. Requests a second, milliseconds, tasks. */
export type Second = {
  readonly load: number;
  readonly p95: number;
  /** What it would have been with the replicas that the shop started with. */
  readonly p95Alone: number;
  readonly running: number;
};

/** Milliseconds for which the shop was not as it should be; `alone`: had nobody done anything. */
export type Bad = { readonly kept: number; readonly alone: number };

/** Adds up how long the shop was slow or failing, and what the same load would have done without Homeostat. */
export class Meter {
  /** The last ones, oldest first; a whole story fits in. */
  readonly seconds: Second[] = [];
  readonly #start: number;
  readonly #untouched: number;
  #last: number;
  #second = -1;
  #slow: Bad = { kept: 0, alone: 0 };
  #failing: Bad = { kept: 0, alone: 0 };
  #deployedFaulty = false;

  /** `start`: epoch milliseconds; `untouched`: the replicas of the web service at the start. */
  constructor(start: number, untouched: number) {
    this.#start = start;
    this.#last = start;
    this.#untouched = untouched;
  }

  get slow(): Bad {
    return this.#slow;
  }

  get failing(): Bad {
    return this.#failing;
  }

  /** What is true at `now` counts for the time since the last call. */
  measure(now: number, running: number, failing: boolean): Second {
    const seconds = (now - this.#start) / 1000;
    const asked = load(seconds);
    const second = {
      load: asked,
      p95: p95(asked, running),
      p95Alone: p95(asked, this.#untouched),
      running,
    };
    const passed = Math.max(0, now - this.#last);
    this.#last = now;
    // Nobody but Homeostat takes a deploy back here.
    this.#deployedFaulty ||= failing;
    this.#slow = added(this.#slow, passed, second.p95 > objective, second.p95Alone > objective);
    this.#failing = added(this.#failing, passed, failing, this.#deployedFaulty);
    this.#keep(Math.floor(seconds), second);
    return second;
  }

  #keep(place: number, second: Second): void {
    const known = place === this.#second ? this.seconds.pop() : undefined;
    this.#second = place;
    // The worst of a second is what its visitors remember.
    this.seconds.push({ ...second, p95: Math.max(known?.p95 ?? 0, second.p95) });
    if (this.seconds.length > period) this.seconds.shift();
  }
}

const added = (bad: Bad, passed: number, kept: boolean, alone: boolean): Bad => ({
  kept: bad.kept + (kept ? passed : 0),
  alone: bad.alone + (alone ? passed : 0),
});
