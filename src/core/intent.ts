import type { ServiceChange, Target } from "./target.ts";

export type Direction = "up" | "down" | "none";

/** What an action will do, worked out to the last number. */
export type Effect =
  | {
      readonly kind: "service";
      readonly set: ServiceChange["set"];
      readonly serviceId: string;
      readonly version: number;
      /** Replicas before; what an undo goes back to. */
      readonly before: number;
      readonly after: number;
    }
  | WebhookCall;

/** A call to another system, with everything but what the file behind `bearerFile` holds. */
export type WebhookCall = {
  readonly kind: "webhook";
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bearerFile: string | null;
  readonly body: string;
};

/** The record written before an action. Its id is stamped on what it changes. */
export type Intent = {
  /** `<episode>/<rule>/<try>.<step>`: the same episode, rule and try always give the same id. */
  readonly id: string;
  readonly episode: string;
  readonly rule: string;
  readonly action: string;
  readonly target: Target;
  readonly direction: Direction;
  readonly effect: Effect;
  readonly at: number;
  /** Verification must hold by then. */
  readonly deadline: number;
  readonly phase: "intended" | "applied";
};

export const intentId = (episode: string, rule: string, attempt: number, step: number): string =>
  `${episode}/${rule}/${attempt}.${step}`;

/** As it is written down: what a call's URL and headers may hold is nobody's to read later, and nobody needs it. */
export function withoutSecrets(effect: Effect): Effect {
  if (effect.kind !== "webhook") return effect;
  const headers = Object.fromEntries(Object.keys(effect.headers).map((name) => [name, "…"]));
  return { ...effect, url: `${new URL(effect.url).origin}/…`, headers };
}

/** The intent that takes another one back. */
export const undoId = (intent: string): string => `${intent}/undo`;

/** What became of an intent. */
export type Outcome =
  | { readonly kind: "applied" }
  /** The world moved first; nothing was written. */
  | { readonly kind: "conflict" }
  | { readonly kind: "gone" }
  /** What it was decided on no longer holds: it is old, or a person or the alert's end came in between; nothing was written to the world. */
  | { readonly kind: "stale"; readonly message: string }
  /** The other side refused, or cannot be known to have acted. */
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

export type Sighting = "applied" | "pending" | "missed";

/**
 * After a crash or a lost answer: did the effect happen? The label tells, and where another change came after ours,
 * the previous spec's label does. An update carries the version it was computed from, so once the service has moved
 * past it without our label the effect can no longer happen.
 */
export function sight(
  intent: { id: string; effect: Extract<Effect, { kind: "service" }> },
  service: {
    version: number;
    intent: string | null;
    previous: { intent: string | null } | null;
  } | null,
): Sighting {
  if (service === null) return "missed";
  if (service.intent === intent.id || service.previous?.intent === intent.id) return "applied";
  return service.version === intent.effect.version ? "pending" : "missed";
}
