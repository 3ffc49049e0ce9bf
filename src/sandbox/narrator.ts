import { label, type Alert } from "../core/alert.ts";
import type { Decision } from "../core/decide.ts";
import { nameOf, type Escalation } from "../core/escalation.ts";
import type { Effect, Intent, Outcome } from "../core/intent.ts";
import type { Entry } from "../core/journal.ts";
import type { Judgement } from "../core/judge.ts";
import type { Message } from "../core/message.ts";
import type { Reason } from "../core/reason.ts";
import { escalationMessage } from "../core/telling.ts";

/** What a newcomer would call the steps of the way through. */
export type Step = "shop" | "alert" | "decided" | "done" | "verified" | "held" | "asked" | "over" | "failed";

/** One thing that happened, as a sentence. */
export type Said = {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly step: Step;
  readonly text: string;
  /** A message to people, shown in a frame below. */
  readonly frame?: { readonly heading: string; readonly lines: readonly string[] };
};

/** Tells the journal, entry by entry. What says nothing to a newcomer is left out. */
export class Narrator {
  readonly #escalation: (id: string) => Escalation | undefined;
  readonly #alerts = new Map<string, Alert>();
  readonly #intents = new Map<string, Intent>();

  /** `escalation`: what Homeostat knows of an escalation now. */
  constructor(escalation: (id: string) => Escalation | undefined) {
    this.#escalation = escalation;
  }

  tell(entry: Entry): Said | null {
    const said = this.#sentence(entry);
    return said === null ? null : { at: entry.at, ...said };
  }

  #sentence(entry: Entry): Omit<Said, "at"> | null {
    switch (entry.kind) {
      case "episode":
        return this.#episode(entry);
      case "decision":
        return decisionSaid(entry.data as { rule: string; decision: Decision });
      case "intent": {
        const { intent } = entry.data as { intent: Intent };
        this.#intents.set(intent.id, intent);
        return null; // its decision was told, its outcome follows
      }
      case "outcome":
        return this.#outcome(entry.data as { intent: string; result: Outcome });
      case "verification":
        return this.#verification(entry.data as { intent: string; judgement: Judgement });
      case "noticed": {
        const { message } = entry.data as Reason;
        return { step: "shop", text: `${message}. Homeostat noticed.` };
      }
      case "escalation":
        return this.#asked(entry.data as { id: string; event: string; title: string }, entry.at);
      case "pause": {
        const { event, scope, by } = entry.data as { event: string; scope: string; by: string };
        return { step: "asked", text: `${by} has ${event} ${scope}.` };
      }
      case "notification": // its alerts are told
      case "message": //      without Slack there is none; the thread is shown with the escalation
      case "catalog":
      case "process":
        return null;
      default:
        return entry.kind satisfies never;
    }
  }

  #episode({ episode = "", data }: Entry): Omit<Said, "at"> | null {
    const { event, alert, why } = data as { event: string; alert?: Alert; why?: string };
    if (event === "opened" && alert !== undefined) {
      this.#alerts.set(episode, alert);
      const summary = label(alert.annotations, "summary");
      const name = label(alert.labels, "alertname");
      return { step: "alert", text: `${name} fires: ${summary || nameOf(alert.labels)}.` };
    }
    const known = this.#alerts.get(episode);
    if (known === undefined) return null;
    if (event === "resolved") return { step: "over", text: `${nameOf(known.labels)} is over.` };
    // Closing follows resolving at once, but for alerts of which nothing more was heard.
    if (event !== "closed") return null;
    this.#alerts.delete(episode);
    return why === "expired"
      ? { step: "over", text: `${nameOf(known.labels)} was not heard of any more.` }
      : null;
  }

  #outcome({ intent, result }: { intent: string; result: Outcome }): Omit<Said, "at"> | null {
    const known = this.#intents.get(intent);
    if (known === undefined) return null;
    const { target, effect } = known;
    switch (result.kind) {
      case "applied":
        return { step: "done", text: `${done(target.name, effect)}.` };
      case "conflict":
        return {
          step: "held",
          text: `${target.name} was changed by somebody else at that moment: it is decided anew.`,
        };
      case "stale":
        return {
          step: "held",
          text: `What was known of ${target.name} has grown too old: it is decided anew.`,
        };
      case "gone":
        return { step: "held", text: `${target.name} is not there any more.` };
      case "failed":
      case "unknown":
        return { step: "failed", text: `${target.name} could not be changed: ${result.message}.` };
      default:
        return result satisfies never;
    }
  }

  #verification({ intent, judgement }: { intent: string; judgement: Judgement }): Omit<Said, "at"> | null {
    const name = this.#intents.get(intent)?.target.name ?? "It";
    switch (judgement.kind) {
      case "pending":
        return null; // the replicas are in sight meanwhile
      case "verified":
        return { step: "verified", text: `${name}: ${judgement.reason.message}.` };
      case "failed":
        return {
          step: "failed",
          text: `${name} (${judgement.reason.code}): ${judgement.reason.message}.`,
        };
      case "superseded":
        return {
          step: "over",
          text: `${name} moved on before it was verified: ${judgement.reason.message}.`,
        };
      default:
        return judgement satisfies never;
    }
  }

  #asked(
    { id, event, title }: { id: string; event: string; title: string },
    at: number,
  ): Omit<Said, "at"> | null {
    const escalation = this.#escalation(id);
    if (event === "opened") {
      const text =
        "A person is asked, and nothing is done. No Slack is connected here; its thread would read:";
      if (escalation === undefined) return { step: "asked", text: `${text} ${title}` };
      return {
        step: "asked",
        text,
        frame: thread(escalationMessage(escalation, { now: at, dryRun: false })),
      };
    }
    if (event !== "resolved") return null;
    return { step: "over", text: `The thread “${title}” is marked as resolved.` };
  }
}

function decisionSaid({ rule, decision }: { rule: string; decision: Decision }): Omit<Said, "at"> {
  const { code, message } = decision.reason;
  switch (decision.kind) {
    case "act":
      return { step: "decided", text: `${rule} acts: ${message}.` };
    case "hold":
      return { step: "held", text: `${rule} holds (${code}): ${message}.` };
    case "ignore":
      return { step: "decided", text: `${rule} ignores it (${code}): ${message}.` };
    case "escalate":
      return { step: "decided", text: `${rule} asks a person (${code}): ${message}.` };
    default:
      return decision satisfies never;
  }
}

function done(name: string, effect: Effect): string {
  if (effect.kind === "webhook") return `${effect.method} ${new URL(effect.url).origin} was called`;
  const { set, before, after } = effect;
  switch (set.kind) {
    case "replicas":
      return `${name} is scaled ${after > before ? "out" : "in"} from ${before} to ${after} replicas`;
    case "restart":
      return `The tasks of ${name} are replaced`;
    case "previous-spec":
      return `${name} goes back to what it ran before`;
    case "image":
      return `${name} goes back to ${set.image}`;
    default:
      return set satisfies never;
  }
}

/** A message as its chat would show it, as plain lines. */
function thread(message: Message): NonNullable<Said["frame"]> {
  const { title, paragraphs, fields, links, trail } = message;
  return {
    heading: title,
    lines: [
      ...paragraphs.flatMap((text) => text.split("\n")),
      ...fields.map(({ name, value }) => `${name}: ${value}`),
      // Slack hides the addresses behind their names.
      ...(links.length === 0 ? [] : [links.map(({ text }) => `[${text}]`).join(" ")]),
      ...trail.map((step, index) => `${index + 1}. ${step}`),
      ...(message.footer === undefined ? [] : [message.footer]),
    ],
  };
}
