import type { CompiledAction, CompiledRule } from "./core/catalog.ts";
import { label } from "./core/alert.ts";
import { consider, targetOf } from "./core/consider.ts";
import { held } from "./core/decide.ts";
import { attemptOf, type Course, type Episode } from "./core/episode.ts";
import type { Clock } from "./core/ports.ts";
import type { Policy } from "./core/situation.ts";
import { targetId, type Target } from "./core/target.ts";
import type { CatalogInUse } from "./control/catalog.ts";
import { Change } from "./control/change.ts";
import type { Courses } from "./control/courses.ts";
import type { Deeds } from "./control/deeds.ts";
import type { Episodes } from "./control/episodes.ts";
import type { Holds } from "./control/holds.ts";
import type { Lanes } from "./control/lanes.ts";
import type { Observer } from "./control/observing.ts";
import type { Records } from "./control/records.ts";
import type { Targets } from "./control/targets.ts";

export type PipelineParts = {
  records: Records;
  catalog: CatalogInUse;
  episodes: Episodes;
  courses: Courses;
  holds: Holds;
  deeds: Deeds;
  observer: Observer;
  targets: Targets;
  /** By the kind of the target: a cluster that does not answer must not hold up calls and questions to people. */
  lanes: Readonly<Record<Target["kind"], Lanes>>;
  clock: Clock;
  policy: Policy;
  cluster: string;
  /** Everything but the effect: decided on the real world, recorded, and nothing is changed. */
  dryRun: boolean;
};

/** How often a decision is made anew at once when the service moved while it was made. */
const mostRetries = 5;

/**
 * The way through: receive → match → observe → decide → guard → act → verify → record → notify.
 *
 * Intake receives and matches; what it opened comes here, course by course, whenever it is due: first now, later after
 * a hold or a cooldown. Acting once is in deeds.ts, verifying in verifying.ts, telling people in asking.ts.
 */
export class Pipeline {
  readonly #parts: PipelineParts;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Takes an episode, or one rule's course through it, one step further. */
  async advance(episodeId: string, ruleName: string): Promise<void> {
    const episode = this.#parts.records.episodes.get(episodeId);
    if (episode === undefined) return;
    if (ruleName === "") return this.#match(episode);
    const course = episode.courses.find(({ rule }) => rule === ruleName);
    if (course === undefined || course.phase !== "waiting") return;
    const rule = this.#parts.catalog.current.rule(ruleName);
    const action = rule?.steps(attemptOf(course))[course.step];
    if (rule === undefined) return this.#parts.courses.orphan(episode, course);
    if (action === undefined) return this.#parts.courses.cutShort(episode, rule);

    const { cluster, clock } = this.#parts;
    const about = { alert: episode.alert, rule: ruleName, cluster, now: clock.now() };
    const target = targetOf(action, about);
    if (target.kind === "hold") return this.#parts.holds.hold(episode, rule, target);
    const work = async (): Promise<void> => {
      for (let retry = 0; retry < mostRetries; retry += 1) {
        const again = await this.#step(episodeId, rule, action, target.target, course);
        if (again === "done") return;
      }
      const message = `${target.target.name} was changed by others ${mostRetries} times in a row while it was decided on`;
      await this.#parts.holds.hold(episode, rule, held("TargetBusy", message));
    };
    await this.#parts.lanes[target.target.kind].run(targetId(target.target), work, episode.group.key);
  }

  /** Matches an episode whose rules want to see the service first; in its lane, which bounds how much is asked at once. */
  async #match(episode: Episode): Promise<void> {
    const { cluster, lanes, observer, clock, episodes, courses, holds } = this.#parts;
    const name = label(episode.alert.labels, "service");
    const work = async (): Promise<void> => {
      const service = await observer.service(name);
      if (service.kind === "failed") return holds.matchLater(episode, service.message);
      const change = new Change();
      const present = this.#parts.records.episodes.get(episode.id);
      if (present === undefined || present.matched) return;
      episodes.matchNow(present, { state: service.value }, clock.now(), change);
      await courses.commit(change);
    };
    await lanes.service.run(targetId({ cluster, kind: "service", name }), work, episode.group.key);
  }

  /** One step in the target's lane. `again`: the world moved between reading and writing; nothing was written. */
  async #step(
    episodeId: string,
    rule: CompiledRule,
    action: CompiledAction,
    target: Target,
    asked: Course,
  ): Promise<"done" | "again"> {
    const { records, observer, targets, courses, holds, deeds, clock, policy } = this.#parts;

    // Still wanted?
    const episode = records.episodes.get(episodeId);
    const course = records.course(episodeId, rule.name);
    if (episode === undefined || course?.phase !== "waiting") return "done";
    // It may have waited for its turn while another look took the course further, or while the rules were replaced.
    const moved = course.step !== asked.step || course.tries !== asked.tries;
    if (moved || this.#parts.catalog.current.rule(rule.name) !== rule) {
      courses.lookAgain(episodeId, rule.name);
      return "done";
    }
    if (episode.alert.status !== rule.spec.on) {
      await courses.endWith(episode, rule);
      return "done";
    }
    const confirmation = await observer.confirmation(episode);
    if (confirmation.kind === "hold") {
      await holds.hold(episode, rule, { ...held("", ""), ...confirmation });
      return "done";
    }

    // Observe.
    const service = target.kind === "service" ? await observer.service(target.name) : null;
    const history = await targets.notice(target, service);

    // Decide and guard.
    const now = clock.now();
    const decision = consider(action, episode.alert, {
      now,
      rule: rule.spec,
      course,
      target,
      history,
      pauses: records.pauses,
      service,
      wantedUpAt: targets.wantedUpAt(target, now),
      policy,
    });
    targets.remember(decision, target);

    // Record, act, and have it verified.
    switch (decision.kind) {
      case "hold":
        await holds.hold(episode, rule, decision, target);
        return "done";
      case "ignore":
        await courses.conclude(episode, rule, decision);
        return "done";
      case "escalate": {
        const evidence = await observer.evidence(episode.alert.labels["service"]);
        await courses.conclude(episode, rule, { ...decision, trail: [...decision.trail, ...evidence] });
        return "done";
      }
      case "act":
        if (this.#parts.dryRun) {
          await holds.hold(
            episode,
            rule,
            { ...held("DryRun", `Would act: ${decision.reason.message}`), expected: true },
            target,
          );
          return "done";
        }
        return deeds.act({
          episode: episodeId,
          rule,
          action: action.spec.action,
          target,
          decision,
          at: clock.now(),
        });
      default:
        return decision satisfies never;
    }
  }
}
