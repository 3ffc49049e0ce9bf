import { reason, type Reason } from "./reason.ts";

export type Bounds = { readonly min: number; readonly max: number };

/** Where bounds may stand on a service, strongest first: ours, Docker Flow's, two other autoscalers'. */
const labelPairs = [
  ["homeostat.min", "homeostat.max"],
  ["com.df.scaleMin", "com.df.scaleMax"],
  ["swarm.autoscaler.minimum", "swarm.autoscaler.maximum"],
  ["swarm.autoscale.min", "swarm.autoscale.max"],
] as const;

type Found =
  | { kind: "found"; value: number; from: string }
  | { kind: "missing" }
  | { kind: "invalid"; reason: Reason };

function find(own: number | undefined, side: 0 | 1, labels: Readonly<Record<string, string>>): Found {
  if (own !== undefined) return { kind: "found", value: own, from: "the rule" };
  for (const pair of labelPairs) {
    const name = pair[side];
    if (!Object.hasOwn(labels, name)) continue;
    const text = labels[name] ?? "";
    if (!/^\d{1,5}$/.test(text)) {
      const message = `The service label ${name} is ${JSON.stringify(text)}; expected a whole number from 0 to 99999`;
      return { kind: "invalid", reason: reason("BoundsInvalid", message) };
    }
    return { kind: "found", value: Number(text), from: `the label ${name}` };
  }
  return { kind: "missing" };
}

/** The rule's own bounds, each side by itself, else the service's labels. Without both nothing is scaled. */
export function boundsOf(
  rule: { readonly min?: number | undefined; readonly max?: number | undefined },
  labels: Readonly<Record<string, string>>,
): { kind: "bounds"; bounds: Bounds; message: string } | { kind: "none"; reason: Reason } {
  const min = find(rule.min, 0, labels);
  const max = find(rule.max, 1, labels);
  if (min.kind === "invalid") return { kind: "none", reason: min.reason };
  if (max.kind === "invalid") return { kind: "none", reason: max.reason };
  if (min.kind === "missing" || max.kind === "missing") {
    const missing = [min.kind === "missing" ? "minimum" : "", max.kind === "missing" ? "maximum" : ""].filter(
      Boolean,
    );
    const message = `No ${missing.join(" and no ")} is set: give min and max in the rule, or homeostat.min and homeostat.max as labels of the service`;
    return { kind: "none", reason: reason("NoBounds", message) };
  }
  if (min.value > max.value) {
    const message = `The minimum ${min.value} (${min.from}) is above the maximum ${max.value} (${max.from})`;
    return { kind: "none", reason: reason("BoundsInvalid", message) };
  }
  return {
    kind: "bounds",
    bounds: { min: min.value, max: max.value },
    message: `between ${min.value} (${min.from}) and ${max.value} (${max.from})`,
  };
}
