import { ExpressionError } from "./expression.ts";
import type { Catalog, CompiledRule, Scope } from "./catalog.ts";
import { reason, type Reason } from "./reason.ts";

/** The rules that take an alert, in order, and why others that its labels fit did not. */
export type Matched = {
  readonly kind: "matched";
  readonly rules: readonly CompiledRule[];
  readonly trail: readonly Reason[];
};

/**
 * In order, the first rule that fits takes the alert, unless it says `continue`. A `when` that cannot be worked out
 * takes nothing: the alert goes on to the next rule and in the end to a person.
 * @param observed whether `scope.service` was observed; without it a `when` that reads the service stops the matching.
 */
export function match(
  catalog: Catalog,
  scope: Scope,
  observed: boolean,
): Matched | { readonly kind: "needs-service" } {
  const rules: CompiledRule[] = [];
  const trail: Reason[] = [];
  for (const rule of catalog.candidates(scope.alert)) {
    if (rule.needsService && !observed) return { kind: "needs-service" };
    const no = rule.when === null ? null : refusal(rule, rule.when, scope);
    if (no !== null) {
      trail.push(no);
      continue;
    }
    rules.push(rule);
    trail.push(reason("Matched", `${rule.name} takes it`));
    if (!rule.spec.continue) break;
  }
  return { kind: "matched", rules, trail };
}

function refusal(rule: CompiledRule, when: (scope: Scope) => boolean, scope: Scope): Reason | null {
  try {
    return when(scope) ? null : reason("WhenFalse", `${rule.name}: its condition ${rule.spec.when} is false`);
  } catch (cause) {
    if (!(cause instanceof ExpressionError)) throw cause;
    return reason("WhenFailed", `${rule.name}: ${cause.message}`);
  }
}
