import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { TaskState } from "../core/target.ts";

export const Task = z.looseObject({
  ID: z.string(),
  CreatedAt: z.string(),
  ServiceID: z.string().default(""),
  /** Absent on tasks of global services. */
  Slot: z.number().default(0),
  /** Absent until the scheduler has placed it. */
  NodeID: z.string().default(""),
  Spec: z.record(z.string(), z.unknown()).default({}),
  DesiredState: z.string(),
  Status: z.looseObject({
    State: z.string(),
    Timestamp: z.string(),
    Err: z.string().default(""),
    ContainerStatus: z.looseObject({ ExitCode: z.number().default(0) }).nullish(),
  }),
});
export type Task = z.infer<typeof Task>;

/** States in which the container has ended; before, its exit code of 0 says nothing. */
const ended = new Set(["complete", "failed", "shutdown", "rejected", "orphaned", "remove"]);

/** `template` is the service's present TaskTemplate. */
export function taskState(task: Task, template: Readonly<Record<string, unknown>>): TaskState {
  const { Status: status } = task;
  return {
    id: task.ID,
    slot: task.Slot,
    node: task.NodeID,
    state: status.State,
    desired: task.DesiredState,
    error: status.Err,
    exitCode: ended.has(status.State) ? (status.ContainerStatus?.ExitCode ?? null) : null,
    at: reachedAt(task),
    current: isDeepStrictEqual(running(task.Spec), running(template)),
  };
}

/** Epoch milliseconds at which the task reached its state. */
export const reachedAt = (task: Task): number => Date.parse(task.Status.Timestamp);

/**
 * What a task runs. Tasks do not repeat the service's `Runtime`; and a changed `Placement` replaces only those tasks
 * that now stand on a wrong node: the others run on, with the old placement in their spec.
 */
function running(spec: Readonly<Record<string, unknown>>): unknown {
  const { Placement: _placement, Runtime: _runtime, ...rest } = spec;
  return rest;
}
