/**
 * One lane a target: work on a target runs in the order it was given, one at a time; targets run side by side,
 * at most `width` of them at once.
 */
export class Lanes {
  readonly #width: number;
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(width: number) {
    this.#width = width;
  }

  run<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const before = this.#lanes.get(lane) ?? Promise.resolve();
    const result = before.then(() => this.#admit(work));
    const settled = result.then(
      () => {},
      () => {},
    );
    this.#lanes.set(lane, settled);
    void settled.then(() => {
      if (this.#lanes.get(lane) === settled) this.#lanes.delete(lane);
    });
    return result;
  }

  /** Resolves once everything that was given before has ended. */
  async drained(): Promise<void> {
    await Promise.all(this.#lanes.values());
  }

  async #admit<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running += 1;
    else await new Promise<void>((admit) => this.#waiting.push(admit));
    try {
      return await work();
    } finally {
      // The place is handed on, not given back, so that nobody slips in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
