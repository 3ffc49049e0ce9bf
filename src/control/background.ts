import type { Clock } from "../core/ports.ts";
import type { Logger } from "./logger.ts";

/** How long after an unexpected failure work is begun anew; milliseconds. */
const pause = 60_000;

/**
 * Work that nobody waits for. Faults of the world are answers elsewhere; what fails here is a bug, or a library that
 * broke its word: it is logged, and the work is begun anew, so that one bad case neither ends the process nor is lost.
 */
export class Background {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();

  constructor(parts: { clock: Clock; log: Logger; signal: AbortSignal }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#signal = parts.signal;
  }

  /** `stumbled` is told of a failure and puts the work back on the agenda; where it cannot, the work is begun anew here. */
  run(about: object, work: () => Promise<unknown>, stumbled?: (cause: unknown) => Promise<void>): void {
    const running = this.#insist(about, work, stumbled);
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  async #insist(
    about: object,
    work: () => Promise<unknown>,
    stumbled?: (cause: unknown) => Promise<void>,
  ): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await work();
        return;
      } catch (cause) {
        if (this.#signal.aborted) return;
        this.#log.error({ ...about, err: cause }, "work failed unexpectedly; it is begun anew in a minute");
        // Begun anew by both, it would multiply.
        const told = stumbled?.(cause).then(
          () => true,
          () => false,
        );
        if ((await told) === true) return;
        await this.#clock.sleep(pause, this.#signal).catch(() => {});
      }
    }
  }

  /** Resolves when nothing runs any more. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
