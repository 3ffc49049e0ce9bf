/*
 * The journal: append-only, one entry a fact. `data` is JSON; its shape by kind:
 *
 * notification  the Alertmanager body exactly as it was accepted
 * episode       {event: "opened" | "closed" | "superseded", alert, rules, why?}
 * decision      {rule, try, step, decision: Decision}          (core/decide.ts)
 * intent        {intent: Intent}                               (core/intent.ts)
 * outcome       {intent: id, result: Outcome}
 * verification  {intent: id, judgement: Judgement}             progress and the end of it
 * noticed       {code, message}                                a person's or a deploy's change
 * escalation    {id, event: "opened" | "joined" | "left" | "resolved", title, reason}
 * message       {escalation, event: "posted" | "updated" | "replied" | "failed", channel?, ts?, error?}   escalation: its id, or digest/<id>
 * pause         {event: "paused" | "resumed", scope, by, reason, until}
 * catalog       {event: "loaded" | "refused", version, rules, faults}
 * process       {event: "started" | "stopped", version}
 */
export const entryKinds = [
  "notification",
  "episode",
  "decision",
  "intent",
  "outcome",
  "verification",
  "noticed",
  "escalation",
  "message",
  "pause",
  "catalog",
  "process",
] as const;
export type EntryKind = (typeof entryKinds)[number];

export type NewEntry = {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly kind: EntryKind;
  /** The episode's id, where the entry belongs to one. */
  readonly episode?: string;
  /** `targetId()` of what it is about, where there is one. */
  readonly target?: string;
  /** A JSON value, or bytes that are JSON text already (kept verbatim). */
  readonly data: unknown;
};

/** As read back: `data` parsed. `seq` grows by one an entry and is never used twice. */
export type Entry = NewEntry & { readonly seq: number };
