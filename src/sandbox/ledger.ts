import type { Alert } from "../core/alert.ts";
import type { Decision } from "../core/decide.ts";
import type { Intent, Outcome } from "../core/intent.ts";
import type { Entry } from "../core/journal.ts";
import type { Judgement } from "../core/judge.ts";
import type { Reason } from "../core/reason.ts";

/** What became of an action so far. */
export type Deed = {
  readonly intent: Intent;
  readonly result: "under way" | "verified" | "failed" | "overtaken";
};

export type Held = {
  readonly rule: string;
  readonly target: string;
  readonly reason: Reason;
  readonly at: number;
};

export type Asked = {
  readonly id: string;
  readonly title: string;
  /** The alert that it began with; empty where it is about none. */
  readonly alertname: string;
  readonly resolved: boolean;
};

/** The journal by heart: what fired, what was done, what was held and why, who was asked. */
export class Ledger {
  readonly alerts = new Map<string, Alert>();
  /** By intent's id, in the order of the actions. */
  readonly deeds = new Map<string, Deed>();
  readonly holds: Held[] = [];
  readonly asked = new Map<string, Asked>();

  take(entry: Entry): void {
    const { kind, episode = "", target = "" } = entry;
    if (kind === "episode") {
      const data = entry.data as { event: string; alert?: Alert };
      if (data.event === "opened" && data.alert !== undefined) this.alerts.set(episode, data.alert);
    }
    if (kind === "decision") {
      const { rule, decision } = entry.data as { rule: string; decision: Decision };
      if (decision.kind === "hold") this.holds.push({ rule, target, reason: decision.reason, at: entry.at });
    }
    if (kind === "intent") {
      const { intent } = entry.data as { intent: Intent };
      this.deeds.set(intent.id, { intent, result: "under way" });
    }
    if (kind === "outcome") {
      const { intent, result } = entry.data as { intent: string; result: Outcome };
      if (result.kind === "failed" || result.kind === "unknown") this.#close(intent, "failed");
      // Nothing was written: it is decided anew, with the same name.
      if (result.kind === "conflict" || result.kind === "gone" || result.kind === "stale")
        this.deeds.delete(intent);
    }
    if (kind === "verification") {
      const { intent, judgement } = entry.data as { intent: string; judgement: Judgement };
      if (judgement.kind === "verified" || judgement.kind === "failed") this.#close(intent, judgement.kind);
      if (judgement.kind === "superseded") this.#close(intent, "overtaken");
    }
    if (kind === "escalation") {
      const { id, event, title } = entry.data as { id: string; event: string; title: string };
      const before = this.asked.get(id);
      const alertname = before?.alertname ?? this.alerts.get(episode)?.labels["alertname"] ?? "";
      this.asked.set(id, { id, title, alertname, resolved: event === "resolved" });
    }
  }

  #close(intent: string, result: Deed["result"]): void {
    const deed = this.deeds.get(intent);
    if (deed !== undefined) this.deeds.set(intent, { ...deed, result });
  }
}
