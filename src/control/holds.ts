import type { CompiledRule } from "../core/catalog.ts";
import { held, type Hold } from "../core/decide.ts";
import type { Episode } from "../core/episode.ts";
import { holding } from "../core/holding.ts";
import type { Clock } from "../core/ports.ts";
import { internalError, reason } from "../core/reason.ts";
import type { Target } from "../core/target.ts";
import type { Asking } from "./asking.ts";
import type { CatalogInUse } from "./catalog.ts";
import { Change } from "./change.ts";
import type { Courses } from "./courses.ts";
import type { Episodes } from "./episodes.ts";
import type { Records } from "./records.ts";

type HoldsParts = {
  records: Records;
  catalog: CatalogInUse;
  episodes: Episodes;
  courses: Courses;
  asking: Asking;
  clock: Clock;
  schedule: (episode: string, rule: string, at: number) => void;
  /** How long an unexpected hold may last before a person is told; milliseconds. */
  patience: number;
};

/** What becomes of what is not done now: it is said why, looked at again, and told to a person if it lasts. */
export class Holds {
  readonly #parts: HoldsParts;

  constructor(parts: HoldsParts) {
    this.#parts = parts;
  }

  /** Nothing is done now, and it is said why. A hold that lasts and that nobody expects is told to a person. */
  async hold(episode: Episode, rule: CompiledRule, hold: Hold, target?: Target): Promise<void> {
    const { records, courses, episodes, asking, clock, patience } = this.#parts;
    const now = clock.now();
    const course = records.course(episode.id, rule.name);
    if (course?.phase !== "waiting") return; // resolved meanwhile
    const outcome = holding(course.hold, hold, now, patience);
    const change = new Change();
    const changed = courses.update(
      episode.id,
      rule.name,
      { hold: outcome.hold, nextAt: outcome.nextAt },
      change,
    );
    if (changed === undefined) return;
    if (outcome.told) courses.decided(changed, rule.name, hold, target, now, change);
    const busy = changed.courses.some(({ phase }) => phase === "verifying");
    if (outcome.next === "close" && !busy) episodes.close(changed, "expired", now, change);
    if (outcome.next === "ask") {
      const message = `Held since ${new Date(outcome.hold.since).toISOString().slice(11, 19)}: ${hold.reason.message}`;
      const why = reason(hold.reason.code, message);
      asking.about(changed, { kind: "held", reason: why, rule: rule.spec, trail: hold.trail }, now, change);
    }
    await courses.commit(change);
  }

  /** A step failed in a way that nobody foresaw: it holds, and a person is told if that lasts. */
  async stumble(episodeId: string, ruleName: string, cause: unknown): Promise<void> {
    const { records, catalog } = this.#parts;
    const episode = records.episodes.get(episodeId);
    const rule = catalog.current.rule(ruleName);
    const { code, message } = internalError(cause);
    if (episode === undefined) return;
    if (rule === undefined) return this.matchLater(episode, message);
    await this.hold(episode, rule, held(code, message));
  }

  /** Rules want to see the service before they take the alert, and it cannot be read. */
  async matchLater(episode: Episode, message: string): Promise<void> {
    const { records, courses, asking, clock, schedule, patience } = this.#parts;
    const now = clock.now();
    if (records.episodes.get(episode.id)?.matched !== false) return; // over, or matched meanwhile
    const change = new Change();
    const why = reason(
      "ObservationFailed",
      `Which rule takes it depends on the service, and that cannot be read: ${message}`,
    );
    if (now - episode.openedAt >= patience)
      asking.about(episode, { kind: "held", reason: why, rule: null, trail: [why] }, now, change);
    change.afterwards(() => schedule(episode.id, "", now + 5000));
    await courses.commit(change);
  }
}
