import { label, type Alert, type Labels } from "../core/alert.ts";
import type { Catalog, CompiledRule, Scope } from "../core/catalog.ts";
import { consider, targetOf } from "../core/consider.ts";
import type { Decision } from "../core/decide.ts";
import type { Course } from "../core/episode.ts";
import { noHistory } from "../core/history.ts";
import { reason, type Reason } from "../core/reason.ts";
import type { Observation, Policy } from "../core/situation.ts";
import type { ServiceState } from "../core/target.ts";

/** Why one rule takes an alert or does not. */
export type Verdict = {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly takes: boolean;
  readonly reason: Reason;
  /** Each matcher with what the alert has for it. */
  readonly matchers: readonly {
    readonly matcher: string;
    readonly fits: boolean;
    readonly value: string | null;
  }[];
};

/** What would follow for one action of a rule that takes the alert. */
type Outlook = {
  readonly rule: string;
  readonly action: string;
  readonly decision: Decision;
};

export type Explanation = {
  readonly alert: { readonly labels: Labels; readonly status: Alert["status"] };
  readonly verdicts: readonly Verdict[];
  /** Empty when nobody looked at the cluster. */
  readonly outlooks: readonly Outlook[];
};

type Observe = (service: string) => Promise<Observation<ServiceState | null>>;

export type Asking = {
  readonly catalog: Catalog;
  readonly matches: (matcher: string, labels: Labels) => boolean;
  readonly now: number;
  readonly cluster: string;
  readonly policy: Policy;
  /** Null: the cluster is not asked, and no decision is worked out. */
  readonly observe: Observe | null;
};

/**
 * What a server that remembers nothing would do with this alert: no cooldowns, no pauses, the first try.
 * Nothing is changed by asking.
 */
export async function explanation(alert: Alert, asking: Asking): Promise<Explanation> {
  const { catalog, now, observe } = asking;
  const name = label(alert.labels, "service");
  const needs = observe !== null && catalog.rules.some((rule) => rule.needsService);
  const seen = needs ? await observe(name) : null;
  const scope: Scope = { alert, now, service: seen?.kind === "seen" ? seen.value : null };
  const observed = seen?.kind === "seen";
  const verdicts: Verdict[] = [];
  const takers: CompiledRule[] = [];
  let taken: CompiledRule | null = null;
  for (const rule of catalog.rules) {
    const verdict = judged(rule, scope, observed, asking.matches);
    const shadowed = verdict.takes && taken !== null;
    verdicts.push(
      shadowed
        ? {
            ...verdict,
            takes: false,
            reason: reason("NotReached", `${taken?.name ?? ""} takes the alert before it`),
          }
        : verdict,
    );
    if (!verdict.takes || shadowed) continue;
    takers.push(rule);
    if (!rule.spec.continue) taken = rule;
  }
  const outlooks: Outlook[] = [];
  if (observe !== null)
    for (const rule of takers) outlooks.push(...(await outlooksOf(rule, alert, asking, observe)));
  return { alert: { labels: alert.labels, status: alert.status }, verdicts, outlooks };
}

function judged(rule: CompiledRule, scope: Scope, observed: boolean, matches: Asking["matches"]): Verdict {
  const { alert } = scope;
  const matchers = rule.spec.match.map((matcher) => ({
    matcher,
    fits: matches(matcher, alert.labels),
    value: valueFor(matcher, alert.labels),
  }));
  const verdict = (takes: boolean, why: Reason): Verdict => ({
    rule: rule.name,
    file: rule.source.file,
    line: rule.source.line,
    takes,
    reason: why,
    matchers,
  });
  if (rule.spec.on !== alert.status)
    return verdict(false, reason("OtherStatus", `it is for ${rule.spec.on} alerts`));
  const missed = matchers.find((matcher) => !matcher.fits);
  if (missed !== undefined) return verdict(false, reason("MatcherFails", `${missed.matcher} does not fit`));
  if (rule.when === null) return verdict(true, reason("Matched", "all of its matchers fit"));
  if (rule.needsService && !observed)
    return verdict(
      false,
      reason("ServiceUnknown", "its condition reads the service, which was not observed"),
    );
  try {
    if (rule.when(scope))
      return verdict(true, reason("Matched", `all of its matchers fit and ${rule.spec.when ?? ""} is true`));
    return verdict(false, reason("WhenFalse", `its condition ${rule.spec.when ?? ""} is false`));
  } catch (error) {
    return verdict(
      false,
      reason("WhenFailed", error instanceof Error ? error.message : "its condition cannot be worked out"),
    );
  }
}

/** For show: what the alert has for the label that a matcher names; null when the text holds several matchers. */
function valueFor(matcher: string, labels: Labels): string | null {
  const name = /^\s*\{?\s*(?:"([^"\\]+)"|([^\s"=!~{},]+))\s*(?:=~|!~|!=|=)[^,]*$/.exec(matcher);
  const found = name?.[1] ?? name?.[2];
  return found === undefined ? null : label(labels, found);
}

async function outlooksOf(
  rule: CompiledRule,
  alert: Alert,
  asking: Asking,
  observe: Observe,
): Promise<Outlook[]> {
  const { now, cluster, policy } = asking;
  const outlooks: Outlook[] = [];
  for (const [step, action] of rule.steps(0).entries()) {
    const found = targetOf(action, { alert, rule: rule.name, cluster, now });
    const decision =
      found.kind === "hold"
        ? found
        : consider(action, alert, {
            now,
            rule: rule.spec,
            course: { ...fresh, rule: rule.name, step, nextAt: now },
            target: found.target,
            history: noHistory(found.target),
            pauses: new Map(),
            service: found.target.kind === "service" ? await observe(found.target.name) : null,
            wantedUpAt: null,
            policy,
          });
    outlooks.push({ rule: rule.name, action: action.spec.action, decision });
  }
  return outlooks;
}

const fresh: Omit<Course, "rule" | "nextAt"> = {
  phase: "waiting",
  tries: 0,
  step: 0,
  intent: null,
  hold: null,
};
