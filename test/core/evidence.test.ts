import { expect, it } from "vitest";
import { evidenceOf } from "../../src/core/evidence.ts";
import type { TaskState } from "../../src/core/target.ts";
import { aService, noon } from "./situations.ts";

const task = (slot: number, patch: Partial<TaskState>): TaskState => ({
  id: `t${slot}`,
  slot,
  node: "node1",
  state: "failed",
  desired: "shutdown",
  error: "task: non-zero exit (1)",
  exitCode: 1,
  at: noon + slot,
  current: true,
  ...patch,
});

it("tells how the last tasks that failed ended, newest first, and no more than five", () => {
  const tasks = [1, 2, 3, 4, 5, 6].map((slot) => task(slot, {}));
  const [first, ...failures] = evidenceOf(aService({ running: 1 }), [
    ...tasks,
    task(9, { state: "running" }),
  ]);
  expect(first?.message).toBe("shop_web runs 1 of 4 replicas of web:2");
  expect(failures).toHaveLength(5);
  expect(failures[0]).toEqual({
    code: "TaskFailed",
    message: "2026-03-01T12:00:00.006Z slot 6 on node1 ended with exit code 1: task: non-zero exit (1)",
  });
});

it("tells a task that never ran", () => {
  const rejected = task(1, { state: "rejected", node: "", exitCode: null, error: "No such image: web:9" });
  expect(evidenceOf(aService(), [rejected])[1]?.message).toBe(
    "2026-03-01T12:00:00.001Z slot 1 ended: No such image: web:9",
  );
});
