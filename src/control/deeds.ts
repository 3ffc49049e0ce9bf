import type { Decision } from "../core/decide.ts";
import { withAction, withoutAction, type TargetHistory } from "../core/history.ts";
import { intentId, withoutSecrets, type Intent, type Outcome } from "../core/intent.ts";
import type { CompiledRule } from "../core/catalog.ts";
import type { Clock } from "../core/ports.ts";
import { reason } from "../core/reason.ts";
import type { Policy } from "../core/situation.ts";
import type { Step } from "../core/step.ts";
import { targetId, type Target } from "../core/target.ts";
import type { Actuator } from "./acting.ts";
import type { Background } from "./background.ts";
import type { CatalogInUse } from "./catalog.ts";
import { Change } from "./change.ts";
import type { Courses } from "./courses.ts";
import type { Lanes } from "./lanes.ts";
import type { Observer } from "./observing.ts";
import type { Records } from "./records.ts";
import type { Verifying } from "./verifying.ts";

export type DeedsParts = {
  records: Records;
  catalog: CatalogInUse;
  courses: Courses;
  actuator: Actuator;
  observer: Observer;
  lanes: Readonly<Record<Target["kind"], Lanes>>;
  background: Background;
  clock: Clock;
  policy: Policy;
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
  readonly #parts: DeedsParts & { readonly verifying: Verifying };

  /** Outcomes that are on their way to the disk, by target. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(parts: DeedsParts & { readonly verifying: Verifying }) {
    this.#parts = parts;
  }

  /** Writes the intent and makes it happen. `again`: the service moved first, so decide anew. */
  async act(act: Act): Promise<"done" | "again"> {
    const { records, courses, catalog, onStep } = this.#parts;
    const { rule, target, decision, at } = act;
    // Resolved while the world was read?
    const course = records.course(act.episode, rule.name);
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
    const effect = withoutSecrets(intent.effect);
    const written: Intent = { ...intent, effect };
    change.append({
      ...where,
      kind: "decision",
      data: { rule: rule.name, decision: { ...decision, effect } },
    });
    change.append({ ...where, kind: "intent", data: { intent: written } });
    change.put(records.putIntent(written));
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
    // The next effect on a target waits for the outcome of the last one to be on disk; the way there is shared.
    await Promise.all([courses.commit(change), this.#writing.get(targetId(target))]);
    catalog.count(rule.name, "acted");
    onStep({ kind: "decided", decision: "act", code: decision.reason.code, rule: rule.name });
    const old = this.#parts.clock.now() - at > this.#parts.policy.fresh;
    const late: Outcome = { kind: "stale", message: "Writing it down took too long" };
    return this.#conclude(intent, old ? late : await this.#parts.actuator.perform(intent));
  }

  /** Goes on with what an earlier process began. */
  resume(): void {
    const { records, lanes, actuator, background, verifying } = this.#parts;
    for (const intent of records.intents.values()) {
      if (intent.phase === "applied") {
        verifying.start(intent);
        continue;
      }
      background.run({ settling: intent.id }, () =>
        lanes[intent.target.kind].run(targetId(intent.target), async () => {
          const outcome = await actuator.settle(intent);
          await (intent.action === "undo"
            ? verifying.undone(intent, outcome)
            : this.#conclude(intent, outcome));
        }),
      );
    }
  }

  /**
   * Lets the lane go on while an outcome is written down. At a crash its effect may then be unsettled, but no later one
   * on the same target can have happened, so the service still tells of it.
   */
  #write(target: string, written: Promise<void>, applied: Intent): void {
    this.#writing.set(target, written);
    this.#parts.background.run({ applied: applied.id }, async () => {
      await written;
      if (this.#writing.get(target) === written) this.#writing.delete(target);
      this.#parts.verifying.start(applied);
    });
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
        const applied: Intent = { ...intent, effect: withoutSecrets(intent.effect), phase: "applied" };
        change.put(
          records.putIntent(applied),
          records.putHistory(withSeen(records.history(intent.target), applied)),
        );
        this.#write(target, courses.commit(change), applied);
        return "done";
      }
      case "conflict":
      case "gone":
      case "stale": {
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
}

/** What the target looks like after an own change, so that it is not taken for somebody else's. */
export const withSeen = (history: TargetHistory, { id, effect }: Intent): TargetHistory =>
  effect.kind === "service" ? { ...history, seen: { replicas: effect.after, intent: id } } : history;

/** The tries of a course before an intent counted one: only a try's first step does. */
function attemptsBefore(intent: Intent): number {
  const [attempt = 1, step = 0] = intent.id
    .slice(intent.id.lastIndexOf("/") + 1)
    .split(".")
    .map(Number);
  return step === 0 ? attempt - 1 : attempt;
}
