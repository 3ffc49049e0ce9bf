import type { CompiledRule } from "../core/catalog.ts";
import type { Decision } from "../core/decide.ts";
import { attemptOf, type Course, type Episode } from "../core/episode.ts";
import type { Intent } from "../core/intent.ts";
import type { Clock } from "../core/ports.ts";
import { reason, type Reason } from "../core/reason.ts";
import type { Action } from "../core/rule.ts";
import type { Step } from "../core/step.ts";
import { targetId, type Target } from "../core/target.ts";
import type { Asking } from "./asking.ts";
import { Change } from "./change.ts";
import type { CatalogInUse } from "./catalog.ts";
import type { Episodes } from "./episodes.ts";
import type { Records } from "./records.ts";

/** A rule's way through an episode: what each decision and each judgement makes of it. */
export class Courses {
  readonly #records: Records;
  readonly #catalog: CatalogInUse;
  readonly #episodes: Episodes;
  readonly #asking: Asking;
  readonly #clock: Clock;
  readonly #schedule: (episode: string, rule: string, at: number) => void;
  readonly #onStep: (step: Step) => void;
  readonly #signal: AbortSignal;

  constructor(parts: {
    records: Records;
    catalog: CatalogInUse;
    episodes: Episodes;
    asking: Asking;
    clock: Clock;
    schedule: (episode: string, rule: string, at: number) => void;
    onStep: (step: Step) => void;
    signal: AbortSignal;
  }) {
    this.#records = parts.records;
    this.#catalog = parts.catalog;
    this.#episodes = parts.episodes;
    this.#asking = parts.asking;
    this.#clock = parts.clock;
    this.#schedule = parts.schedule;
    this.#onStep = parts.onStep;
    this.#signal = parts.signal;
  }

  async commit(change: Change): Promise<void> {
    await this.#records.persist(change.entries, change.puts, this.#signal);
    change.settle();
  }

  /** Changes a course as it stands now; nothing when its episode is closed already. */
  update(episodeId: string, rule: string, patch: Partial<Course>, change: Change): Episode | undefined {
    const episode = this.#records.episodes.get(episodeId);
    if (episode === undefined) return undefined;
    const courses = episode.courses.map((course) =>
      course.rule === rule ? { ...course, ...patch } : course,
    );
    const changed = { ...episode, courses };
    change.put(this.#records.putEpisode(changed));
    const course = courses.find((candidate) => candidate.rule === rule);
    if (course?.phase === "waiting") change.afterwards(() => this.#schedule(episodeId, rule, course.nextAt));
    return changed;
  }

  /** A rule that says to ignore the alert or to ask a person; also when its tries are used up. */
  async conclude(
    episode: Episode,
    rule: CompiledRule,
    decision: Extract<Decision, { kind: "ignore" | "escalate" }>,
  ): Promise<void> {
    const now = this.#clock.now();
    const course = this.#records.course(episode.id, rule.name);
    if (course?.phase !== "waiting") return; // resolved meanwhile
    const change = new Change();
    this.decided(episode, rule.name, decision, undefined, now, change);
    // A try that begins with words and then acts is a try: else it would be begun for ever.
    const begins =
      course.step === 0 && rule.steps(attemptOf(course)).some(({ spec }) => !isWord(spec.action));
    const exhausted =
      decision.reason.code === "AttemptsExhausted" || (begins && course.tries >= rule.spec.attempts);
    if (decision.kind === "escalate" && !(exhausted && rule.spec.otherwise === "ignore")) {
      const kind = decision.reason.code === "AttemptsExhausted" ? "failed" : "rule";
      this.#asking.about(
        episode,
        { kind, reason: decision.reason, rule: rule.spec, trail: decision.trail },
        now,
        change,
      );
    }
    if (exhausted) this.#finish(episode.id, rule, "handed-over", now, change);
    else this.#nextStep(episode.id, rule, 0, now, change, begins ? course.tries + 1 : course.tries);
    await this.commit(change);
  }

  /** The alert has ended, or the rule now waits for its end: what a try had still to do is left out. */
  async endWith(episode: Episode, rule: CompiledRule): Promise<void> {
    const now = this.#clock.now();
    const change = new Change();
    const why = reason("NoLongerWanted", `${rule.name} acts on ${rule.spec.on} alerts, and this one is not`);
    this.decided(episode, rule.name, { kind: "ignore", reason: why, trail: [why] }, undefined, now, change);
    this.#finish(episode.id, rule, "done", now, change);
    await this.commit(change);
  }

  /** The rule has left the catalog: its course ends and the present catalog is asked anew. */
  async orphan(episode: Episode, course: Course): Promise<void> {
    const now = this.#clock.now();
    const change = new Change();
    const why = reason("RuleGone", "The rule is no longer in the catalog");
    this.decided(episode, course.rule, { kind: "ignore", reason: why, trail: [why] }, undefined, now, change);
    const changed = this.update(episode.id, course.rule, { phase: "done", hold: null }, change);
    if (changed?.alert.status === "firing") this.#episodes.matchNow(changed, null, now, change);
    else if (changed !== undefined) this.#episodes.closeIfOver(changed, now, change);
    await this.commit(change);
  }

  /** To be looked at again at once: the course or the rule is no longer what was about to be decided on. */
  lookAgain(episodeId: string, rule: string): void {
    this.#schedule(episodeId, rule, this.#clock.now());
  }

  /** The rule has fewer steps now than the course has made: its try is over. */
  async cutShort(episode: Episode, rule: CompiledRule): Promise<void> {
    const now = this.#clock.now();
    const change = new Change();
    this.#nextStep(episode.id, rule, 0, now, change);
    await this.commit(change);
  }

  /** A step helped: the next one, or the end of the try. */
  succeed(intent: Intent, rule: CompiledRule | undefined, now: number, change: Change): void {
    if (rule === undefined)
      return void this.update(
        intent.episode,
        intent.rule,
        { phase: "waiting", nextAt: now, intent: null },
        change,
      );
    const { up, down } = rule.spec.cooldown;
    const cooldown = intent.direction === "none" ? Math.max(up, down) : rule.spec.cooldown[intent.direction];
    this.#nextStep(intent.episode, rule, Math.max(0, intent.at + cooldown - now), now, change);
  }

  /** A step failed: another try after the cooldown, or what the rule says follows. */
  fail(intent: Intent, rule: CompiledRule | undefined, why: Reason, now: number, change: Change): void {
    const episode = this.#records.episodes.get(intent.episode);
    const course = this.#records.course(intent.episode, intent.rule);
    if (episode === undefined || course === undefined) return;
    if (rule === undefined)
      return void this.update(
        episode.id,
        intent.rule,
        { phase: "waiting", nextAt: now, intent: null },
        change,
      );
    if (course.tries < rule.spec.attempts && episode.alert.status === "firing") {
      const nextAt =
        intent.at +
        (intent.direction === "none" ? rule.spec.cooldown.up : rule.spec.cooldown[intent.direction]);
      this.update(
        episode.id,
        rule.name,
        { phase: "waiting", step: 0, nextAt: Math.max(now, nextAt), intent: null, hold: null },
        change,
      );
      return;
    }
    if (rule.spec.otherwise !== "ignore") {
      const message = `${intent.action} of ${intent.target.name} failed: ${why.message}`;
      this.#asking.about(
        episode,
        { kind: "failed", reason: reason(why.code, message), rule: rule.spec, trail: [why] },
        now,
        change,
      );
    }
    this.#finish(episode.id, rule, "handed-over", now, change);
  }

