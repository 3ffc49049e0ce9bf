import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import Dockerode from "dockerode";
import { requireBinary } from "./binaries.ts";
import { importImages } from "./images.ts";
import { endAllOf, isAlive, removeControlGroups, removeWithMounts, signal, until } from "./processes.ts";

const run = promisify(execFile);

export type NewService = {
  readonly name: string;
  /** One of `test/lab/images.ts`; default `lab/idle:1`. */
  readonly image?: string;
  /** Default 1. */
  readonly replicas?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Fields of the engine's service spec, over those above. */
  readonly spec?: Readonly<Record<string, unknown>>;
};

/** A real Docker Engine in Swarm mode with one node, in a temporary directory and a network namespace of its own. */
export type Lab = {
  /** As in DOCKER_HOST: `unix:///…/docker.sock`. */
  readonly host: string;
  readonly directory: string;
  /** The path of its network namespace, for `nsenter --net=…`: loopback and its own bridges, no way out. */
  readonly namespace: string;
  readonly docker: Dockerode;
  /** Runs the command line client against it; resolves with what it printed. */
  client(...arguments_: string[]): Promise<string>;
  /** Resolves with the service's id as soon as the engine has taken it. */
  createService(service: NewService): Promise<string>;
  /** Resolves once `running` tasks of the service run (health checks passed), by the engine's own count. */
  running(service: string, running: number): Promise<void>;
  removeService(service: string): Promise<void>;
  /** Freezes the daemon (SIGSTOP): it keeps its connections and answers nothing. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends the daemon politely, containers included. */
  stop(): Promise<void>;
  /** Ends the daemon with SIGKILL: containers live on until `start`. */
  kill(): Promise<void>;
  /** Starts it again after `stop` or `kill`; resolves when its Swarm answers. */
  start(): Promise<void>;
  log(): Promise<string>;
  /** Ends everything and removes every trace; calling it again does nothing. */
  close(): Promise<void>;
};

/** Needs root, and of Debian docker.io, iptables, iproute2 and busybox-static. Takes about three seconds. */
export async function startDockerd(): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), "homeostat-engine-"));
  const path = (name: string): string => join(directory, name);
  const socketPath = path("docker.sock");
  const host = `unix://${socketPath}`;
  const docker = new Dockerode({ host: "", socketPath });
  // In a namespace of its own its bridges, firewall rules and ports meet nobody else's, pulls fail at once for want
  // of a route, and all of it vanishes with this process.
  const holder = spawn("unshare", ["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  await once(holder.stdout, "data");
  const namespace = `/proc/${holder.pid}/ns/net`;
  await writeFile(path("init"), '#!/bin/sh\nshift\nexec "$@"\n');
  await chmod(path("init"), 0o755);
  let daemon: ChildProcess | null = null;

  async function start(): Promise<void> {
    const log = await open(path("log"), "a");
    daemon = spawn("nsenter", [`--net=${namespace}`, requireBinary("dockerd"), ...flags(path)], {
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    await until("dockerd answers", async () => {
      if (daemon?.exitCode !== null) throw new Error(`dockerd ended: ${await tail(path("log"))}`);
      return docker.ping().then(
        () => true,
        () => false,
      );
    });
  }
  const containerd = async (): Promise<number | null> => {
    const text = await readFile(path("exec/containerd/containerd.pid"), "utf8").catch(() => "");
    return text === "" ? null : Number(text);
  };
  const signalBoth = async (name: NodeJS.Signals): Promise<void> => {
    daemon?.kill(name);
    const pid = await containerd();
    if (pid !== null) signal(pid, name);
  };
  const ended = () =>
    until("dockerd ends", () => daemon === null || daemon.exitCode !== null || daemon.signalCode !== null);

  async function kill(): Promise<void> {
    const pid = await containerd();
    await signalBoth("SIGKILL");
    await ended();
    if (pid !== null) await until("containerd ends", async () => !(await isAlive(pid)));
    // Started right after, dockerd would take the dead containerd for its own and wait for it for ever.
    const stale = ["pid", "docker.sock", "exec/containerd/containerd.pid", "exec/containerd/containerd.sock"];
    await Promise.all(stale.map((name) => rm(path(name), { force: true })));
  }

  let closed: Promise<void> | null = null;
  async function close(): Promise<void> {
    await endAllOf(directory);
    await ended();
    holder.kill("SIGKILL");
    await removeWithMounts(directory);
    await removeControlGroups(basename(directory));
  }

  const lab: Lab = {
    host,
    directory,
    namespace,
    docker,
    client: async (...arguments_) =>
      (await run(requireBinary("docker"), ["--host", host, ...arguments_])).stdout,
    async createService(service) {
      const { id } = await docker.createService(specOf(service));
      return id;
    },
    running: (service, running) =>
      until(`${running} tasks of ${service} run`, async () => {
        const filters = JSON.stringify({ name: [service] });
        const found = await docker.listServices({ filters, status: true });
        const one = found.find(({ Spec }) => Spec?.Name === service);
        return one?.ServiceStatus?.RunningTasks === running;
      }),
    removeService: async (service) => void (await docker.getService(service).remove()),
    freeze: () => signalBoth("SIGSTOP"),
    thaw: () => signalBoth("SIGCONT"),
    async stop() {
      daemon?.kill("SIGTERM");
      await ended();
    },
    kill,
    async start() {
      await start();
      await until("the Swarm answers", () =>
        docker.listNodes().then(
          (nodes) => nodes.some((node) => node.Status?.State === "ready"),
          () => false,
        ),
      );
    },
    log: () => readFile(path("log"), "utf8"),
    close: () => (closed ??= close()),
  };

  try {
    await start();
    await docker.swarmInit({ ListenAddr: "127.0.0.1:2377", AdvertiseAddr: "127.0.0.1" });
    await importImages(host, directory);
    return lab;
  } catch (error) {
    await close();
    throw error;
  }
}

const tail = async (file: string): Promise<string> => (await readFile(file, "utf8")).slice(-3000);

const flags = (path: (name: string) => string): string[] => [
  `--host=unix://${path("docker.sock")}`,
  `--data-root=${path("data")}`,
  `--exec-root=${path("exec")}`,
  `--pidfile=${path("pid")}`,
  `--cgroup-parent=/${basename(path("."))}`,
  // Debian's package has none of its own.
  `--init-path=${path("init")}`,
];

/** The engine's own service spec for it. */
function specOf(service: NewService): Dockerode.CreateServiceOptions & { Name: string } {
  const { name, image = "lab/idle:1", replicas = 1, labels = {}, spec = {} } = service;
  return {
    Name: name,
    Labels: { ...labels },
    TaskTemplate: {
      ContainerSpec: { Image: image },
      // Failing tasks come back at once instead of after five seconds.
      RestartPolicy: { Condition: "any", Delay: 100_000_000 },
    },
    Mode: { Replicated: { Replicas: replicas } },
    ...spec,
  };
}
