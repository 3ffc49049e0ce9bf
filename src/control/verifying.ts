import type { Intent, Outcome } from "../core/intent.ts";
import { judge, type Judgement } from "../core/judge.ts";
import { reason } from "../core/reason.ts";
import { targetId } from "../core/target.ts";
import { undoing } from "../core/undo.ts";
import { Change } from "./change.ts";
import { withSeen, type DeedsParts } from "./deeds.ts";

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
    let told = "";
    for (let wait = 250; ; wait = Math.min(Math.round(wait * 1.5), 2000)) {
      const judgement = await this.#judge(intent);
      if (judgement.kind !== "pending") return this.#judged(intent, judgement);
      if (judgement.progress !== told) await courses.commit(this.#note(intent, judgement));
      told = judgement.progress;
      await clock.sleep(wait, signal);
    }
  }

  async #judge(intent: Intent): Promise<Judgement> {
    const { clock, observer, catalog, records } = this.#parts;
    if (intent.effect.kind === "webhook") {
      return { kind: "verified", reason: reason("Answered", "The call was answered with success") };
    }
    const service = await observer.progress(intent.effect.serviceId);
    const rule = catalog.current.rule(intent.rule);
    const episode = records.episodes.get(intent.episode);
    // A rule or an episode that is gone meanwhile has no condition left: what remains is whether it converged.
    const scope = episode && {
      alert: episode.alert,
      now: clock.now(),
      service: service.kind === "seen" ? service.value.state : null,
    };
    const condition = scope && rule ? await observer.condition(() => rule.verifyQuery(scope)) : null;
    return judge(intent, { now: clock.now(), service, condition });
  }

  async #judged(intent: Intent, judgement: Exclude<Judgement, { kind: "pending" }>): Promise<void> {
    const { records, catalog, courses, clock, onStep } = this.#parts;
    const rule = catalog.current.rule(intent.rule);
    if (judgement.kind === "failed" && judgement.undoable && rule?.spec.otherwise === "rollback")
      await this.#undo(intent);
    const now = clock.now();
    const change = this.#note(intent, judgement).put(records.dropIntent(intent.id));
    if (judgement.kind === "failed") courses.fail(intent, rule, judgement.reason, now, change);
    else courses.succeed(intent, rule, now, change);
    onStep({ kind: "verified", result: judgement.kind, ms: now - intent.at });
    await courses.commit(change);
  }

  /** In the target's lane, so that nothing else happens to it in between. */
  async #undo(intent: Intent): Promise<void> {
    const { records, courses, actuator, observer, lanes, clock } = this.#parts;
    const { effect } = intent;
    if (effect.kind !== "service") return;
    await lanes.run(targetId(intent.target), async () => {
      const service = await observer.service(effect.serviceId);
      if (service.kind === "failed") return;
      const undo = undoing(intent, service.value, records.pauses, clock.now());
      if (undo.kind === "leave") return;
      const change = new Change().append({
        at: undo.intent.at,
        kind: "intent",
        episode: intent.episode,
        target: targetId(intent.target),
        data: { intent: undo.intent },
      });
      await courses.commit(change.put(records.putIntent(undo.intent)));
      await this.undone(undo.intent, await actuator.perform(undo.intent));
    });
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
