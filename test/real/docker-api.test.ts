import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeReal, requireBinary } from "../lab/binaries.ts";

const configuration = join(import.meta.dirname, "../../alertmanager/docker-api.cfg");

describeReal("the way to the Docker API", ["haproxy"], () => {
  let directory: string;
  let engine: Server;
  let proxy: ChildProcess;
  const reached: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "homeostat-proxy-"));
    engine = createServer((asked, response) => {
      reached.push(`${asked.method} ${asked.url}`);
      response.end("{}");
    });
    await once(engine.listen(join(directory, "engine.sock")), "listening");
    // As it is shipped, but for the two ends.
    const text = (await readFile(configuration, "utf8"))
      .replace("bind :2375", `bind unix@${join(directory, "proxy.sock")}`)
      .replace("/var/run/docker.sock", join(directory, "engine.sock"));
    await writeFile(join(directory, "haproxy.cfg"), text);
    proxy = spawn(requireBinary("haproxy"), ["-db", "-f", join(directory, "haproxy.cfg")], {
      stdio: "ignore",
    });
    await vi.waitFor(() => ask("GET", "/_ping"), { timeout: 10_000 });
  });
  afterAll(async () => {
    proxy.kill("SIGKILL");
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
    await rm(directory, { recursive: true });
  });

  const ask = (method: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asking = request({ socketPath: join(directory, "proxy.sock"), method, path }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asking.once("error", reject).end();
    });

  it.each([
    ["GET", "/_ping"],
    ["HEAD", "/_ping"],
    ["GET", "/version"],
    ["GET", "/v1.41/info"],
    ["GET", "/v1.41/services?status=true"],
    ["GET", "/services/shop_web?insertDefaults=false"],
    ["GET", "/v1.52/tasks?filters=%7B%22service%22%3A%5B%22x%22%5D%7D"],
    ["POST", "/v1.41/services/9mnpnzenvg8p8tdbtq4wvbkcz/update?version=23&rollback=previous"],
  ])("lets %s %s through", async (method, path) => {
    reached.length = 0;
    expect([await ask(method, path), reached]).toEqual([200, [`${method} ${path}`]]);
  });

  it.each([
    ["POST", "/services/create"],
    ["POST", "/v1.41/services/create"],
    ["DELETE", "/services/shop_web"],
    ["GET", "/services/shop_web/logs"],
    ["GET", "/swarm"],
    ["GET", "/v1.41/swarm/unlockkey"],
    ["POST", "/swarm/update"],
    ["GET", "/secrets"],
    ["GET", "/configs"],
    ["GET", "/nodes"],
    ["POST", "/nodes/x/update"],
    ["GET", "/containers/json"],
    ["POST", "/containers/create"],
    ["POST", "/exec/x/start"],
    ["GET", "/images/json"],
    ["GET", "/events"],
    ["POST", "/info"],
    ["GET", "/tasks/x/logs"],
    ["PUT", "/services/x/update"],
    ["POST", "/services/x/update/../../create"],
    ["POST", "/services/../secrets/create/update"],
    ["GET", "/services/..%2fswarm"],
    ["GET", "/services/%2e%2e/swarm"],
    ["GET", "//services"],
    ["GET", "/v1.41/v1.41/services"],
    ["GET", "/services/"],
    ["GET", "/"],
  ])("refuses %s %s without asking the engine", async (method, path) => {
    reached.length = 0;
    expect([await ask(method, path), reached]).toEqual([403, []]);
  });
});
