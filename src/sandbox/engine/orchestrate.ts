import { satisfies } from "./placement.ts";
import { tell, unplaced } from "./tasks.ts";
import {
  duration,
  hasEnded,
  isWanted,
  modeOf,
  newId,
  number,
  object,
  slotKey,
  templateOf,
  type Behaviour,
  type Node,
  type Service,
  type State,
  type Task,
} from "./model.ts";

/** Says how the containers of a service's new task will behave. */
export type Behaving = (task: { service: Service; slot: number }) => Behaviour;

/** Ended tasks that are remembered of each slot. */
const history = 5;
/** Milliseconds before a failed task's successor starts, where the spec does not say. */
const restartDelay = 5000;

export function tasksOf(service: Service, state: State): Task[] {
  return [...state.tasks.values()].filter((task) => task.serviceId === service.id);
}

export function newTask(
  service: Service,
  where: { slot: number; node: Node | null; desired: "ready" | "running"; attempt?: number },
  context: { state: State; now: number; behaving: Behaving },
): Task {
  const { state, now, behaving } = context;
  const { Runtime: _runtime, ...template } = templateOf(service);
  const task: Task = {
    id: newId(),
    serviceId: service.id,
    behaviour: behaving({ service, slot: where.slot }),
    attempt: 0,
    ...unplaced(template, now, state),
    ...where,
  };
  state.tasks.set(task.id, task);
  return task;
}

/** Brings the number of tasks to what the spec says, and replaces those that ended. */
export function orchestrate(
  service: Service,
  context: { state: State; now: number; behaving: Behaving; pace: number },
): void {
  restart(service, context);
  const { state, now } = context;
  const wanted = tasksOf(service, state).filter(isWanted);
  const mode = modeOf(service.spec);
  if (!("replicas" in mode)) {
    const placement = object(templateOf(service)["Placement"]);
    const nodes = state.nodes.filter((node) => satisfies(node, placement));
    for (const node of nodes) {
      if (service.dormant.has(node.id) || wanted.some((task) => task.node === node)) continue;
      newTask(service, { slot: 0, node, desired: "running" }, context);
    }
    for (const task of wanted)
      if (task.node !== null && !nodes.includes(task.node)) tell(task, "shutdown", state, now);
    return;
  }
  const slots = new Set([...wanted.map(({ slot }) => slot), ...[...service.dormant].map(Number)]);
  for (let slot = 1; slots.size < mode.replicas; slot++) {
    if (slots.has(slot)) continue;
    slots.add(slot);
    newTask(service, { slot, node: null, desired: "running" }, context);
  }
  for (const slot of surplus(slots, wanted, mode.replicas)) {
    service.dormant.delete(String(slot));
    for (const task of wanted) if (task.slot === slot) tell(task, "remove", state, now);
  }
}

/** Which slots go: those that do not run first, then from the nodes with the most, then the newest. */
function surplus(slots: ReadonlySet<number>, wanted: readonly Task[], replicas: number): number[] {
  const left = new Set(slots);
  const running = (slot: number): boolean =>
    wanted.some((task) => task.slot === slot && task.state === "running");
  const load = (slot: number): number => {
    const node = wanted.find((task) => task.slot === slot)?.node;
    return wanted.filter((task) => task.node === node && left.has(task.slot)).length;
  };
  const gone: number[] = [];
  while (left.size > replicas) {
    const [first = 0] = [...left].sort(
      (one, other) => Number(running(one)) - Number(running(other)) || load(other) - load(one) || other - one,
    );
    left.delete(first);
    gone.push(first);
  }
  return gone;
}

/** Whatever ended without having been told to gets a successor, as the restart policy has it. */
function restart(
  service: Service,
  context: { state: State; now: number; behaving: Behaving; pace: number },
): void {
  const { state, now, pace } = context;
  const policy = object(templateOf(service)["RestartPolicy"]);
  const condition = policy["Condition"] ?? "any";
  const most = number(policy["MaxAttempts"], 0) || Infinity;
  const job = modeOf(service.spec).kind.endsWith("job");
  for (const task of tasksOf(service, state)) {
    if (!isWanted(task) || !hasEnded(task)) continue;
    tell(task, "shutdown", state, now);
    const failed = task.state !== "complete";
    const again = condition !== "none" && (failed || (condition === "any" && !job));
    if (!again || task.attempt >= most) {
      service.dormant.add(slotKey(task));
      continue;
    }
    const successor = newTask(
      service,
      {
        slot: task.slot,
        node: task.slot === 0 ? task.node : null,
        desired: "ready",
        attempt: task.attempt + 1,
      },
      context,
    );
    successor.startAt = now + duration(policy["Delay"], restartDelay) * pace;
  }
}

/** Forgets tasks that were scaled away, and of each slot all but the last that ended. */
export function reap(service: Service, state: State): void {
  const kept = new Map<string, number>();
  const newestFirst = tasksOf(service, state).filter(hasEnded).reverse();
  for (const task of newestFirst) {
    const key = slotKey(task);
    const count = (kept.get(key) ?? 0) + 1;
    if (task.desired === "remove" || count > history) state.tasks.delete(task.id);
    else kept.set(key, count);
  }
}
