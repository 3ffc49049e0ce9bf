import { reason, type Reason } from "./reason.ts";
import type { ServiceState, TaskState } from "./target.ts";

const mostTasks = 5;

/** What a person would look up first: how many replicas run, and how the last tasks that failed ended. */
export function evidenceOf(state: ServiceState, tasks: readonly TaskState[]): Reason[] {
  const failed = tasks.filter(({ state }) => state === "failed" || state === "rejected");
  const latest = failed.toSorted((a, b) => b.at - a.at).slice(0, mostTasks);
  return [
    reason(
      "ServiceState",
      `${state.name} runs ${state.running} of ${state.replicas} replicas of ${state.image}`,
    ),
    ...latest.map(({ slot, node, at, error, exitCode }) => {
      const code = exitCode === null ? "" : ` with exit code ${exitCode}`;
      const where = node === "" ? "" : ` on ${node}`;
      const why = error === "" ? "" : `: ${error}`;
      return reason("TaskFailed", `${new Date(at).toISOString()} slot ${slot}${where} ended${code}${why}`);
    }),
  ];
}
