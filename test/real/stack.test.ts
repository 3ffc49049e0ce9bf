import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeReal } from "../lab/binaries.ts";
import { startDockerd, type Lab } from "../lab/dockerd.ts";
import { buildHomeostat, importServers, importShop, importSlack } from "../lab/image.ts";
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
        importSlack(lab.host),
        buildHomeostat(lab.host, "lab/homeostat:1"),
      ]);
      stack = await deployStack(lab, "lab/homeostat:1");
    });
    afterAll(() => lab?.close());

    /** The body of an answer, fetched by a busybox in a task of `service`. */
    const fetched = (service: string, url: string) => stack.inside(service, "wget", "-q", "-O", "-", url);
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
        async () => expect(await values('up{job="services", service="homeostat_shop"} == 1')).toEqual([1, 1]),
        soon,
      );
    });

    /** What a task answers to a POST from itself. */
    const posted = (service: string, url: string, body: string, ...headers: string[]) =>
      stack.inside(
        service,
        "wget",
        "-q",
        "-O",
        "-",
        ...headers.map((header) => `--header=${header}`),
        `--post-data=${body}`,
        url,
      );
    const replicas = async (): Promise<number> =>
      (await lab.docker.getService("homeostat_shop").inspect()).Spec.Mode.Replicated.Replicas;

    it("becomes healthy: Homeostat has its store, its rules and a way to the Swarm", async () => {
      await lab.running("homeostat_homeostat", 1);
      await lab.running("homeostat_slack", 1);
      const answer = JSON.parse(await fetched("homeostat", "http://127.0.0.1:8080/readyz")) as object;
      expect(answer).toMatchObject({ ready: true });
    });

    it("scales the shop out when it is slow, until it is not", async () => {
      await stack.load(60);
      await vi.waitFor(async () => expect(await replicas()).toBeGreaterThanOrEqual(5), soon);
      const slow = async () =>
        JSON.parse(
          await fetched("alertmanager", "http://127.0.0.1:9093/api/v2/alerts?filter=alertname=SlowResponses"),
        ) as { labels: object }[];
      await vi.waitFor(async () => expect(await slow()).toEqual([]), soon);
      await lab.running("homeostat_shop", await replicas());
      const { Spec } = await lab.docker.getService("homeostat_shop").inspect();
      expect(Spec.Labels["homeostat.intent"]).toContain("/scale-out-on-slow-responses/");
    });

    it("asks people about the alert that no rule knows", async () => {
      const alerts = JSON.stringify([{ labels: { alertname: "NobodyKnows", service: "homeostat_shop" } }]);
      const json = "content-type: application/json";
      await posted("alertmanager", "http://127.0.0.1:9093/api/v2/alerts", alerts, json);
      const messages = async (): Promise<{ text: string }[]> => {
        const url = "http://127.0.0.1:9797/api/conversations.history";
        const token = "authorization: Bearer lab-slack_bot_token";
        const answer = JSON.parse(await posted("slack", url, "channel=C000000001", token));
        return Object(answer).messages;
      };
      await vi.waitFor(
        async () =>
          expect(await messages()).toMatchObject([{ text: expect.stringContaining("NobodyKnows") }]),
        soon,
      );
    });

    it("scales the shop in again when there is little to do, and not at once", async () => {
      const grown = await replicas();
      await stack.load(8);
      await vi.waitFor(async () => expect(await replicas()).toBe(grown - 1), {
        timeout: 170_000,
        interval: 500,
      });
      const { Spec } = await lab.docker.getService("homeostat_shop").inspect();
      expect(Spec.Labels["homeostat.intent"]).toContain("/scale-in-on-fast-responses/");
    });
  },
);
