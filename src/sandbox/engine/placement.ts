import type { Json } from "../../swarm/json.ts";
import { hasEnded, number, object, text, type Node, type State, type Task } from "./model.ts";

/** The node that a task goes to: of those allowed, the one with the fewest tasks of its service, then of all. */
export function place(
  task: Task,
  state: State,
): { kind: "placed"; node: Node } | { kind: "none"; error: string } {
  const placement = object(task.template["Placement"]);
  const allowed = state.nodes.filter((node) => satisfies(node, placement));
  if (allowed.length === 0)
    return none(`scheduling constraints not satisfied on ${count(state.nodes.length)}`);
  const most = number(placement["MaxReplicas"], 0) || Infinity;
  const active = [...state.tasks.values()].filter((other) => !hasEnded(other));
  const load = allowed.map((node) => {
    const here = active.filter((other) => other.node === node);
    const own = here.filter((other) => other.serviceId === task.serviceId).length;
    return { node, own, all: here.length };
  });
  const [best] = load
    .filter(({ own }) => own < most)
    .sort((one, other) => one.own - other.own || one.all - other.all);
  if (best === undefined) return none(`max replicas per node limit exceed on ${count(allowed.length)}`);
  return { kind: "placed", node: best.node };
}

const none = (why: string) => ({ kind: "none" as const, error: `no suitable node (${why})` });
const count = (nodes: number): string => `${nodes} node${nodes === 1 ? "" : "s"}`;

/** Of the engine's constraints those on a node's role, name and id. */
export function satisfies(node: Node, placement: Json): boolean {
  const { Constraints: constraints } = placement;
  const facts: Readonly<Record<string, string>> = {
    "node.role": node.role,
    "node.hostname": node.hostname,
    "node.id": node.id,
  };
  return (Array.isArray(constraints) ? constraints : []).every((constraint) => {
    const parts = /^\s*(\S+?)\s*(==|!=)\s*(\S+)\s*$/.exec(text(constraint));
    if (parts === null) return false;
    const [, fact = "", operator, value] = parts;
    return (facts[fact] === value) === (operator === "==");
  });
}
