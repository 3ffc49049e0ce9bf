import type { CompiledAction, CompiledRule, Scope } from "./catalog.ts";
import { compileCondition, type Compiled, type TextFault } from "./expression.ts";
import type { RuleFault } from "./faults.ts";
import type { Matcher } from "./matcher/matcher.ts";
import { parseMatchers } from "./matcher/parse.ts";
import { escapePromql, promqlFaults } from "./promql-text.ts";
import type { Action, Rule } from "./rule.ts";
import { actionsOf, isRecord } from "./rule-faults.ts";
import type { Path, RuleSource } from "./rule-source.ts";
import { shown } from "./shown.ts";
import { compileTemplate, type CompiledTemplate } from "./template.ts";
import { compileUrl } from "./url-template.ts";

/** A rule's texts, compiled: its matchers, expressions and templates. */
export type RuleTexts = {
  readonly matchers: readonly Matcher[];
  readonly when: { readonly needsService: boolean; holds(scope: Scope): boolean } | null;
  readonly query: CompiledTemplate | null;
  /** By the action's path within the rule (`do[0]`), then by field. */
  readonly actions: ReadonlyMap<string, ReadonlyMap<string, CompiledTemplate>>;
};

/**
 * Compiles every text of a rule as it was written, whatever else is wrong with it, so that all faults are told at once.
 */
export function compileTexts(
  source: RuleSource,
  path: Path,
  rule: unknown,
): { readonly texts: RuleTexts; readonly faults: readonly RuleFault[] } {
  const faults: RuleFault[] = [];
  const compile = <T>(at: Path, text: unknown, by: (text: string) => Compiled<T>): T | null => {
    if (typeof text !== "string" || text === "") return null;
    const compiled = by(text);
    if (compiled.ok) return compiled.value;
    faults.push(...compiled.faults.map((fault) => textFault(source, [...path, ...at], text, fault)));
    return null;
  };
  const written = isRecord(rule) ? rule : {};
  const verify = written["verify"];
  const matchers: Matcher[] = [];
  for (const [index, text] of listOf(written["match"]).slice(0, 50).entries())
    matchers.push(...(compile(["match", index], text, compileMatchers) ?? []));
  const actions = new Map<string, Map<string, CompiledTemplate>>();
  for (const [at, action] of actionsOf(written)) {
    const texts = new Map<string, CompiledTemplate>();
    for (const { field, at: place, text, by } of templatesOf(action)) {
      const template = compile([...at, ...place], text, by);
      if (template !== null) texts.set(field, template);
    }
    actions.set(at.join("."), texts);
  }
  return {
    texts: {
      matchers,
      when: compile(["when"], written["when"], compileCondition),
      query: isRecord(verify) ? compile(["verify", "query"], verify["query"], compileQuery) : null,
      actions,
    },
    faults,
  };
}

/** A rule that is ready to be asked, of its checked spec and its compiled texts. */
export function assembleRule(spec: Rule, texts: RuleTexts, source: CompiledRule["source"]): CompiledRule {
  const { when, query } = texts;
  const rungs =
    spec.ladder === undefined
      ? [(spec.do ?? []).map((action, n) => compiledAction(action, texts, `do.${n}`))]
      : spec.ladder.map((rung, n) =>
          rung.map((action, m) => compiledAction(action, texts, `ladder.${n}.${m}`)),
        );
  return {
    name: spec.name,
    spec,
    source,
    when: when === null ? null : (scope) => when.holds(scope),
    needsService: when?.needsService ?? false,
    verifyQuery: (scope) => query?.render(scope) ?? null,
    steps: (attempt) => rungs[Math.min(Math.max(0, attempt), rungs.length - 1)] ?? [],
  };
}

function compiledAction(spec: Action, texts: RuleTexts, key: string): CompiledAction {
  const templates = texts.actions.get(key);
  return { spec, text: (field, scope) => templates?.get(field)?.render(scope) };
}

type Written = {
  readonly field: string;
  readonly at: Path;
  readonly text: unknown;
  readonly by: (text: string) => Compiled<CompiledTemplate>;
};

/** The fields of an action that may hold `${…}`, each with how it is compiled. */
function templatesOf(action: unknown): Written[] {
  if (!isRecord(action)) return [];
  const field = (name: string, by: Written["by"]): Written => ({
    field: name,
    at: [name],
    text: action[name],
    by,
  });
  const { headers } = action;
  switch (action["action"]) {
    case "scale-service":
      return [field("service", compileService), field("to", compileTemplate)];
    case "restart-service":
    case "rollback-service":
      return [field("service", compileService)];
    case "escalate":
      return [field("message", compileTemplate)];
    case "call-webhook":
      return [
        field("url", compileUrl),
        field("body", compileTemplate),
        ...Object.entries(isRecord(headers) ? headers : {}).map(([name, text]) => ({
          field: `headers.${name}`,
          at: ["headers", name],
          text,
          by: compileHeader,
        })),
      ];
    default:
      return [];
  }
}

function compileService(text: string): Compiled<CompiledTemplate> {
  const compiled = compileTemplate(text);
  if (!compiled.ok || !compiled.value.needsService) return compiled;
  const message = "the service's name is worked out from the service itself";
  return { ok: false, faults: [{ message, offset: 0, expected: "${alert.labels.…}" }] };
}

/** A value must not begin a header of its own. */
const compileHeader = (text: string): Compiled<CompiledTemplate> =>
  compileTemplate(text, (value) => value.replace(/\p{Cc}+/gu, " "));

function compileQuery(text: string): Compiled<CompiledTemplate> {
  const compiled = compileTemplate(text, escapePromql);
  if (!compiled.ok) return compiled;
  const faults = promqlFaults(compiled.value);
  return faults.length > 0 ? { ok: false, faults } : compiled;
}

function compileMatchers(text: string): Compiled<readonly Matcher[]> {
  const parsed = parseMatchers(text);
  if (parsed.ok) return { ok: true, value: parsed.matchers };
  const { message, offset } = parsed;
  return {
    ok: false,
    faults: [{ message, offset, expected: 'a matcher such as severity="page"' }],
  };
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const textFault = (source: RuleSource, path: Path, text: string, fault: TextFault): RuleFault =>
  source.fault(path, {
    message: fault.message,
    expected: fault.expected,
    found: shown(text),
    offset: fault.offset,
  });
