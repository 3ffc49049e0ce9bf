import { expect } from "vitest";
import { soon, tenth, type Visit } from "./cluster.ts";

/** What a spec can refer to; ids of things that exist in the cluster. */
export type References = { readonly secret: string; readonly config: string; readonly network: string };

/**
 * A spec that uses every field that Docker Engine 20.10 has for a replicated service of containers on Linux.
 * Several numbers are 64 bits wide and no double: clients in JavaScript that parse and write them back change them.
 */
export const everyField = (name: string, { secret, config, network }: References) => ({
  Name: name,
  Labels: { "a.label": 'with "quotes", ünïcode and \\', "homeostat.min": "1", z: "" },
  TaskTemplate: {
    ContainerSpec: {
      Image: "lab/idle:1",
      Labels: { inner: "yes" },
      Command: ["/bin/sh"],
      Args: ["-c", "trap 'exit 143' TERM; sleep 1000000 & wait"],
      Hostname: "{{.Node.Hostname}}-{{.Task.Slot}}",
      Env: ["EMPTY=", 'TEXT=<a href="x">&amp;</a>', "PASSWORD=not-a-real-one"],
      Dir: "/tmp",
      User: "0",
      Groups: ["0", "12"],
      Privileges: {
        CredentialSpec: null,
        SELinuxContext: { Disable: true, User: "", Role: "", Type: "", Level: "" },
      },
      Init: true,
      StopSignal: "SIGTERM",
      TTY: true,
      OpenStdin: true,
      ReadOnly: true,
      Mounts: [
        { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: 1_048_576, Mode: 1023 } },
        {
          Type: "volume",
          Source: "data",
          Target: "/data",
          ReadOnly: true,
          VolumeOptions: { NoCopy: true, Labels: { v: "1" } },
        },
      ],
      StopGracePeriod: JSON.rawJSON("9007199254740993"),
      Healthcheck: {
        Test: ["CMD", "test", "-f", "/bin/busybox"],
        Interval: 10 * tenth,
        Timeout: 10 * tenth,
        StartPeriod: 1_000_001,
        Retries: 3,
      },
      Hosts: ["10.1.2.3 elsewhere"],
      DNSConfig: { Nameservers: ["127.0.0.11"], Search: ["shop"], Options: ["timeout:3"] },
      Secrets: [
        {
          File: { Name: "token", UID: "0", GID: "0", Mode: 256 },
          SecretID: secret,
          SecretName: "a-secret",
        },
      ],
      Configs: [
        {
          File: { Name: "/conf", UID: "0", GID: "0", Mode: 292 },
          ConfigID: config,
          ConfigName: "a-config",
        },
      ],
      Isolation: "default",
      Sysctls: { "net.ipv4.ip_unprivileged_port_start": "80" },
      CapabilityAdd: ["CAP_NET_ADMIN"],
      CapabilityDrop: ["CAP_MKNOD"],
      Ulimits: [
        { Name: "nofile", Hard: 4096, Soft: 1024 },
        // "Unlimited", as some write it: the greatest number of 64 bits.
        { Name: "core", Hard: JSON.rawJSON("9223372036854775807"), Soft: 0 },
      ],
    },
    Resources: {
      Limits: { NanoCPUs: 500_000_000, MemoryBytes: 67_108_864, Pids: 50 },
      Reservations: { NanoCPUs: 1_000_001, MemoryBytes: 6_291_456 },
    },
    RestartPolicy: {
      Condition: "any",
      Delay: tenth,
      MaxAttempts: JSON.rawJSON("18446744073709551615"),
      Window: 3_000_000_000,
    },
    Placement: {
      Constraints: ["node.role==manager"],
      Preferences: [{ Spread: { SpreadDescriptor: "node.labels.zone" } }],
      MaxReplicas: 8,
    },
    Networks: [{ Target: network, Aliases: ["www"] }],
    LogDriver: { Name: "json-file", Options: { "max-file": "2", "max-size": "1m" } },
    ForceUpdate: 7,
    Runtime: "container",
  },
  Mode: { Replicated: { Replicas: 2 } },
  UpdateConfig: {
    Parallelism: 1,
    Delay: JSON.rawJSON("9007199254740995"),
    FailureAction: "rollback",
    Monitor: 15_000_000_000,
    MaxFailureRatio: 0.1,
    Order: "start-first",
  },
  RollbackConfig: {
    Parallelism: JSON.rawJSON("18446744073709551615"),
    FailureAction: "pause",
    Monitor: 5_000_000_000,
    MaxFailureRatio: 0.25,
    Order: "stop-first",
  },
  EndpointSpec: {
    Mode: "dnsrr",
    Ports: [
      {
        Name: "web",
        Protocol: "tcp",
        TargetPort: 80,
        PublishMode: "host",
      },
    ],
  },
});

/** Scales the service from 2 to 3 and back: every byte of its spec stays but the number and the label, and so does every task. */
export async function scalesInPlace(
  cluster: Visit,
  name: string,
  spec: Readonly<Record<string, unknown>>,
): Promise<void> {
  const made = await cluster.ask("POST", "/services/create", spec);
  expect(made).toMatchObject({ status: 201 });
  await cluster.settled(name, 2);
  const before = await specTexts(cluster, name);
  const containers = await cluster.containers(name);
  const like = (replicas: number, intent: string): string =>
    before.Spec.replace('"Replicas":2', `"Replicas":${replicas}`).replace(
      '"homeostat.min"',
      `"homeostat.intent":"${intent}","homeostat.min"`,
    );

  expect(await cluster.change(name, { kind: "replicas", replicas: 3 }, "up")).toBe("applied");
  const scaled = await specTexts(cluster, name);
  expect(scaled.Spec).toBe(like(3, "up"));
  expect(scaled.PreviousSpec).toBe(before.Spec);
  await cluster.settled(name, 3);
  const three = await cluster.containers(name);
  expect(three).toEqual(expect.arrayContaining(containers));

  expect(await cluster.change(name, { kind: "replicas", replicas: 2 }, "down")).toBe("applied");
  expect((await specTexts(cluster, name)).Spec).toBe(like(2, "down"));
  await expect.poll(() => cluster.containers(name), soon).toHaveLength(2);
  expect(three).toEqual(expect.arrayContaining(await cluster.containers(name)));
  expect((await cluster.state(name)).update).toBeNull();
}

/** The specs as the engine wrote them, cut out of its answer. */
async function specTexts(
  cluster: Visit,
  name: string,
): Promise<{ Spec: string; PreviousSpec: string | undefined }> {
  const { text } = await cluster.ask("GET", `/services/${name}`);
  const parts = /"Spec":(\{.*?\}),(?:"PreviousSpec":(\{.*?\}),)?"Endpoint":/.exec(text);
  if (parts === null) throw new Error(`no spec in ${text}`);
  return { Spec: parts[1] ?? "", PreviousSpec: parts[2] };
}
