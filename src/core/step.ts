import type { Decision } from "./decide.ts";
import type { Outcome } from "./intent.ts";
import type { Judgement } from "./judge.ts";

/**
 * What just happened on the way through, for those who count: emitted after the fact, never waited for.
 * `ms` are durations in milliseconds. Codes, rules and actions are our own words, never a sender's.
 */
export type Step =
  /** Alerts of one notification, once it is durable. */
  | { readonly kind: "received"; readonly accepted: number; readonly duplicates: number }
  /** A notification could not be kept and was sent back. */
  | { readonly kind: "refused"; readonly code: string }
  | {
      readonly kind: "decided";
      readonly decision: Decision["kind"];
      readonly code: string;
      readonly rule: string;
    }
  /** `ms`: from the decision to the answer of what was changed. */
  | {
      readonly kind: "acted";
      readonly action: string;
      readonly result: Outcome["kind"] | "dry-run";
      readonly ms: number;
    }
  /** `ms`: from the action to the judgement. */
  | {
      readonly kind: "verified";
      readonly result: Exclude<Judgement["kind"], "pending">;
      readonly ms: number;
    }
  /** `why`: the code of the reason that a person was asked for. */
  | { readonly kind: "escalated"; readonly why: string }
  | { readonly kind: "delivered"; readonly result: "posted" | "updated" | "failed" }
  | { readonly kind: "reloaded"; readonly ok: boolean };
