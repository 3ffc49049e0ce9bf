import type { Json } from "../../swarm/json.ts";
import { tasksOf } from "./orchestrate.ts";
import { hasEnded, isWanted, modeOf, type Node, type Service, type State, type Task } from "./model.ts";

/* The JSON of the engine's answers, as Docker Engine 20.10 has it. */

const time = (at: number): string => new Date(at).toISOString();

export function serviceShape(service: Service): Json {
  const { update, previousSpec } = service;
  return {
    ID: service.id,
    Version: { Index: service.version },
    CreatedAt: time(service.createdAt),
    UpdatedAt: time(service.updatedAt),
    Spec: service.spec,
    ...(previousSpec && { PreviousSpec: previousSpec }),
    Endpoint: { Spec: service.spec["EndpointSpec"] ?? {} },
    ...(update && {
      UpdateStatus: {
        State: update.state,
        StartedAt: time(update.startedAt),
        ...(update.completedAt !== null && { CompletedAt: time(update.completedAt) }),
        Message: update.message,
      },
    }),
  };
}

/** What `status=true` adds. */
export function countsShape(service: Service, state: State): Json {
  const tasks = tasksOf(service, state);
  const mode = modeOf(service.spec);
  return {
    ServiceStatus: {
      RunningTasks: tasks.filter((task) => task.state === "running").length,
      DesiredTasks: "replicas" in mode ? mode.replicas : tasks.filter(isWanted).length,
      CompletedTasks: tasks.filter((task) => task.state === "complete").length,
    },
  };
}

export function taskShape(task: Task): Json {
  const container = task.state === "running" || hasEnded(task);
  return {
    ID: task.id,
    Version: { Index: task.version },
    CreatedAt: time(task.createdAt),
    UpdatedAt: time(task.stateAt),
    Labels: {},
    Spec: task.template,
    ServiceID: task.serviceId,
    ...(task.slot !== 0 && { Slot: task.slot }),
    ...(task.node && { NodeID: task.node.id }),
    Status: {
      Timestamp: time(task.stateAt),
      State: task.state,
      Message: task.message,
      ...(task.error !== "" && { Err: task.error }),
      ...(container && {
        ContainerStatus: {
          ContainerID: task.id.padEnd(64, "0"),
          PID: 0,
          ExitCode: task.exitCode ?? 0,
        },
      }),
      PortStatus: {},
    },
    DesiredState: task.desired,
  };
}

export function nodeShape(node: Node, state: State): Json {
  const leader = state.nodes.find(({ role }) => role === "manager");
  return {
    ID: node.id,
    Version: { Index: 9 },
    CreatedAt: time(state.startedAt),
    UpdatedAt: time(state.startedAt),
    Spec: { Labels: {}, Role: node.role, Availability: "active" },
    Description: {
      Hostname: node.hostname,
      Platform: { Architecture: "x86_64", OS: "linux" },
      Resources: { NanoCPUs: 4_000_000_000, MemoryBytes: 8 * 1024 ** 3 },
      Engine: { EngineVersion: engineVersion, Plugins: [] },
      TLSInfo: {},
    },
    Status: { State: "ready", Addr: "127.0.0.1" },
    ...(node.role === "manager" && {
      ManagerStatus: {
        Leader: node === leader,
        Reachability: "reachable",
        Addr: "127.0.0.1:2377",
      },
    }),
  };
}

/** Without join tokens: there is nothing to join. */
export const swarmShape = (state: State): Json => ({
  ID: "embedded",
  Version: { Index: 10 },
  CreatedAt: time(state.startedAt),
  UpdatedAt: time(state.startedAt),
  Spec: {
    Name: "default",
    Labels: {},
    Orchestration: { TaskHistoryRetentionLimit: 5 },
    Dispatcher: { HeartbeatPeriod: 5_000_000_000 },
  },
});

export function infoShape(state: State): Json {
  const managers = state.nodes.filter(({ role }) => role === "manager");
  const [self] = managers;
  return {
    ID: self?.id,
    Name: self?.hostname,
    ServerVersion: engineVersion,
    OSType: "linux",
    Architecture: "x86_64",
    Swarm: {
      NodeID: self?.id,
      NodeAddr: "127.0.0.1",
      LocalNodeState: "active",
      ControlAvailable: true,
      Error: "",
      RemoteManagers: managers.map(({ id }) => ({ NodeID: id, Addr: "127.0.0.1:2377" })),
      Nodes: state.nodes.length,
      Managers: managers.length,
      Cluster: swarmShape(state),
    },
    Warnings: null,
  };
}

export const engineVersion = "20.10.24";

export const versionShape = (api: { oldest: string; newest: string }): Json => ({
  Version: engineVersion,
  ApiVersion: api.newest,
  MinAPIVersion: api.oldest,
  Os: "linux",
  Arch: "amd64",
});
