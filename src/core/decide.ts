import { boundsOf } from "./bounds.ts";
import { paceGuards, worldGuards, type Guard } from "./guards.ts";
import { rememberedImage } from "./history.ts";
import type { Direction, Effect } from "./intent.ts";
import { reason, type Reason } from "./reason.ts";
import { observed, type Situation } from "./situation.ts";
import { directionOf, size } from "./size.ts";

type Trail = readonly Reason[];

/** What is to be done about one course now. `trail`: everything that was considered, in order, the last word last. */
export type Decision =
  | {
      readonly kind: "act";
      readonly direction: Direction;
      readonly effect: Effect;
      readonly reason: Reason;
      readonly trail: Trail;
    }
  | Hold
  | { readonly kind: "ignore"; readonly reason: Reason; readonly trail: Trail }
  | { readonly kind: "escalate"; readonly reason: Reason; readonly trail: Trail };

export type Hold = {
  readonly kind: "hold";
  readonly reason: Reason;
  /** When to look again; epoch milliseconds, null when no time is known. */
  readonly until: number | null;
  /** An expected hold passes by itself or was a person's wish; any other is told to a person if it lasts. */
  readonly expected: boolean;
  /** What the action wanted, as far as it is known. */
  readonly direction: Direction;
  readonly trail: Trail;
};

/** A hold outside of the guards, with nothing known but its reason. */
export const held = (code: string, message: string): Hold => {
  const word = reason(code, message);
  return { kind: "hold", reason: word, until: null, expected: false, direction: "none", trail: [word] };
};

type Proposal =
  | { kind: "propose"; direction: Direction; effect: Effect; reason: Reason }
  | Omit<Hold, "trail">;

/**
 * Decides one step of one rule for one alert. Pure: all it knows is in the situation.
 * Tries left → the world allows it → what exactly → the pace allows it.
 */
export function decide(situation: Situation): Decision {
  const { plan, rule, course } = situation;
  if (plan.kind === "ignore")
    return closing("ignore", "IgnoredByRule", plan.message ?? `${rule.name} ignores it`);
  if (plan.kind === "escalate")
    return closing("escalate", "EscalatedByRule", plan.message ?? `${rule.name} asks a person`);
  if (course.step === 0 && course.tries >= rule.attempts) {
    const tries = `${course.tries} ${course.tries === 1 ? "try has" : "tries have"}`;
    return closing(
      "escalate",
      "AttemptsExhausted",
      `${tries} not ended it; ${rule.name} allows ${rule.attempts}`,
    );
  }

  const trail: Reason[] = [];
  const hoped = plan.kind === "scale" ? directionOf(plan.sizing) : "none";
  const blocked = firstHold(worldGuards, situation, hoped, trail);
  if (blocked !== null) return blocked;

  const proposal = propose(situation);
  trail.push(proposal.reason);
  if (proposal.kind === "hold") return { ...proposal, trail };

  return (
    firstHold(paceGuards, situation, proposal.direction, trail) ?? {
      ...proposal,
      kind: "act",
      trail,
    }
  );
}

const closing = (kind: "ignore" | "escalate", code: string, message: string): Decision => {
  const word = reason(code, message);
  return { kind, reason: word, trail: [word] };
};

function firstHold(
  guards: readonly Guard[],
  situation: Situation,
  direction: Direction,
  trail: Reason[],
): Hold | null {
  for (const guard of guards) {
    const verdict = guard(situation, direction);
    trail.push(verdict.reason);
    if (verdict.kind === "hold") return { ...verdict, direction, trail };
  }
  return null;
}

/** The effect in numbers, from the version of the service that was observed. */
function propose(situation: Situation): Proposal {
  const { plan } = situation;
  switch (plan.kind) {
    case "scale": {
      const service = observed(situation);
      const bounds = boundsOf(plan, service.labels);
      if (bounds.kind === "none") {
        return {
          kind: "hold",
          reason: bounds.reason,
          until: null,
          expected: false,
          direction: directionOf(plan.sizing),
        };
      }
      const sized = size(plan.sizing, service.replicas, bounds.bounds);
      if (sized.kind === "hold") return { ...sized, until: null };
      const message = `${service.name}: ${sized.reason.message}, ${bounds.message}`;
      return {
        kind: "propose",
        direction: sized.direction,
        effect: onService(situation, { kind: "replicas", replicas: sized.replicas }, sized.replicas),
        reason: reason("Sized", message),
      };
    }
    case "restart": {
      const { name, replicas } = observed(situation);
      return {
        kind: "propose",
        direction: "none",
        effect: onService(situation, { kind: "restart" }, replicas),
        reason: reason("Restart", `Replace the tasks of ${name}, as its update settings say`),
      };
    }
    case "rollback": {
      const service = observed(situation);
      const { name, replicas, image, previous } = service;
      const remembered =
        previous === null || previous.sameTasks ? rememberedImage(situation.history, service) : null;
      const set =
        remembered === null
          ? ({ kind: "previous-spec" } as const)
          : ({ kind: "image", image: remembered } as const);
      return {
        kind: "propose",
        direction: "none",
        effect: onService(situation, set, replicas),
        reason: reason(
          "Rollback",
          `Take ${name} from ${image} back to ${remembered ?? previous?.image ?? "its earlier spec"}`,
        ),
      };
    }
    case "webhook": {
      const message = `${plan.method} ${new URL(plan.url).origin}`;
      return { kind: "propose", direction: "none", effect: plan, reason: reason("Call", message) };
    }
    case "escalate":
    case "ignore":
      throw new TypeError(`${plan.kind} has no effect on the world`);
    default:
      return plan satisfies never;
  }
}

function onService(
  situation: Situation,
  set: Extract<Effect, { kind: "service" }>["set"],
  after: number,
): Effect {
  const { id, version, replicas } = observed(situation);
  return { kind: "service", set, serviceId: id, version, before: replicas, after };
}
