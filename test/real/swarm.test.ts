import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectSwarm } from "../../src/swarm/swarm.ts";
import { describeReal } from "../lab/binaries.ts";
import { makeCertificates } from "../lab/certificates.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import { speaksTheApi } from "../swarm/api.ts";
import { never, soon, visit } from "../swarm/cluster.ts";
import { keepsThePort } from "../swarm/contract.ts";
import { rollsOut } from "../swarm/rollouts.ts";
import { everyField, scalesInPlace } from "../swarm/every-field.ts";

const needed = ["dockerd", "docker", "iptables", "ip", "busybox", "openssl"] as const;

describeReal("the port on a real Swarm", needed, () => keepsThePort(startDockerd));

describeReal("the API of a real dockerd", needed, () => speaksTheApi(startDockerd));

describeReal("rollouts of a real Swarm", needed, () => rollsOut(startDockerd));

describeReal("a real dockerd", needed, () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await startDockerd()));
  afterAll(() => lab.close());

  it("scales a service that uses every field of a spec: nothing else changes, no task is replaced", async () => {
    const cluster = visit(lab.host);
    const Data = Buffer.from("x").toString("base64");
    const { id: secret } = await cluster.docker.createSecret({ Name: "a-secret", Data });
    const { id: config } = await cluster.docker.createConfig({ Name: "a-config", Data });
    const network = await cluster.docker.createNetwork({ Name: "shop", Driver: "overlay" });
    const spec = everyField("full", { secret, config, network: network.id });
    await scalesInPlace(cluster, "full", spec);
    // Nothing of it was dropped or rewritten by the engine itself, or the test would say less than it seems to.
    const { text } = await cluster.ask("GET", "/services/full");
    const written = JSON.parse(JSON.stringify({ ...spec, Labels: {}, Mode: {} }));
    const kept = { ...JSON.parse(text).Spec, Labels: {}, Mode: {} };
    expect(kept).toEqual(written);
    expect((await cluster.tasks("full")).every(({ current }) => current)).toBe(true);
    await lab.removeService("full");
  });

  it("is spoken to over TLS by whoever has a certificate, and by nobody else", async () => {
    const { ca, server, client } = await makeCertificates(lab.directory);
    const { pathname: socketPath } = new URL(lab.host);
    const gate = https.createServer({ ca, ...server, requestCert: true }, (request, response) => {
      const { method, url: path, headers } = request;
      const inner = http.request({ socketPath, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      request.pipe(inner);
    });
    await once(gate.listen(0, "127.0.0.1"), "listening");
    const at = gate.address();
    const host = `tcp://127.0.0.1:${at !== null && typeof at === "object" ? at.port : 0}`;
    const code = "unavailable";
    await connectSwarm({ host, tls: { ca, ...client } }).ready(never);
    await expect(connectSwarm({ host, tls: { ca } }).ready(never)).rejects.toMatchObject({ code });
    await expect(connectSwarm({ host, tls: client }).ready(never)).rejects.toMatchObject({ code });
    await expect(connectSwarm({ host }).ready(never)).rejects.toMatchObject({ code });
    gate.closeAllConnections();
    await new Promise((resolve) => gate.close(resolve));
  });

  it("frozen, hangs nobody; thawed, it answers again", async () => {
    await lab.createService({ name: "web" });
    await lab.running("web", 1);
    const swarm = connectSwarm({ host: lab.host, deadline: 300 });
    const state = await swarm.service("web", never);
    const [id, version] = [state?.id ?? "", state?.version ?? 0];
    await lab.freeze();
    const calls = [
      swarm.ready(never),
      swarm.service("web", never),
      swarm.tasks(id, never),
      swarm.update({ serviceId: id, version, intent: "i", set: { kind: "replicas", replicas: 2 } }, never),
    ];
    const answers = await Promise.allSettled(calls);
    await lab.thaw();
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: "rejected",
        reason: { code: "unavailable", message: expect.stringMatching(/did not answer within 300 ms/) },
      });
    }
    await expect.poll(() => swarm.service("web", never).catch(() => null), soon).toMatchObject({ id });
  });

  it("killed, is a Fault that may pass; started again, it is the same Swarm", async () => {
    const swarm = connectSwarm({ host: lab.host });
    const before = await swarm.service("web", never);
    await lab.kill();
    await expect(swarm.service("web", never)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/does not answer/),
    });
    await lab.start();
    await swarm.ready(never);
    expect(await swarm.service("web", never)).toMatchObject({ id: before?.id, version: before?.version });
    await lab.running("web", 1);
  });

  it("without a Swarm says in its own words what it is", async () => {
    await lab.client("swarm", "leave", "--force");
    const swarm = connectSwarm({ host: lab.host });
    await expect(swarm.ready(never)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/This node is not a swarm manager/),
    });
  });
});