  #nextStep(
    episodeId: string,
    rule: CompiledRule,
    cooldown: number,
    now: number,
    change: Change,
    counted?: number,
  ): void {
    const episode = this.#records.episodes.get(episodeId);
    const course = this.#records.course(episodeId, rule.name);
    if (episode === undefined || course === undefined) return;
    const steps = rule.steps(attemptOf(course));
    const tries = counted ?? course.tries;
    const step = course.step + 1;
    if (step < steps.length) {
      this.update(
        episodeId,
        rule.name,
        { phase: "waiting", tries, step, nextAt: now, intent: null, hold: null },
        change,
      );
      return;
    }
    // A resolved alert, `once`, and rules that change nothing end here: there is nothing to repeat.
    const changesNothing = steps.every(({ spec }) => isWord(spec.action));
    if (episode.alert.status === "resolved" || rule.spec.repeat === "once" || changesNothing) {
      return this.#finish(
        episodeId,
        rule,
        steps.some(({ spec }) => spec.action === "escalate") ? "handed-over" : "done",
        now,
        change,
      );
    }
    this.update(
      episodeId,
      rule.name,
      { phase: "waiting", tries, step: 0, nextAt: now + cooldown, intent: null, hold: null },
      change,
    );
  }

  #finish(
    episodeId: string,
    rule: CompiledRule,
    phase: "done" | "handed-over",
    now: number,
    change: Change,
  ): void {
    const changed = this.update(episodeId, rule.name, { phase, intent: null, hold: null }, change);
    if (changed !== undefined) this.#episodes.closeIfOver(changed, now, change);
  }

  /** Writes a decision down and has it counted. */
  decided(
    { id }: Episode,
    rule: string,
    decision: Decision,
    target: Target | undefined,
    now: number,
    change: Change,
  ): void {
    const where = target === undefined ? {} : { target: targetId(target) };
    change.append({ at: now, kind: "decision", episode: id, ...where, data: { rule, decision } });
    if (decision.kind === "hold") this.#catalog.count(rule, "held");
    this.#onStep({ kind: "decided", decision: decision.kind, code: decision.reason.code, rule });
  }
}

/** What changes nothing in the world. */
const isWord = (action: Action["action"]): boolean => action === "ignore" || action === "escalate";
