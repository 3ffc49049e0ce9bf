import type { Alert } from "./alert.ts";
import type { Rule, Action } from "./rule.ts";
import type { ServiceState } from "./target.ts";

/** What `when` and `${…}` can see. `service` is null where the action has none or it was not observed. */
export type Scope = {
  readonly alert: Alert;
  /** Epoch milliseconds; a CEL timestamp inside expressions. */
  readonly now: number;
  readonly service: ServiceState | null;
};

/** A text with `${…}` compiled. Rendering throws ExpressionError, which names the expression. */
export type Template = { readonly source: string; render(scope: Scope): string };

/** An action of the catalog with its templates compiled in place of their texts. */
export type CompiledAction = {
  readonly spec: Action;
  /** Renders one of the action's template fields; undefined when the rule left it out. */
  text(field: string, scope: Scope): string | undefined;
};

export type CompiledRule = {
  readonly name: string;
  readonly spec: Rule;
  readonly source: { readonly file: string; readonly line: number; readonly column: number };
  /** `when`, compiled; null without one. Throws ExpressionError. */
  readonly when: ((scope: Scope) => boolean) | null;
  /** True when `when` reads `service`, so that the service must be observed before matching is decided. */
  readonly needsService: boolean;
  /**
   * `verify.query` worked out for an alert, values of `${…}` escaped for PromQL strings; null without one.
   * Throws ExpressionError.
   */
  verifyQuery(scope: Scope): string | null;
  /** The actions of the n-th try (from 0): `do`, or the ladder's rung, its last one for good. */
  steps(attempt: number): readonly CompiledAction[];
};

export type Catalog = {
  /** A hash of the rules' sources. */
  readonly version: string;
  readonly rules: readonly CompiledRule[];
  rule(name: string): CompiledRule | undefined;
  /**
   * The rules whose `on` and matchers fit, in catalog order, all of them: `when` and `continue` are not applied yet.
   * Costs about the same for 10 and for 100,000 rules (indexed on equality matchers).
   */
  candidates(alert: Pick<Alert, "labels" | "status">): readonly CompiledRule[];
};
