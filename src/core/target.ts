/** What an action changes. `name` is the Swarm service's name, or a URL's host for a webhook. */
export type Target = {
  readonly cluster: string;
  readonly kind: "service" | "webhook";
  readonly name: string;
};

/** One string a target, for lanes, store keys and the journal: `default/service/shop_web`. */
export const targetId = (target: Target): string => `${target.cluster}/${target.kind}/${target.name}`;

/** A service as it was observed: the parts of the engine's answer that decisions are made of. */
export type ServiceState = {
  readonly id: string;
  readonly name: string;
  /** `Version.Index`: an update computed from this state must carry it. */
  readonly version: number;
  readonly mode: "replicated" | "global" | "replicated-job" | "global-job";
  /** Wanted replicas; 0 where the mode has none. */
  readonly replicas: number;
  /** Tasks that run now, by the engine's own count. */
  readonly running: number;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The label `homeostat.intent`: which intent of ours was the last to write this spec. */
  readonly intent: string | null;
  /** When the spec was last written by anybody; epoch milliseconds. */
  readonly updatedAt: number;
  /** The rollout's state; null when there was none since the last plain update. */
  readonly update: null | { readonly state: UpdateState; readonly message: string };
  /** What `rollback` could go back to; null when the engine remembers no earlier spec. */
  readonly previous: null | {
    readonly intent: string | null;
    readonly replicas: number;
    /** True when its tasks are specified as today's are: a rollback to it would change nothing that runs. */
    readonly sameTasks: boolean;
    readonly image: string;
  };
};

/** While this is so, every update would take the rollout's way back away. */
export const isRollingOut = ({ update }: Pick<ServiceState, "update">): boolean =>
  update !== null && ["updating", "paused", "rollback_started", "rollback_paused"].includes(update.state);

export type UpdateState =
  | "updating"
  | "paused"
  | "completed"
  | "rollback_started"
  | "rollback_paused"
  | "rollback_completed";

/** One task of a service. */
export type TaskState = {
  readonly id: string;
  readonly slot: number;
  readonly node: string;
  /** The engine's task state, such as `running`, `starting`, `failed`, `rejected`, `pending`. */
  readonly state: string;
  readonly desired: string;
  readonly error: string;
  readonly exitCode: number | null;
  /** When this state was reached; epoch milliseconds. */
  readonly at: number;
  /** True when it runs the service's present task template. */
  readonly current: boolean;
};

/** A change to one service, computed from `version`; it fails rather than overwrite another's change. */
export type ServiceChange = {
  readonly serviceId: string;
  readonly version: number;
  /** Stamped as the label `homeostat.intent` in the same call. */
  readonly intent: string;
  readonly set:
    | { readonly kind: "replicas"; readonly replicas: number }
    /** Replaces every task with one of the same spec (`ForceUpdate` + 1). */
    | { readonly kind: "restart" }
    /** Back to the previous spec, keeping today's number of replicas. */
    | { readonly kind: "previous-spec" }
    /** Another image for the same tasks. */
    | { readonly kind: "image"; readonly image: string };
};
