import { expect, it } from "vitest";
import { intentId, sight, type Intent } from "../../src/core/intent.ts";
import { judge, type Evidence } from "../../src/core/judge.ts";
import type { TaskState } from "../../src/core/target.ts";
import { anIntent, aService, minutes, noon } from "./situations.ts";

const id = intentId("4b888d7e74b10b0b-x", "scale-out", 1, 0);
const intent = anIntent({ id, episode: "4b888d7e74b10b0b-x" });

const task = (patch: Partial<TaskState> = {}): TaskState => ({
  id: "t",
  slot: 1,
  node: "n1",
  state: "running",
  desired: "running",
  error: "",
  exitCode: null,
  at: noon,
  current: true,
  ...patch,
});
const four = [task(), task(), task(), task()];
const state = aService({ intent: id, replicas: 4 });
const seen = (patch: Partial<typeof state> = {}, tasks: TaskState[] = four): Evidence["service"] => ({
  kind: "seen",
  at: noon,
  value: { state: { ...state, ...patch }, tasks },
});

const rows: [name: string, evidence: Partial<Evidence>, expected: object][] = [
  ["all tasks run", {}, { kind: "verified" }],
  [
    "a task is still starting",
    { service: seen({}, [...four.slice(1), task({ state: "starting" })]) },
    { kind: "pending", progress: "3 of 4 run" },
  ],
  [
    "tasks of the old spec do not count",
    { service: seen({}, [...four.slice(1), task({ current: false })]) },
    { kind: "pending" },
  ],
  [
    "a rollout that is not over",
    { service: seen({ update: { state: "updating", message: "" } }) },
    { kind: "pending" },
  ],
  [
    "too late",
    { now: noon + minutes(2), service: seen({}, [task({ state: "rejected", error: "no space" })]) },
    { kind: "failed", undoable: true, reason: { code: "NotConverged" } },
  ],
  [
    "the engine gave up",
    { service: seen({ update: { state: "paused", message: "task failed" } }) },
    { kind: "failed", reason: { code: "RolloutFailed" } },
  ],
  [
    "unknown is waited for",
    { service: { kind: "failed", at: noon, message: "no answer" } },
    { kind: "pending" },
  ],
  [
    "unknown in the end is a failure, but none to undo",
    { now: noon + minutes(3), service: { kind: "failed", at: noon, message: "no answer" } },
    { kind: "failed", undoable: false },
  ],
  ["a person scaled it meanwhile", { service: seen({ replicas: 9 }) }, { kind: "superseded" }],
  ["a later intent of ours", { service: seen({ intent: "another" }) }, { kind: "superseded" }],
  ["a deploy wiped the label", { service: seen({ intent: null }) }, { kind: "superseded" }],
  ["it was taken back", { service: seen({ intent: `${id}/undo` }) }, { kind: "failed", undoable: false }],
  [
    "the service is gone",
    { service: { kind: "seen", at: noon, value: { state: null, tasks: [] } } },
    { kind: "superseded", reason: { code: "ServiceGone" } },
  ],
  [
    "converged and the condition holds",
    { condition: { kind: "seen", at: noon, value: true } },
    { kind: "verified" },
  ],
  [
    "converged and the condition does not hold yet",
    { condition: { kind: "seen", at: noon, value: false } },
    { kind: "pending" },
  ],
  [
    "the condition never held",
    { now: noon + minutes(2), condition: { kind: "seen", at: noon, value: false } },
    { kind: "failed", undoable: true },
  ],
  [
    "nobody can tell the condition",
    {
      now: noon + minutes(2),
      condition: { kind: "failed", at: noon, message: "Prometheus is away" },
    },
    { kind: "failed", undoable: false },
  ],
];
it.each(rows)("judges: %s", (_name, evidence, expected) => {
  expect(judge(intent, { now: noon + 1000, service: seen(), condition: null, ...evidence })).toMatchObject(
    expected,
  );
});

it("judges a global service by the tasks that the scheduler wants", () => {
  const service = seen({ mode: "global", replicas: 0 }, [task(), task({ state: "starting" })]);
  const restart: Intent = {
    ...intent,
    effect: {
      kind: "service",
      set: { kind: "restart" },
      serviceId: "svc1",
      version: 7,
      before: 0,
      after: 0,
    },
  };
  expect(judge(restart, { now: noon, service, condition: null })).toMatchObject({
    kind: "pending",
  });
});

const effect = intent.effect.kind === "service" ? intent.effect : undefined;
const sightings: [name: string, service: Parameters<typeof sight>[1], expected: string][] = [
  ["our label is on it", { version: 8, intent: id, previous: null }, "applied"],
  ["our label is on the spec before", { version: 9, intent: null, previous: { intent: id } }, "applied"],
  ["it has not moved", { version: 7, intent: null, previous: null }, "pending"],
  ["it moved without us", { version: 8, intent: null, previous: { intent: null } }, "missed"],
  ["it is gone", null, "missed"],
];
it.each(sightings)("after a crash: %s", (_name, service, expected) => {
  expect(effect && sight({ id, effect }, service)).toBe(expected);
});
