import type { Json } from "../../swarm/json.ts";
import { newTask, tasksOf, type Behaving } from "./orchestrate.ts";
import { tell } from "./tasks.ts";
import {
  duration,
  hasEnded,
  isWanted,
  number,
  object,
  slotKey,
  templateKey,
  templateOf,
  type Service,
  type State,
  type Task,
  type UpdateStatus,
} from "./model.ts";

type Context = {
  readonly state: State;
  readonly now: number;
  readonly behaving: Behaving;
  readonly pace: number;
  /** Called after each change of a service's own record. */
  readonly touched: (service: Service) => void;
};

/** Replaces the tasks that run another template than the service's, as its update config has it; answers when it goes on. */
export function rollOut(service: Service, context: Context): number {
  const { state, now } = context;
  if (service.update?.state === "paused" || service.update?.state === "rollback_paused") return Infinity;
  const key = templateKey(templateOf(service));
  const wanted = tasksOf(service, state).filter(isWanted);
  const stale = wanted.filter((task) => templateKey(task.template) !== key);
  const slots = new Set(stale.map(slotKey));
  if (service.rollout === null) {
    if (slots.size === 0) {
      if (isUnderWay(service)) complete(service, context);
      return Infinity;
    }
    service.rollout = { slots: slots.size, under: new Map(), failed: new Set() };
    if (!isUnderWay(service))
      setUpdate(service, { state: "updating", startedAt: now, message: "update in progress" }, context);
  }
  const config = configOf(service, context.pace);
  if (follow(service, config, context)) return now;
  const { under } = service.rollout;

  const busy = [...under.values()].filter((one) => one.ranAt === null || now < one.ranAt + config.delay);
  let free = (config.parallelism || Infinity) - busy.length;
  for (const slot of slots) {
    if (free <= 0 || under.has(slot)) continue;
    free -= 1;
    replace(slot, stale, service, config, context);
  }
  const waits = [...under.values()].flatMap(({ ranAt }) =>
    ranAt === null ? [] : [ranAt + config.delay, ranAt + config.monitor],
  );
  const over = slots.size === 0 && [...under.values()].every(({ ranAt }) => ranAt !== null);
  if (over && waits.every((at) => at <= now)) {
    complete(service, context);
    return now;
  }
  return Math.min(Infinity, ...waits.filter((at) => at > now));
}

/** Leaves a rollout where it is; what it had prepared may start. */
export function abandon(service: Service, now: number): void {
  for (const { task } of service.rollout?.under.values() ?? [])
    if (task.desired === "ready") task.startAt = now;
  service.rollout = null;
}

type Config = {
  readonly parallelism: number;
  readonly delay: number;
  readonly monitor: number;
  readonly startFirst: boolean;
  readonly onFailure: unknown;
  readonly maxFailureRatio: number;
};

const isRollback = (service: Service): boolean => service.update?.state.startsWith("rollback") === true;

function configOf(service: Service, pace: number): Config {
  const given: Json | undefined | null =
    service.spec[isRollback(service) ? "RollbackConfig" : "UpdateConfig"] === undefined
      ? { Parallelism: 1 }
      : object(service.spec[isRollback(service) ? "RollbackConfig" : "UpdateConfig"]);
  return {
    parallelism: number(given["Parallelism"], 0),
    delay: duration(given["Delay"], 0) * pace,
    monitor: (duration(given["Monitor"], 0) || 5000) * pace,
    startFirst: given["Order"] === "start-first",
    onFailure: given["FailureAction"] ?? "pause",
    maxFailureRatio: number(given["MaxFailureRatio"], 0),
  };
}

/** Puts a new task in the slot's place, before or after the old one has gone. */
function replace(
  slot: string,
  stale: readonly Task[],
  service: Service,
  config: Config,
  context: Context,
): void {
  const { state, now } = context;
  const old = stale.filter((task) => slotKey(task) === slot);
  const [first] = old;
  if (first === undefined) return;
  const node = first.slot === 0 ? first.node : null;
  const desired = config.startFirst ? "running" : "ready";
  if (!config.startFirst) for (const task of old) tell(task, "shutdown", state, now);
  const task = newTask(service, { slot: first.slot, node, desired }, context);
  service.rollout?.under.set(slot, { task, ranAt: null });
}

/** Sees how the new tasks do; answers whether a failure has ended the rollout. */
function follow(service: Service, config: Config, context: Context): boolean {
  const { state, now } = context;
  const { rollout } = service;
  if (rollout === null) return true;
  for (const [slot, one] of rollout.under) {
    const { task } = one;
    const others = tasksOf(service, state).filter(
      (other) => other !== task && slotKey(other) === slot && !hasEnded(other),
    );
    if (task.desired === "remove") {
      rollout.under.delete(slot);
      continue;
    }
    if (task.desired === "ready" && others.length === 0) tell(task, "running", state, now);
    const failed = hasEnded(task) && task.state !== "shutdown";
    const watched = one.ranAt === null || task.stateAt <= one.ranAt + config.monitor;
    if (one.ranAt === null && (task.state === "running" || hasEnded(task))) {
      one.ranAt = now;
      for (const other of others)
        if (templateKey(other.template) !== templateKey(task.template)) tell(other, "shutdown", state, now);
    }
    if (!failed || !watched || rollout.failed.has(task.id)) continue;
    rollout.failed.add(task.id);
    if (config.onFailure === "continue") continue;
    if (rollout.failed.size / rollout.slots <= config.maxFailureRatio) continue;
    fail(service, task, config, context);
    return true;
  }
  return false;
}

function fail(service: Service, task: Task, config: Config, context: Context): void {
  const startedAt = service.update?.startedAt ?? context.now;
  const why = `due to failure or early termination of task ${task.id}`;
  abandon(service, context.now);
  if (config.onFailure === "rollback" && !isRollback(service) && service.previousSpec !== null) {
    service.spec = service.previousSpec;
    service.previousSpec = null;
    const message = `update rolled back ${why}`;
    return setUpdate(service, { state: "rollback_started", startedAt, message }, context);
  }
  const state = isRollback(service) ? "rollback_paused" : "paused";
  setUpdate(service, { state, startedAt, message: `update paused ${why}` }, context);
}

function complete(service: Service, context: Context): void {
  const startedAt = service.update?.startedAt ?? context.now;
  service.rollout = null;
  const status = isRollback(service)
    ? { state: "rollback_completed" as const, message: "rollback completed" }
    : { state: "completed" as const, message: "update completed" };
  setUpdate(service, { ...status, startedAt, completedAt: context.now }, context);
}

const isUnderWay = ({ update }: Service): boolean =>
  update?.state === "updating" || update?.state === "rollback_started";

function setUpdate(
  service: Service,
  update: Omit<UpdateStatus, "completedAt"> & { completedAt?: number },
  { state, now, touched }: Context,
): void {
  service.update = { completedAt: null, ...update };
  service.version = ++state.index;
  service.updatedAt = now;
  touched(service);
}
