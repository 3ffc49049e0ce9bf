import { randomBytes } from "node:crypto";
import type { Json } from "../../swarm/json.ts";
import { isObject } from "../../swarm/json.ts";

/** How the containers of a task behave. Times in milliseconds. */
export type Behaviour = {
  /** From being told to start until the container is up; default 400. */
  readonly startsIn?: number;
  /** From being told to stop until it has; default 100. */
  readonly stopsIn?: number;
  readonly outcome?:
    | { readonly kind: "runs" }
    /** Ends by itself, `after` having run so long. */
    | { readonly kind: "exits"; readonly after: number; readonly code: number }
    /** Its health check passes `after` so long. */
    | { readonly kind: "healthy"; readonly after: number }
    /** Its health check has failed for good `after` so long. */
    | { readonly kind: "unhealthy"; readonly after: number }
    /** It cannot even be made, as with an image that nobody has. */
    | { readonly kind: "rejected"; readonly error: string };
};

export type TaskPhase =
  | "pending"
  | "assigned"
  | "preparing"
  | "ready"
  | "starting"
  | "running"
  | "complete"
  | "shutdown"
  | "failed"
  | "rejected";

/** Times are epoch milliseconds. */
export type Task = {
  readonly id: string;
  readonly serviceId: string;
  /** 0 for global services. */
  readonly slot: number;
  readonly createdAt: number;
  readonly behaviour: Behaviour;
  /** The template as it was when the task was made. */
  readonly template: Json;
  node: Node | null;
  version: number;
  state: TaskPhase;
  stateAt: number;
  message: string;
  error: string;
  exitCode: number | null;
  desired: "ready" | "running" | "shutdown" | "remove";
  /** How many tasks of its slot failed before it, one after the other. */
  readonly attempt: number;
  /** When a task that waits in `ready` may start; null: its rollout says. */
  startAt: number | null;
};

export type Node = {
  readonly id: string;
  readonly hostname: string;
  readonly role: "manager" | "worker";
};

/** The engine's own words for where a rollout stands. */
export type UpdateStatus = {
  readonly state:
    | "updating"
    | "paused"
    | "completed"
    | "rollback_started"
    | "rollback_paused"
    | "rollback_completed";
  readonly startedAt: number;
  readonly completedAt: number | null;
  readonly message: string;
};

export type Rollout = {
  /** Slots that were out of date when it began; the measure of `MaxFailureRatio`. */
  readonly slots: number;
  /** By slot key: the new task, and when it ran. */
  readonly under: Map<string, { readonly task: Task; ranAt: number | null }>;
  /** Ids of new tasks that failed. */
  readonly failed: Set<string>;
};

export type Service = {
  readonly id: string;
  readonly createdAt: number;
  version: number;
  updatedAt: number;
  spec: Json;
  previousSpec: Json | null;
  update: UpdateStatus | null;
  rollout: Rollout | null;
  /** Slots whose task has ended for good, as the restart policy has it; until the next update. */
  readonly dormant: Set<string>;
};

export type State = {
  readonly nodes: readonly Node[];
  readonly services: Map<string, Service>;
  readonly tasks: Map<string, Task>;
  readonly startedAt: number;
  /** Grows with every write to anything, as the raft index does. */
  index: number;
};

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

/** 25 characters, as the engine has them. */
export const newId = (): string =>
  Array.from(randomBytes(25), (byte) => alphabet[byte % alphabet.length]).join("");

export const nameOf = (service: Service): string => text(service.spec["Name"]);

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

export const object = (value: unknown): Json => (isObject(value) ? value : {});

/** A number of a spec, also one that only its text keeps exactly. */
export const number = (value: unknown, otherwise: number): number =>
  value === undefined || value === null ? otherwise : Number(JSON.stringify(value));

/** A spec's duration, which is in nanoseconds, in milliseconds. */
export const duration = (value: unknown, otherwise: number): number =>
  value === undefined || value === null ? otherwise : number(value, 0) / 1e6;

export type Mode =
  | { readonly kind: "replicated" | "replicated-job"; readonly replicas: number }
  | { readonly kind: "global" | "global-job" };

export function modeOf(spec: Json): Mode {
  const mode = object(spec["Mode"]);
  if (isObject(mode["Global"])) return { kind: "global" };
  if (isObject(mode["GlobalJob"])) return { kind: "global-job" };
  if (isObject(mode["ReplicatedJob"]))
    return {
      kind: "replicated-job",
      replicas: number(mode["ReplicatedJob"]["TotalCompletions"], 1),
    };
  return { kind: "replicated", replicas: number(object(mode["Replicated"])["Replicas"], 1) };
}

/** Whether the task has not ended, nor been told to. */
export const isWanted = (task: Task): boolean => task.desired === "ready" || task.desired === "running";

const ended: ReadonlySet<TaskPhase> = new Set(["complete", "shutdown", "failed", "rejected"]);

export const hasEnded = (task: Task): boolean => ended.has(task.state);

/** Tasks of one slot replace one another; those of a global service have their node for a slot. */
export const slotKey = (task: Task): string => (task.slot === 0 ? (task.node?.id ?? "") : String(task.slot));

/** What the tasks must equal not to be replaced. A new placement alone replaces none that stands well. */
export function templateKey(template: Json): string {
  const { Placement: _placement, Runtime: _runtime, ...rest } = template;
  return JSON.stringify(rest);
}

export const templateOf = (service: Service): Json => object(service.spec["TaskTemplate"]);
