import type { Alert, Labels } from "./alert.ts";
import type { CompiledRule } from "./catalog.ts";
import type { Matcher } from "./matcher/matcher.ts";

export type Indexed = { readonly rule: CompiledRule; readonly matchers: readonly Matcher[] };

type Entry = {
  readonly order: number;
  readonly rule: CompiledRule;
  readonly matchers: readonly Matcher[];
};
type Key = { readonly matcher: Matcher; readonly name: string; readonly values: readonly string[] };
type Index = {
  /** Label name → value → the rules that need it, in catalog order. */
  readonly byLabel: ReadonlyMap<string, ReadonlyMap<string, readonly Entry[]>>;
  /** Rules that need no label to have a certain value, in catalog order. */
  readonly others: readonly Entry[];
};

/**
 * Finds the rules whose `on` and matchers fit an alert, in catalog order. Each rule stands under the one value that
 * the fewest rules share, so that an alert is compared with few rules however many there are.
 */
export function indexRules(
  rules: readonly Indexed[],
): (alert: Pick<Alert, "labels" | "status">) => readonly CompiledRule[] {
  const firing = build(rules, "firing");
  const resolved = build(rules, "resolved");
  return ({ labels, status }) => lookUp(status === "firing" ? firing : resolved, labels);
}

function build(rules: readonly Indexed[], on: "firing" | "resolved"): Index {
  const entries: Entry[] = [];
  for (const [order, { rule, matchers }] of rules.entries()) {
    if (rule.spec.on !== on) continue;
    // Comparing texts is cheap: the rule is out before its first regular expression is asked.
    const sorted = matchers.toSorted((a, b) => cost(a) - cost(b));
    entries.push({ order, rule, matchers: sorted });
  }
  const keys = entries.map(({ matchers }) => matchers.flatMap((matcher) => keyOf(matcher) ?? []));
  const shared = new Map<string, number>();
  const id = (name: string, value: string): string => `${name}\0${value}`;
  for (const { name, values } of keys.flat())
    for (const value of values) shared.set(id(name, value), (shared.get(id(name, value)) ?? 0) + 1);
  const crowd = ({ name, values }: Key): number =>
    Math.max(...values.map((value) => shared.get(id(name, value)) ?? 0));

  const byLabel = new Map<string, Map<string, Entry[]>>();
  const others: Entry[] = [];
  for (const [index, entry] of entries.entries()) {
    const [best] = (keys[index] ?? []).toSorted((a, b) => crowd(a) - crowd(b));
    if (best === undefined) {
      others.push(entry);
      continue;
    }
    // Who is found under a value has it: that need not be asked again.
    const found = { ...entry, matchers: entry.matchers.filter((matcher) => matcher !== best.matcher) };
    for (const value of best.values) put(byLabel, best.name, value, found);
  }
  return { byLabel, others };
}

function put(index: Map<string, Map<string, Entry[]>>, name: string, value: string, entry: Entry): void {
  const byValue = index.get(name) ?? new Map<string, Entry[]>();
  index.set(name, byValue);
  const list = byValue.get(value);
  if (list === undefined) byValue.set(value, [entry]);
  else list.push(entry);
}

const cost = ({ operator }: Matcher): number => (operator === "=" ? 0 : operator === "!=" ? 1 : 2);

/** The values one of which the label must have; null where that cannot be told, or a missing label would do. */
function keyOf(matcher: Matcher): Key | null {
  const { name, operator, value } = matcher;
  if (operator === "=") return value === "" ? null : { matcher, name, values: [value] };
  // Characters that mean themselves in every regular expression.
  if (operator !== "=~" || !/^[\w :/@%,;-]+(?:\|[\w :/@%,;-]+)*$/.test(value)) return null;
  return { matcher, name, values: [...new Set(value.split("|"))] };
}

const fits = ({ matchers }: Entry, labels: Labels): boolean => {
  for (const matcher of matchers) if (!matcher.matches(labels)) return false;
  return true;
};

function lookUp({ byLabel, others }: Index, labels: Labels): readonly CompiledRule[] {
  const found: Entry[] = [];
  let sorted = true;
  const consider = (entries: readonly Entry[]): void => {
    for (const entry of entries) {
      if (!fits(entry, labels)) continue;
      const last = found.at(-1);
      if (last !== undefined && last.order > entry.order) sorted = false;
      found.push(entry);
    }
  };
  // An alert has a few labels; a large catalog may index more names than that.
  for (const name in labels) {
    if (!Object.hasOwn(labels, name)) continue;
    const entries = byLabel.get(name)?.get(labels[name] ?? "");
    if (entries !== undefined) consider(entries);
  }
  consider(others);
  if (!sorted) found.sort((a, b) => a.order - b.order);
  return found.map(({ rule }) => rule);
}
