import type { Catalog } from "../core/catalog.ts";
import type { Clock } from "../core/ports.ts";
import { reason } from "../core/reason.ts";
import type { Step } from "../core/step.ts";
import type { CatalogInUse } from "./catalog.ts";
import { Change } from "./change.ts";
import type { Courses } from "./courses.ts";
import type { Episodes } from "./episodes.ts";
import type { Escalations } from "./escalations.ts";
import type { Logger } from "./logger.ts";

/** What reading the rule files anew gave. `faults`: one line each, with file, line and column. */
export type NewCatalog =
  | { readonly kind: "loaded"; readonly catalog: Catalog }
  | { readonly kind: "refused"; readonly faults: readonly string[] };

type ReloadingParts = {
  catalog: CatalogInUse;
  episodes: Episodes;
  courses: Courses;
  escalations: Escalations;
  clock: Clock;
  log: Logger;
  onStep: (step: Step) => void;
};

/** Takes new rule files into use, or says everywhere why they are not: a bad catalog never replaces a good one. */
export class Reloading {
  readonly #parts: ReloadingParts;

  constructor(parts: ReloadingParts) {
    this.#parts = parts;
  }

  async take(result: NewCatalog): Promise<void> {
    const { courses, onStep } = this.#parts;
    const change = new Change();
    if (result.kind === "loaded") this.#load(result.catalog, change);
    else this.#refuse(result.faults, change);
    onStep({ kind: "reloaded", ok: result.kind === "loaded" });
    await courses.commit(change);
  }

  #load(catalog: Catalog, change: Change): void {
    const { episodes, escalations, clock, log } = this.#parts;
    const { version, rules } = catalog;
    const now = clock.now();
    this.#parts.catalog.faults = [];
    change.append({ at: now, kind: "catalog", data: { event: "loaded", version, rules: rules.length } });
    const told = escalations.list().find(({ kind, status }) => kind === "catalog" && status === "open");
    if (told !== undefined) change.tell(escalations.resolveFor(told.id, null, now));
    episodes.takeCatalog(catalog, now, change);
    log.info({ version, rules: rules.length }, "a new catalog is in force");
  }

  #refuse(faults: readonly string[], change: Change): void {
    const { catalog, escalations, clock, log } = this.#parts;
    const now = clock.now();
    catalog.faults = faults;
    change.append({ at: now, kind: "catalog", data: { event: "refused", faults } });
    const message = `The newest rule files have ${faults.length} faults; the ${catalog.current.rules.length} rules from before stay in force`;
    const about = { rule: null, channel: null, mention: null, alert: null, episode: null, group: null };
    const why = reason("CatalogRefused", message);
    change.tell(escalations.raise({ kind: "catalog", reason: why, trail: faults, ...about }, now));
    log.error({ faults }, "the newest rule files are refused; the catalog before stays in force");
  }
}
