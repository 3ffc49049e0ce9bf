import type { Clock, Store } from "../core/ports.ts";
import type { Catalog } from "../core/catalog.ts";
import type { CatalogInUse } from "./catalog.ts";
import { Change } from "./change.ts";
import type { Courses } from "./courses.ts";
import type { Episodes } from "./episodes.ts";
import type { Escalations } from "./escalations.ts";
import type { Intake } from "./intake.ts";
import type { Logger } from "./logger.ts";
import type { Records } from "./records.ts";

/** How often it is looked; milliseconds. */
const interval = 60_000;
/** Closed episodes are remembered for this long, for duplicates that come late; milliseconds. */
const rememberPast = 24 * 3_600_000;

type HousekeepingParts = {
  store: Store;
  records: Records;
  catalog: CatalogInUse;
  intake: Intake;
  episodes: Episodes;
  courses: Courses;
  escalations: Escalations;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** How long episodes stay open unconfirmed and the journal is kept; milliseconds and bytes. */
  keep: { episodeTtl: number; retention: number; retentionSize: number };
};

/** What time alone brings: episodes that nobody confirms any more, and journal that nobody needs any more. */
export class Housekeeping {
  readonly #parts: HousekeepingParts;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  stop(): Promise<void> {
    return this.#running;
  }

  async #run(): Promise<void> {
    const { clock, signal, log } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(interval, signal).catch(() => {});
      if (signal.aborted) return;
      await this.#tidy().catch((cause: unknown) => {
        if (!signal.aborted) log.error({ err: cause }, "tidying up failed; it is tried again in a minute");
      });
    }
  }

  async #tidy(): Promise<void> {
    const { store, records, catalog, intake, episodes, courses, escalations, clock, keep } = this.#parts;
    const now = clock.now();
    const change = new Change();
    episodes.expire(now - keep.episodeTtl, now, change);
    change.put(
      ...records.forgetBefore(now - rememberPast),
      ...escalations.forgetBefore(now - keep.retention),
      ...records.forgetCalls(now - longestWindow(catalog.current)),
    );
    if (change.puts.length > 0) await courses.commit(change);
    // What was accepted and is not worked through stays, whatever its age.
    const bounds = { olderThan: now - keep.retention, maxBytes: keep.retentionSize };
    await store.retain({ ...bounds, keepFrom: intake.oldest });
  }
}

/** How far back any rule looks at what was done to a target; milliseconds. */
const longestWindow = ({ rules }: Catalog): number =>
  rules.reduce(
    (most, { spec: { cooldown, limit } }) => Math.max(most, cooldown.up, cooldown.down, limit.per),
    0,
  );
