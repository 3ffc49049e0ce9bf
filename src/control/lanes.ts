type Job = () => Promise<void>;

/**
 * One lane a target: work on a target is done one at a time; targets run side by side, at most `width` of them at
 * once. Where work has to wait, those whose it is take turns, and the work of each is done in the order it was given:
 * ten thousand alerts of one group, for one target or for many, do not hold another group's alert up.
 */
export class Lanes {
  readonly #width: number;
  readonly #busy = new Set<string>();
  /** By whose it is, whoever's turn is next first; then by lane. */
  readonly #waiting = new Map<string, Map<string, Job[]>>();
  readonly #given = new Set<Promise<void>>();

  constructor(width: number) {
    this.#width = width;
  }

  /** `whose` defaults to the lane itself, for what is urgent enough to have a turn of its own. */
  run<T>(lane: string, work: () => Promise<T>, whose: string = lane): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const job = (): Promise<void> => Promise.resolve().then(work).then(resolve, reject);
    if (this.#busy.size < this.#width && !this.#busy.has(lane)) this.#start(lane, job);
    else this.#wait(lane, job, whose);
    const settled = promise.then(
      () => {},
      () => {},
    );
    this.#given.add(settled);
    void settled.then(() => this.#given.delete(settled));
    return promise;
  }

  /** Resolves once everything that was given before has ended. */
  async drained(): Promise<void> {
    await Promise.all(this.#given);
  }

  #start(lane: string, job: Job): void {
    this.#busy.add(lane);
    void job().then(() => {
      this.#busy.delete(lane);
      const next = this.#next();
      if (next !== null) this.#start(next.lane, next.job);
    });
  }

  #wait(lane: string, job: Job, whose: string): void {
    const lanes = this.#waiting.get(whose) ?? new Map<string, Job[]>();
    this.#waiting.set(whose, lanes);
    const jobs = lanes.get(lane) ?? [];
    lanes.set(lane, jobs);
    jobs.push(job);
  }

  /** The first job of whoever's turn it is, in a lane that is free; null where all that waits is for busy lanes. */
  #next(): { lane: string; job: Job } | null {
    for (const [whose, lanes] of this.#waiting) {
      for (const [lane, jobs] of lanes) {
        if (this.#busy.has(lane)) continue;
        const job = jobs.shift();
        if (jobs.length === 0) lanes.delete(lane);
        this.#waiting.delete(whose);
        if (lanes.size > 0) this.#waiting.set(whose, lanes);
        if (job !== undefined) return { lane, job };
      }
    }
    return null;
  }
}
