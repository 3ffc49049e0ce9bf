import type { Alert } from "./alert.ts";
import type { CompiledAction } from "./catalog.ts";
import { decide, held, type Decision, type Hold } from "./decide.ts";
import { ExpressionError } from "./expression.ts";
import { plan, serviceOf } from "./plan.ts";
import type { Situation } from "./situation.ts";
import type { Target } from "./target.ts";

/**
 * What an action of a rule would change for an alert. A webhook's target is the alert that it is called about: another
 * alert's call is another matter.
 */
export function targetOf(
  action: CompiledAction,
  about: { readonly alert: Alert; readonly rule: string; readonly cluster: string; readonly now: number },
): { readonly kind: "target"; readonly target: Target } | Hold {
  const { alert, rule, cluster, now } = about;
  return attempt(() => {
    const name = serviceOf(action, { alert, now, service: null });
    const target: Target =
      name === null
        ? { cluster, kind: "webhook", name: `${rule}/${alert.fingerprint}` }
        : { cluster, kind: "service", name };
    return { kind: "target", target };
  });
}

/** Decides on an action for an alert, given everything that is known but what the action's expressions come to. */
export function consider(action: CompiledAction, alert: Alert, known: Omit<Situation, "plan">): Decision {
  const { now, service } = known;
  const scope = { alert, now, service: service?.kind === "seen" ? service.value : null };
  return attempt(() => decide({ ...known, plan: plan(action, scope) }));
}

/** An expression that cannot be worked out for this alert holds: half an action is none. */
function attempt<T>(work: () => T): T | Hold {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof ExpressionError || cause instanceof RangeError)
      return held("ExpressionFailed", cause.message);
    throw cause;
  }
}
