import type { Decision } from "../core/decide.ts";
import { withAction, withoutAction } from "../core/history.ts";
import { intentId, undoId, type Intent, type Outcome } from "../core/intent.ts";
import { judge, type Judgement } from "../core/judge.ts";
import type { CompiledRule } from "../core/catalog.ts";
import type { Clock } from "../core/ports.ts";
import { reason } from "../core/reason.ts";
import type { Step } from "../core/step.ts";
import { targetId, type Target } from "../core/target.ts";
import type { Actuator } from "./acting.ts";
import type { CatalogInUse } from "./catalog.ts";
import { Change } from "./change.ts";
import type { Courses } from "./courses.ts";
import type { Lanes } from "./lanes.ts";
import type { Observer } from "./observing.ts";
import type { Records } from "./records.ts";

export type DeedsParts = {
  records: Records;
  catalog: CatalogInUse;
  courses: Courses;
  actuator: Actuator;
  observer: Observer;
  lanes: Lanes;
  clock: Clock;
  onStep: (step: Step) => void;
  signal: AbortSignal;
};

type Act = {
  readonly episode: string;
  readonly rule: CompiledRule;
  readonly action: string;
  readonly target: Target;
  readonly decision: Extract<Decision, { kind: "act" }>;
  readonly at: number;
};

/**
 * From a decision to the end of it: the intent is written, the effect made, the outcome written, the result verified.
 * Each arrow is durable before the next begins, so that a new process goes on where an old one ended.
 */
export class Deeds {
  readonly #parts: DeedsParts;
  readonly #verifying = new Set<Promise<void>>();

  constructor(parts: DeedsParts) {
    this.#parts = parts;
  }

  /** Writes the intent and makes it happen. `again`: the service moved first, so decide anew. */
  async act(act: Act): Promise<"done" | "again"> {
    const { records, courses, catalog, onStep } = this.#parts;
    const { rule, target, decision, at } = act;
    // Resolved while the world was read?
    const course = records.episodes
      .get(act.episode)
      ?.courses.find((candidate) => candidate.rule === rule.name);
    if (course?.phase !== "waiting") return "done";
    const attempt = course.step === 0 ? course.tries + 1 : course.tries;
    const intent: Intent = {
      id: intentId(act.episode, rule.name, attempt, course.step),
      episode: act.episode,
      rule: rule.name,
      action: act.action,
      target,
      direction: decision.direction,
      effect: decision.effect,
      at,
      deadline: at + rule.spec.verify.within,
      phase: "intended",
    };
    const change = new Change();
    const where = { at, episode: act.episode, target: targetId(target) };
    change.append({ ...where, kind: "decision", data: { rule: rule.name, decision } });
    change.append({ ...where, kind: "intent", data: { intent } });
    change.put(records.putIntent(intent));
    change.put(
      records.putHistory(
        withAction(records.history(target), {
          at,
          direction: intent.direction,
          rule: rule.name,
          intent: intent.id,
        }),
      ),
    );
    courses.update(
      act.episode,
      rule.name,
      { phase: "verifying", tries: attempt, intent: intent.id, hold: null },
      change,
    );
    await courses.commit(change);
    catalog.count(rule.name, "acted");
    onStep({ kind: "decided", decision: "act", code: decision.reason.code, rule: rule.name });
    const outcome = await this.#parts.actuator.perform(intent);
    return this.#conclude(intent, outcome);
  }

  /** Goes on with what an earlier process began. */
  resume(): void {
    const { records, lanes, actuator } = this.#parts;
    for (const intent of records.intents.values()) {
      if (intent.phase === "applied") this.#startVerifying(intent);
      else {
        void lanes.run(targetId(intent.target), async () => {
          const outcome = await actuator.settle(intent);
          await (intent.action === "undo" ? this.#undone(intent, outcome) : this.#conclude(intent, outcome));
        });
      }
    }
  }

  /** Resolves when no verification is under way any more; after the signal that is soon. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.#verifying);
  }

  async #conclude(intent: Intent, outcome: Outcome): Promise<"done" | "again"> {
    const { records, courses, catalog, clock, onStep } = this.#parts;
    const now = clock.now();
    const rule = catalog.current.rule(intent.rule);
    const change = new Change();
    const target = targetId(intent.target);
    change.append({
      at: now,
      kind: "outcome",
      episode: intent.episode,
      target,
      data: { intent: intent.id, result: outcome },
    });
    onStep({ kind: "acted", action: intent.action, result: outcome.kind, ms: now - intent.at });
    switch (outcome.kind) {
      case "applied": {
        const applied: Intent = { ...intent, phase: "applied" };
        change.put(records.putIntent(applied), records.putHistory(this.#seen(applied)));
        await courses.commit(change);
        this.#startVerifying(applied);
        return "done";
      }
      case "conflict":
      case "gone": {
        // It never happened: it starts no cooldown and is no try.
        const tries = attemptsBefore(intent);
        change.put(
          records.dropIntent(intent.id),
          records.putHistory(withoutAction(records.history(intent.target), intent.id)),
        );
        courses.update(
          intent.episode,
          intent.rule,
          { phase: "waiting", tries, intent: null, nextAt: now + 1000 },
          change,
        );
        await courses.commit(change);
        return "again";
      }
      case "failed":
      case "unknown": {
        change.put(records.dropIntent(intent.id));
        const code = outcome.kind === "failed" ? "ActionFailed" : "OutcomeUnknown";
        courses.fail(intent, rule, reason(code, outcome.message), now, change);
        await courses.commit(change);
        return "done";
      }
      default:
        return outcome satisfies never;
    }
  }

  /** What the service looks like after an own change, so that it is not taken for somebody else's. */
  #seen(intent: Intent): ReturnType<typeof withAction> {
    const history = this.#parts.records.history(intent.target);
    return intent.effect.kind === "service"
      ? { ...history, seen: { replicas: intent.effect.after, intent: intent.id } }
      : history;
  }

