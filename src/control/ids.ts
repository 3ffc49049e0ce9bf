/** Ids that sort as they were given out, over restarts too; about ten characters. */
export class OrderedIds {
  #last = 0;

  next(now: number): string {
    // A thousand a millisecond, and never one behind the last: the wall clock may be set back.
    this.#last = Math.max(this.#last + 1, now * 1000);
    return this.#last.toString(36).padStart(11, "0");
  }

  /** An id of an earlier process: none at or before it is given out. */
  passed(id: string): void {
    const given = Number.parseInt(id, 36);
    if (Number.isSafeInteger(given)) this.#last = Math.max(this.#last, given);
  }
}
