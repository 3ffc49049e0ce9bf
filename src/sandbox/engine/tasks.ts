import type { Json } from "../../swarm/json.ts";
import { place } from "./placement.ts";
import { hasEnded, type State, type Task, type TaskPhase } from "./model.ts";

/** Milliseconds that a task is assigned before its node takes it up, and that the preparation takes. */
const assignedFor = 20;
const preparingFor = 30;

const messages: Readonly<Record<TaskPhase, string>> = {
  pending: "pending task scheduling",
  assigned: "scheduler assigned task to node",
  preparing: "preparing",
  ready: "prepared",
  starting: "starting",
  running: "started",
  complete: "finished",
  shutdown: "shutdown",
  failed: "started",
  rejected: "preparing",
};

/**
 * Takes the task one step on if it is time; answers when it will be. `pace` is milliseconds of the engine's time
 * for one of a behaviour's.
 */
export function progress(task: Task, state: State, now: number, pace: number): number {
  const { startsIn = 400, stopsIn = 100, outcome = { kind: "runs" } } = task.behaviour;
  const enter = (phase: TaskPhase, fields: Partial<Pick<Task, "error" | "exitCode">> = {}): number => {
    Object.assign(task, { state: phase, stateAt: now, message: messages[phase], ...fields });
    task.version = ++state.index;
    return now;
  };
  const after = (ms: number, step: () => number): number => {
    const at = task.stateAt + ms * pace;
    return now >= at ? step() : at;
  };

  if (hasEnded(task)) return Infinity;
  if (task.desired === "shutdown" || task.desired === "remove") {
    // Counted from when it was told so, which is its last change.
    const up = task.state === "running" || task.state === "starting";
    return up ? after(stopsIn, () => enter("shutdown", { exitCode: 0 })) : enter("shutdown");
  }
  switch (task.state) {
    case "pending": {
      if (task.node !== null) return enter("assigned");
      const placed = place(task, state);
      if (placed.kind === "none") {
        task.error = placed.error;
        return Infinity; // Until something else changes.
      }
      task.node = placed.node;
      return enter("assigned", { error: "" });
    }
    case "assigned":
      return after(assignedFor, () => enter("preparing"));
    case "preparing":
      if (outcome.kind === "rejected")
        return after(preparingFor, () => enter("rejected", { error: outcome.error }));
      return after(preparingFor, () => enter("ready"));
    case "ready":
      if (task.desired === "running") return enter("starting");
      if (task.startAt === null) return Infinity;
      if (now < task.startAt) return task.startAt;
      task.desired = "running";
      return enter("starting");
    case "starting": {
      if (outcome.kind === "unhealthy")
        return after(startsIn + outcome.after, () => enter("failed", unhealthy));
      const healthy = outcome.kind === "healthy" ? outcome.after : 0;
      return after(startsIn + healthy, () => enter("running"));
    }
    case "running": {
      if (outcome.kind !== "exits") return Infinity;
      const { code } = outcome;
      return after(outcome.after, () =>
        code === 0
          ? enter("complete", { exitCode: 0 })
          : enter("failed", { exitCode: code, error: `task: non-zero exit (${code})` }),
      );
    }
    case "complete":
    case "shutdown":
    case "failed":
    case "rejected":
      return Infinity;
    default:
      return task.state satisfies never;
  }
}

const unhealthy = {
  exitCode: 143,
  error: "task: non-zero exit (143): dockerexec: unhealthy container",
};

/** Tells the task to end; what waits for its end sees it in the next steps. */
export function tell(
  task: Task,
  desired: "running" | "shutdown" | "remove",
  state: State,
  now: number,
): void {
  if (task.desired === desired) return;
  task.desired = desired;
  task.version = ++state.index;
  if (desired !== "running" && !hasEnded(task)) task.stateAt = now;
}

/** Everything of a new task that its maker does not say. */
export const unplaced = (template: Json, now: number, state: State) => ({
  template,
  createdAt: now,
  version: ++state.index,
  state: "pending" as const,
  stateAt: now,
  message: messages.pending,
  error: "",
  exitCode: null,
  startAt: null,
});