  #startVerifying(intent: Intent): void {
    const { signal } = this.#parts;
    const work = this.#verify(intent).catch((cause: unknown) => {
      if (!signal.aborted) throw cause;
    });
    this.#verifying.add(work);
    void work.finally(() => this.#verifying.delete(work));
  }

  /** Watches until the judgement is final; the deadline in the intent bounds it. */
  async #verify(intent: Intent): Promise<void> {
    const { clock, signal } = this.#parts;
    let told = "";
    for (let wait = 250; ; wait = Math.min(Math.round(wait * 1.5), 2000)) {
      const judgement = await this.#judge(intent);
      if (judgement.kind !== "pending") return this.#judged(intent, judgement);
      if (judgement.progress !== told) await this.#progress(intent, judgement);
      told = judgement.progress;
      await clock.sleep(wait, signal);
    }
  }

  async #judge(intent: Intent): Promise<Judgement> {
    const { clock, observer, catalog } = this.#parts;
    if (intent.effect.kind === "webhook")
      return { kind: "verified", reason: reason("Answered", "The call was answered with success") };
    const service = await observer.progress(intent.effect.serviceId);
    const rule = catalog.current.rule(intent.rule);
    const episode = this.#parts.records.episodes.get(intent.episode);
    // A rule or an episode that is gone meanwhile has no condition left: what remains is whether it converged.
    const scope = episode && {
      alert: episode.alert,
      now: clock.now(),
      service: service.kind === "seen" ? service.value.state : null,
    };
    const condition = scope && rule ? await observer.condition(() => rule.verifyQuery(scope)) : null;
    return judge(intent, { now: clock.now(), service, condition });
  }

  async #progress(intent: Intent, judgement: Judgement): Promise<void> {
    const change = new Change();
    change.append(this.#entry(intent, judgement));
    await this.#parts.courses.commit(change);
  }

  async #judged(intent: Intent, judgement: Exclude<Judgement, { kind: "pending" }>): Promise<void> {
    const { records, catalog, courses, clock, onStep } = this.#parts;
    const now = clock.now();
    const rule = catalog.current.rule(intent.rule);
    const change = new Change();
    change.append(this.#entry(intent, judgement));
    change.put(records.dropIntent(intent.id));
    onStep({ kind: "verified", result: judgement.kind, ms: now - intent.at });
    if (judgement.kind === "failed") {
      if (judgement.undoable && rule?.spec.otherwise === "rollback") await this.#undo(intent);
      courses.fail(intent, rule, judgement.reason, now, change);
    } else {
      courses.succeed(intent, rule, now, change);
    }
    await courses.commit(change);
  }

  /** Takes a failed scaling back, unless somebody has moved on from it. */
  async #undo(intent: Intent): Promise<void> {
    const { records, courses, actuator, observer, lanes, clock } = this.#parts;
    const { effect } = intent;
    if (effect.kind !== "service" || effect.set.kind !== "replicas") return;
    await lanes.run(targetId(intent.target), async () => {
      const service = await observer.service(effect.serviceId);
      if (service.kind === "failed" || service.value?.intent !== intent.id) return;
      const at = clock.now();
      const undo: Intent = {
        ...intent,
        id: undoId(intent.id),
        action: "undo",
        direction: intent.direction === "up" ? "down" : "up",
        effect: {
          ...effect,
          set: { kind: "replicas", replicas: effect.before },
          version: service.value.version,
          before: effect.after,
          after: effect.before,
        },
        at,
        deadline: at + (intent.deadline - intent.at),
      };
      const change = new Change();
      change.append({
        at,
        kind: "intent",
        episode: undo.episode,
        target: targetId(undo.target),
        data: { intent: undo },
      });
      change.put(records.putIntent(undo));
      await courses.commit(change);
      await this.#undone(undo, await actuator.perform(undo));
    });
  }

  async #undone(undo: Intent, outcome: Outcome): Promise<void> {
    const { records, courses, clock } = this.#parts;
    const change = new Change();
    const target = targetId(undo.target);
    change.append({
      at: clock.now(),
      kind: "outcome",
      episode: undo.episode,
      target,
      data: { intent: undo.id, result: outcome },
    });
    change.put(records.dropIntent(undo.id));
    if (outcome.kind === "applied") change.put(records.putHistory(this.#seen(undo)));
    await courses.commit(change);
  }

  #entry(intent: Intent, judgement: Judgement) {
    const where = {
      at: this.#parts.clock.now(),
      episode: intent.episode,
      target: targetId(intent.target),
    };
    return { ...where, kind: "verification" as const, data: { intent: intent.id, judgement } };
  }
}

/** The tries of a course before an intent counted one: only a try's first step does. */
function attemptsBefore(intent: Intent): number {
  const [attempt = 1, step = 0] = intent.id
    .slice(intent.id.lastIndexOf("/") + 1)
    .split(".")
    .map(Number);
  return step === 0 ? attempt - 1 : attempt;
}
