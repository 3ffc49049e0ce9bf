import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeReal } from "../lab/binaries.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import { buildHomeostat, importServers, importShop } from "../lab/image.ts";
import { deployStack, type Stack } from "../lab/stack.ts";

const soon = { timeout: 60_000, interval: 500 };

describeReal(
  "stack.yml in a real Swarm",
  ["dockerd", "docker", "prometheus", "prometheus-alertmanager", "haproxy", "busybox"],
  () => {
    let lab: Lab;
    let stack: Stack;
    beforeAll(async () => {
      lab = await startDockerd();
      await Promise.all([
        importServers(lab.host),
        importShop(lab.host),
        buildHomeostat(lab.host, "lab/homeostat:1"),
      ]);
      stack = await deployStack(lab, "lab/homeostat:1");
    });
    afterAll(() => lab?.close());

    /** The body of an answer, fetched by a busybox in a task of `service`. */
    const fetched = (service: string, url: string) =>
      stack.inside(service, "wget", "-q", "-O", "-", url);
    const values = async (promql: string): Promise<number[]> => {
      const body = await fetched(
        "prometheus",
        `http://127.0.0.1:9090/api/v1/query?query=${encodeURIComponent(promql)}`,
      );
      const { data } = JSON.parse(body) as { data: { result: { value: [number, string] }[] } };
      return data.result.map(({ value }) => Number(value[1]));
    };

    it("builds an image that is small in what it holds and runs as nobody in particular", async () => {
      const image = await lab.docker.getImage("lab/homeostat:1").inspect();
      expect(image.Config).toMatchObject({
        User: "1000:1000",
        Cmd: ["node", "src/homeostat.js", "serve"],
        Volumes: { "/data": {} },
      });
      expect(image.Config.Healthcheck).toBeDefined();
      const listed = await lab.client(
        "run",
        "--rm",
        "--network=none",
        "lab/homeostat:1",
        "ls",
        "-a",
        "/app",
        "/app/node_modules/.bin",
      );
      expect(listed).not.toMatch(/test|vitest|\.git|typescript|tsc/);
      expect(listed).toMatch(/src/);
    });

    it("starts every service, and Prometheus sees the shop's replicas one by one", async () => {
      for (const service of ["prometheus", "alertmanager", "docker-api"])
        await lab.running(`homeostat_${service}`, 1);
      await lab.running("homeostat_shop", 2);
      await vi.waitFor(
        async () =>
          expect(await values('up{job="services", service="homeostat_shop"} == 1')).toEqual([1, 1]),
        soon,
      );
    });

    it("carries alerts from the shop's metrics to Alertmanager", async () => {
      await stack.load(60);
      await vi.waitFor(async () => {
        const alerts = JSON.parse(
          await fetched(
            "alertmanager",
            "http://127.0.0.1:9093/api/v2/alerts?filter=alertname=SlowResponses",
          ),
        ) as { labels: object }[];
        expect(alerts.map(({ labels }) => labels)).toEqual([
          { alertname: "SlowResponses", service: "homeostat_shop", severity: "warning" },
        ]);
      }, soon);
    });
  },
);
