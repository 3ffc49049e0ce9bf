import type { Hold } from "../core/decide.ts";
import type { Intent, Outcome } from "../core/intent.ts";
import { judge, type Judgement } from "../core/judge.ts";
import type { NewEntry } from "../core/journal.ts";
import { internalError, reason, type Reason } from "../core/reason.ts";
import { targetId } from "../core/target.ts";
import { undoing } from "../core/undo.ts";
import { Change } from "./change.ts";
import { withSeen, type DeedsParts } from "./deeds.ts";

/** More than two looks and their deadlines take: then not time has passed but the clock was set; milliseconds. */
const mostPassed = 60_000;
/** How often it is tried to take something back, before it is left. */
const mostLooks = 5;

/** How long after an action its service is looked at first; milliseconds. */
const firstLook = 500;

/** Looks after applied intents until each has its judgement, and takes back what is known to be bad where a rule says so. */
export class Verifying {
  readonly #parts: DeedsParts;

  constructor(parts: DeedsParts) {
    this.#parts = parts;
  }

  start(intent: Intent): void {
    this.#parts.background.run({ verifying: intent.id }, () => this.#verify(intent));
  }

  /** Watches until the judgement is final; the deadline in the intent bounds it. */
  async #verify(intent: Intent): Promise<void> {
    const { clock, courses, signal } = this.#parts;
    // Nothing has started yet, and the next action on the target shall not wait behind our questions.
    if (intent.effect.kind === "service") await clock.sleep(firstLook, signal);
    let told = "";
    // A wall clock that is corrected meanwhile must neither end this nor draw it out.
    let now = Math.max(clock.now(), intent.at);
    let looked = clock.now();
    for (let wait = 250; ; wait = Math.min(Math.round(wait * 1.5), 2000)) {
      const at = now;
      const judgement = await this.#judge(intent, at).catch((cause: unknown) =>
        this.#unjudged(intent, at, cause),
      );
      if (judgement.kind !== "pending") return this.#judged(intent, judgement);
      if (judgement.progress !== told) await courses.commit(this.#note(intent, judgement));
      told = judgement.progress;
      await clock.sleep(wait, signal);
      const passed = clock.now() - looked;
      now += passed < 0 || passed > mostPassed ? wait : passed;
      looked = clock.now();
    }
  }

  async #judge(intent: Intent, now: number): Promise<Judgement> {
    const { clock, observer, catalog, records } = this.#parts;
    if (intent.effect.kind === "webhook") {
      return { kind: "verified", reason: reason("Answered", "The call was answered with success") };
    }
    const service = await observer.progress(intent.effect.serviceId, intent.id);
    const rule = catalog.current.rule(intent.rule);
    const episode = records.episodes.get(intent.episode);
    // A rule or an episode that is gone meanwhile has no condition left: what remains is whether it converged.
    const scope = episode && {
      alert: episode.alert,
      now: clock.now(),
      service: service.kind === "seen" ? service.value.state : null,
    };
    const condition = scope && rule ? await observer.condition(() => rule.verifyQuery(scope)) : null;
    return judge(intent, { now, service, condition });
  }

  /** A bug is thrown on, to be logged and tried anew, but not for ever: what cannot be judged in time has failed. */
  #unjudged(intent: Intent, now: number, cause: unknown): Judgement {
    if (this.#parts.signal.aborted || now < intent.deadline) throw cause;
    return {
      kind: "failed",
      reason: reason("VerificationUnknown", internalError(cause).message),
      undoable: false,
    };
  }

  async #judged(intent: Intent, judgement: Exclude<Judgement, { kind: "pending" }>): Promise<void> {
    const { records, catalog, courses, clock, onStep } = this.#parts;
    const rule = catalog.current.rule(intent.rule);
    const undoes = judgement.kind === "failed" && judgement.undoable && rule?.spec.otherwise === "rollback";
    const kept = undoes ? await this.#undo(intent) : null;
    const now = clock.now();
    const change = this.#note(intent, judgement).put(records.dropIntent(intent.id));
    if (kept !== null) change.append(notTakenBack(intent, kept, now));
    if (judgement.kind === "failed") {
      const { code, message } = judgement.reason;
      const why = kept === null ? message : `${message}. It was not taken back: ${kept.message}`;
      courses.fail(intent, rule, reason(code, why), now, change);
    } else courses.succeed(intent, rule, now, change);
    onStep({ kind: "verified", result: judgement.kind, ms: now - intent.at });
    await courses.commit(change);
  }

  /** In the target's lane, so that nothing else happens to it in between. Why it was not taken back; null when it was. */
  #undo(intent: Intent): Promise<Reason | null> {
    return this.#parts.lanes[intent.target.kind].run(targetId(intent.target), async () => {
      let kept: Reason | null = null;
      for (let look = 0; look < mostLooks; look += 1) {
        if (look > 0) await this.#parts.clock.sleep(1000 * look, this.#parts.signal);
        const tried = await this.#tryUndo(intent);
        if (tried.kind !== "again") return tried.kind === "undone" ? null : tried.reason;
        kept = tried.reason;
      }
      return kept;
    });
  }

  async #tryUndo(intent: Intent): Promise<{ kind: "undone" } | { kind: "leave" | "again"; reason: Reason }> {
    const { records, courses, actuator, observer, clock } = this.#parts;
    if (intent.effect.kind !== "service") return { kind: "undone" };
    const service = await observer.service(intent.effect.serviceId);
    if (service.kind === "failed")
      return { kind: "again", reason: reason("ObservationFailed", service.message) };
    const undo = undoing(intent, service.value, records.pauses, clock.now());
    if (undo.kind === "leave") return undo;
    const change = new Change().append({
      at: undo.intent.at,
      kind: "intent",
      episode: intent.episode,
      target: targetId(intent.target),
      data: { intent: undo.intent },
    });
    await courses.commit(change.put(records.putIntent(undo.intent)));
    const outcome = await actuator.perform(undo.intent);
    await this.undone(undo.intent, outcome);
    if (outcome.kind === "applied") return { kind: "undone" };
    const message = "message" in outcome ? outcome.message : "The service was changed by others meanwhile";
    const moved = outcome.kind === "conflict" || outcome.kind === "stale";
    return { kind: moved ? "again" : "leave", reason: reason("UndoFailed", message) };
  }

  /** Writes the outcome of an undo down; nothing follows from it but that its result is known as our own. */
  async undone(undo: Intent, outcome: Outcome): Promise<void> {
    const { records, courses, clock } = this.#parts;
    const change = new Change().append({
      at: clock.now(),
      kind: "outcome",
      episode: undo.episode,
      target: targetId(undo.target),
      data: { intent: undo.id, result: outcome },
    });
    change.put(records.dropIntent(undo.id));
    if (outcome.kind === "applied")
      change.put(records.putHistory(withSeen(records.history(undo.target), undo)));
    await courses.commit(change);
  }

  #note(intent: Intent, judgement: Judgement): Change {
    return new Change().append({
      at: this.#parts.clock.now(),
      kind: "verification",
      episode: intent.episode,
      target: targetId(intent.target),
      data: { intent: intent.id, judgement },
    });
  }
}

/** A rule that says `rollback` wanted to act: that it did not has its name in the journal as any other hold. */
function notTakenBack(intent: Intent, why: Reason, at: number): NewEntry {
  const direction = intent.direction === "up" ? "down" : "up";
  const decision: Hold = {
    kind: "hold",
    reason: why,
    until: null,
    expected: false,
    direction,
    trail: [why],
  };
  const { episode, target, rule } = intent;
  return {
    at,
    kind: "decision",
    episode,
    target: targetId(target),
    data: { rule, undo: intent.id, decision },
  };
}
