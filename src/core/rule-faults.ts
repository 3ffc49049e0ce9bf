import { z } from "zod";
import type { RuleFault } from "./faults.ts";
import { nearest } from "./nearest.ts";
import { Action, Rule } from "./rule.ts";
import { pathText, type Path, type RuleSource } from "./rule-source.ts";
import { shown } from "./shown.ts";

/** Words of the format that this version knows and cannot do yet. */
const unavailableActions = new Set([
  "scale-group",
  "update-service",
  "rebalance-service",
  "rejoin-node",
  "replace-node",
  "drain-node",
  "activate-node",
  "exec-in-service",
]);
const unavailableOfRule = new Set(["approve"]);
const unavailableOfAction = new Set(["target", "forecast"]);

/** So many are told of one rule. */
const mostIssues = 100;

/** What zod found wrong with a rule, with places and in people's words. `path` is where the rule stands. */
export function schemaFaults(
  source: RuleSource,
  path: Path,
  issues: readonly z.core.$ZodIssue[],
): RuleFault[] {
  return issues.slice(0, mostIssues).flatMap((issue) => {
    const at = [...path, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
    if (issue.code === "unrecognized_keys")
      return (
        issue.keys
          .slice(0, mostIssues)
          // It has been told of already.
          .filter((key) => key !== "__proto__")
          .map((key) => unknownKey(source, at, key, path.length))
      );
    if (issue.code === "invalid_union") return ofUnion(source, path, at, issue);
    if (issue.code !== "invalid_key") return [wrong(source, at, path, expected(issue) ?? "another value")];
    return [
      source.fault(at, {
        message: `${named(at, path)} cannot be a key here`,
        expected: expected(issue.issues[0]) ?? "another key",
        found: shown(at.at(-1)),
        atKey: true,
      }),
    ];
  });
}

/** What concerns several fields of a rule at once. Told of what was written, so that other faults hide nothing. */
export function crossFaults(source: RuleSource, path: Path, rule: unknown): RuleFault[] {
  if (!isRecord(rule)) return [];
  const faults: RuleFault[] = [];
  const both = "do" in rule && "ladder" in rule;
  if (both || !("do" in rule || "ladder" in rule)) {
    faults.push(
      source.fault(both ? [...path, "ladder"] : path, {
        message: both ? "there is a do and a ladder" : "the rule does nothing",
        expected: "exactly one of do and ladder",
        atKey: both,
      }),
    );
  }
  for (const [at, action] of actionsOf(rule)) {
    if (!isRecord(action) || action["action"] !== "scale-service") continue;
    const place = [...path, ...at];
    const { by, to, min, max } = action;
    if ((by !== undefined) === (to !== undefined) && !("target" in action || "forecast" in action)) {
      faults.push(
        source.fault(by === undefined ? place : [...place, "to"], {
          message: by === undefined ? "the action has no size" : "there is a by and a to",
          expected: "exactly one of by and to",
          atKey: by !== undefined,
        }),
      );
    }
    if (typeof min === "number" && typeof max === "number" && min > max) {
      faults.push(
        source.fault([...place, "min"], {
          message: `${pathText([...at, "min"])} is above max`,
          expected: `at most ${max}`,
          found: shown(min),
        }),
      );
    }
  }
  return faults;
}

/**
 * The actions of `do` and `ladder` as they were written, each with its path within the rule. What is more than allowed
 * is left out, as it would be much work for nothing.
 */
export function actionsOf(rule: Readonly<Record<string, unknown>>): [Path, unknown][] {
  const { do: steps, ladder } = rule;
  const found: [Path, unknown][] = [];
  if (Array.isArray(steps))
    for (const [n, step] of steps.slice(0, 20).entries()) found.push([["do", n], step]);
  if (!Array.isArray(ladder)) return found;
  for (const [n, rung] of ladder.slice(0, 20).entries()) {
    if (!Array.isArray(rung)) continue;
    for (const [m, step] of rung.slice(0, 20).entries()) found.push([["ladder", n, m], step]);
  }
  return found;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function unknownKey(source: RuleSource, at: Path, key: string, depth: number): RuleFault {
  const within = at.slice(depth);
  const known = at.length === 0 ? ["rules"] : keysAt(source, at, within);
  const unavailable =
    (within.length === 0 && unavailableOfRule.has(key)) ||
    ((within[0] === "do" || within[0] === "ladder") && unavailableOfAction.has(key));
  return source.fault([...at, key], {
    message: unavailable ? `${key} is not available in this version` : "unknown key",
    expected: unavailable ? undefined : (nearest(key, known) ?? oneOf(known)),
    found: unavailable ? undefined : shown(key),
    atKey: true,
  });
}

function keysAt(source: RuleSource, at: Path, within: Path): string[] {
  const [field] = within;
  if (field === undefined) return Object.keys(Rule.shape);
  if (field !== "do" && field !== "ladder") {
    const schema = Object.entries(Rule.shape).find(([key]) => key === field)?.[1];
    return schema === undefined ? [] : keysOf(schema);
  }
  const written = valueAt(source.value, at);
  const name = isRecord(written) ? written["action"] : undefined;
  const option = Action.options.find(({ shape }) => shape.action.value === name);
  return option === undefined ? [] : Object.keys(option.shape);
}

/** The keys that an object schema knows, looked for through defaults and unions. */
function keysOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return keysOf(schema.unwrap());
  return schema instanceof z.ZodUnion ? schema.options.flatMap(keysOf) : [];
}

function ofUnion(source: RuleSource, path: Path, at: Path, issue: z.core.$ZodIssueInvalidUnion): RuleFault[] {
  if (at.at(-1) === "action") return [ofAction(source, path, at)];
  // The branch that got further than the kind of value is the one that was meant.
  const meant = issue.errors.filter((issues) =>
    issues.every(({ code, path }) => code !== "invalid_type" || path.length > 0),
  );
  const [branch] = meant;
  if (branch !== undefined && meant.length === 1)
    return schemaFaults(
      source,
      path,
      branch.map((inner) => under(inner, at.slice(path.length))),
    );
  const own = expected(issue);
  const all = issue.errors.flatMap((issues) => issues.flatMap((inner) => expected(inner) ?? []));
  return [wrong(source, at, path, own ?? [...new Set(all)].join(", or "))];
}

/** An issue of a union's branch, which counts its path from the union. */
const under = (issue: z.core.$ZodIssue, path: Path): z.core.$ZodIssue =>
  Object.assign({}, issue, { path: [...path, ...issue.path] });

function ofAction(source: RuleSource, path: Path, at: Path): RuleFault {
  const found = valueAt(source.value, at);
  if (typeof found === "string" && unavailableActions.has(found))
    return source.fault(at, { message: `the action ${found} is not available in this version` });
  const actions = Action.options.map(({ shape }) => shape.action.value);
  const near = typeof found === "string" ? nearest(found, actions) : undefined;
  return wrong(source, at, path, near ?? oneOf(actions), "unknown action");
}

function wrong(source: RuleSource, at: Path, path: Path, expected: string, what?: string): RuleFault {
  const found = valueAt(source.value, at);
  const name = named(at, path);
  return source.fault(at, {
    message: found === undefined ? `${name} is missing` : (what ?? `${name} is not valid`),
    expected,
    found: found === undefined ? undefined : shown(found),
  });
}

const named = (at: Path, path: Path): string =>
  pathText(at.slice(path.length)) || (path.length === 0 ? "the file" : "the rule");

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = Reflect.get(found, step);
  }
  return found;
}

/** Our schemas say what they expect in their messages; where zod speaks itself it is put the same way. */
function expected(issue: z.core.$ZodIssue | undefined): string | undefined {
  if (issue === undefined) return undefined;
  const said = /^expected (.*)$/s.exec(issue.message)?.[1];
  if (said !== undefined) return said;
  if (issue.code === "invalid_value") return oneOf(issue.values.map(String));
  if (issue.code !== "invalid_type") return undefined;
  return issue.expected === "object" || issue.expected === "record"
    ? "a mapping, each line as key: value"
    : `a ${issue.expected}`;
}

const oneOf = (words: readonly string[]): string =>
  words.length === 1 ? String(words[0]) : `one of ${words.join(", ")}`;
