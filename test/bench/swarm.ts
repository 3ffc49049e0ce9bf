import type Dockerode from "dockerode";
import { requireBinary } from "../lab/binaries.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import { startHomeostatProcess, type HomeostatProcess } from "./homeostat.ts";

/** Grows the service that the alert names by one, with nothing in the way of the next. */
const rules = `rules:
  - name: grow
    match: ['alertname="Grow"']
    do: [{action: scale-service, service: "\${alert.labels.service}", by: +1, min: 1, max: 10000}]
    cooldown: 0s
    repeat: once
    limit: {actions: 1000, per: 1m}
    verify: {within: 10s}
    otherwise: ignore
`;

/** Why there can be no real Swarm here; null when there can. */
export function missingSwarm(): string | null {
  if (process.getuid?.() !== 0) return "a dockerd needs root";
  try {
    for (const name of ["dockerd", "docker", "busybox", "iptables", "ip"] as const) requireBinary(name);
    return null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

export type BenchSwarm = {
  readonly homeostat: HomeostatProcess;
  readonly docker: Dockerode;
  /** A service of one replica that no node may run: what is measured is the API, not the containers. */
  create(name: string): Promise<string>;
  /** The replicas that its spec asks for. */
  replicas(id: string): Promise<number>;
  /** As dockerode's users do: read, change, write back. */
  grow(id: string): Promise<void>;
  /** Posts one alert that nobody has seen; resolves when it is accepted. */
  alert(service: string): Promise<void>;
  /** Resolves when the engine tells of the n-th update of the service from now on. */
  updated(id: string, times: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** A real dockerd in Swarm mode with a Homeostat on it. */
export async function startSwarm(): Promise<BenchSwarm> {
  await using stack = new AsyncDisposableStack();
  const lab: Lab = await startDockerd();
  stack.defer(() => lab.close());
  const homeostat = stack.use(await startHomeostatProcess(rules, { env: { DOCKER_HOST: lab.host } }));
  const { docker } = lab;
  const listeners = new Set<(id: string) => void>();
  const events = await docker.getEvents({
    filters: JSON.stringify({ type: ["service"], event: ["update"] }),
  });
  stack.defer(() => void ("destroy" in events && typeof events.destroy === "function" && events.destroy()));
  let rest = "";
  events.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { Actor } = JSON.parse(line) as { Actor: { ID: string } };
      for (const listener of listeners) listener(Actor.ID);
    }
  });
  let serial = 0;
  const run = Date.now().toString(16).padStart(12, "0").slice(-12);
  const owned = stack.move();
  return {
    homeostat,
    docker,
    create: (name) =>
      lab.createService({
        name,
        spec: {
          TaskTemplate: {
            ContainerSpec: { Image: "lab/idle:1" },
            Placement: { Constraints: ["node.labels.bench == never"] },
          },
        },
      }),
    async replicas(id) {
      const { Spec } = await docker.getService(id).inspect();
      return Spec.Mode.Replicated.Replicas;
    },
    async grow(id) {
      const service = docker.getService(id);
      const { Spec, Version } = await service.inspect();
      const { Replicas } = Spec.Mode.Replicated;
      await service.update({
        ...Spec,
        version: Version.Index,
        Mode: { Replicated: { Replicas: Replicas + 1 } },
      });
    },
    async alert(service) {
      serial += 1;
      const labels = { alertname: "Grow", service, number: String(serial) };
      const response = await fetch(`${homeostat.url}/webhooks/alertmanager`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          version: "4",
          groupKey: `{}:{number="${serial}"}`,
          receiver: "homeostat",
          status: "firing",
          groupLabels: labels,
          commonLabels: labels,
          commonAnnotations: {},
          externalURL: "",
          alerts: [
            {
              status: "firing",
              labels,
              annotations: {},
              startsAt: new Date().toISOString(),
              endsAt: "0001-01-01T00:00:00Z",
              generatorURL: "",
              fingerprint: run + serial.toString(16).padStart(4, "0"),
            },
          ],
        }),
      });
      await response.text();
      if (response.status !== 202) throw new Error(`it answered ${response.status}`);
    },
    updated(id, times) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      let left = times;
      const listener = (updated: string): void => {
        if (updated !== id || (left -= 1) > 0) return;
        resolve();
      };
      listeners.add(listener);
      const limit = setTimeout(
        () => reject(new Error(`${left} of ${times} updates are missing after 30 s`)),
        30_000,
      );
      return promise.finally(() => {
        clearTimeout(limit);
        listeners.delete(listener);
      });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
