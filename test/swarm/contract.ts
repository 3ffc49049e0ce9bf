import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { template, tenth, never, soon, visit, type Visit } from "./cluster.ts";

/**
 * What Homeostat relies on from its Swarm port. One suite for the embedded engine and for a real dockerd
 * (whose images are those of test/lab/images.ts).
 */
export function keepsThePort(open: () => Promise<{ host: string; close(): Promise<void> }>): void {
  let cluster: Visit;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const opened = await open();
    close = () => opened.close();
    cluster = visit(opened.host);
  });
  afterEach(() => cluster.clear());
  afterAll(() => close());

  it("is ready", async () => {
    await expect(cluster.swarm.ready(never)).resolves.toBeUndefined();
  });

  it("finds a service by its exact name or id, and says null of others", async () => {
    const id = await cluster.create("shop-web");
    const found = await cluster.swarm.service("shop-web", never);
    expect(found).toMatchObject({ id, name: "shop-web" });
    expect(await cluster.swarm.service(id, never)).toMatchObject({ id });
    expect(await cluster.swarm.service("shop", never)).toBeNull();
    expect(await cluster.swarm.service(id.slice(0, 12), never)).toBeNull();
    expect(await cluster.swarm.service("0".repeat(25), never)).toBeNull();
  });

  it("finds a service whose name looks like an id", async () => {
    const name = "a23456789012345678901234z";
    await cluster.create(name);
    expect(await cluster.swarm.service(name, never)).toMatchObject({ name });
  });

  it("tells of a service what decisions are made of", async () => {
    const before = Date.now() - 1000;
    const Labels = { "homeostat.min": "2", team: "shop" };
    await cluster.create("web", { ...template("web", "lab/idle:1", 2), Labels });
    const state = await cluster.settled("web", 2);
    expect(state).toMatchObject({
      mode: "replicated",
      replicas: 2,
      running: 2,
      image: "lab/idle:1",
      labels: Labels,
      intent: null,
      update: null,
      previous: null,
    });
    expect(state.updatedAt).toBeGreaterThan(before);
    expect(state.version).toBeGreaterThan(0);
  });

  it("lists every service, and tells global ones from replicated ones", async () => {
    await cluster.create("one");
    await cluster.create("everywhere", { Mode: { Global: {} } });
    const modes = (await cluster.swarm.services(never)).map(({ name, mode, replicas }) => [
      name,
      mode,
      replicas,
    ]);
    expect(modes.toSorted(([one = ""], [other = ""]) => String(one).localeCompare(String(other)))).toEqual([
      ["everywhere", "global", 0],
      ["one", "replicated", 1],
    ]);
    await cluster.settled("everywhere", 1);
    const scaled = cluster.change("everywhere", { kind: "replicas", replicas: 2 });
    await expect(scaled).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(/not replicated/),
    });
  });

  it("scales: only the replicas and the label change, and no task is replaced", async () => {
    const Labels = { b: "2", a: "1" };
    await cluster.create("web", { ...template("web", "lab/idle:1", 2), Labels });
    await cluster.settled("web", 2);
    const before = await cluster.docker.getService("web").inspect();
    const containers = await cluster.containers("web");
    expect(await cluster.change("web", { kind: "replicas", replicas: 4 }, "up")).toBe("applied");
    const state = await cluster.settled("web", 4);
    expect(state).toMatchObject({ replicas: 4, intent: "up", update: null });
    expect(state.previous).toEqual({
      intent: null,
      replicas: 2,
      sameTasks: true,
      image: "lab/idle:1",
    });
    const after = await cluster.docker.getService("web").inspect();
    expect(after.Spec).toEqual({
      ...before.Spec,
      Labels: { ...Labels, "homeostat.intent": "up" },
      Mode: { Replicated: { Replicas: 4 } },
    });
    expect(after.PreviousSpec).toEqual(before.Spec);
    expect(await cluster.containers("web")).toEqual(expect.arrayContaining(containers));

    const four = await cluster.containers("web");
    expect(await cluster.change("web", { kind: "replicas", replicas: 1 }, "down")).toBe("applied");
    await cluster.settled("web", 1);
    const [last] = await cluster.containers("web");
    expect(four).toContain(last);
    await expect.poll(async () => (await cluster.tasks("web")).length, soon).toBe(1);
  });

  it("scales to none and back", async () => {
    await cluster.create("web");
    await cluster.settled("web", 1);
    await cluster.change("web", { kind: "replicas", replicas: 0 });
    expect(await cluster.settled("web", 0)).toMatchObject({ replicas: 0, running: 0 });
    await cluster.change("web", { kind: "replicas", replicas: 1 });
    await cluster.settled("web", 1);
  });

  it("refuses a change computed from another version, and writes nothing", async () => {
    await cluster.create("web");
    const { id: serviceId, version } = await cluster.state("web");
    const change = (intent: string, replicas: number) =>
      cluster.swarm.update({ serviceId, version, intent, set: { kind: "replicas", replicas } }, never);
    expect(await change("first", 2)).toBe("applied");
    expect(await change("second", 3)).toBe("conflict");
    expect(await cluster.state("web")).toMatchObject({ replicas: 2, intent: "first" });
  });

  it("takes one of twenty changes that are computed from one version", async () => {
    await cluster.create("web");
    const { id: serviceId, version } = await cluster.state("web");
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const set = { kind: "replicas" as const, replicas: 2 };
        return cluster.swarm.update({ serviceId, version, intent: `${index}`, set }, never);
      }),
    );
    expect(answers.filter((answer) => answer === "applied")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "conflict")).toHaveLength(19);
    expect((await cluster.state("web")).intent).toBe(`${answers.indexOf("applied")}`);
  });

  it("says that a removed service is gone, and has no tasks of it", async () => {
    const serviceId = await cluster.create("web");
    const { version } = await cluster.settled("web", 1);
    await cluster.docker.getService("web").remove();
    const set = { kind: "restart" } as const;
    expect(await cluster.swarm.update({ serviceId, version, intent: "i", set }, never)).toBe("gone");
    expect(await cluster.swarm.service("web", never)).toBeNull();
    expect(await cluster.swarm.tasks(serviceId, never)).toEqual([]);
  });

  it("restarts: every task is replaced by one of the same spec", async () => {
    const UpdateConfig = { Parallelism: 0, Monitor: tenth };
    await cluster.create("web", { ...template("web", "lab/idle:1", 2), UpdateConfig });
    await cluster.settled("web", 2);
    const before = await cluster.containers("web");
    expect(await cluster.change("web", { kind: "restart" }, "again")).toBe("applied");
    await expect.poll(async () => (await cluster.state("web")).update?.state, soon).toBe("completed");
    expect(await cluster.settled("web", 2)).toMatchObject({
      intent: "again",
      previous: { sameTasks: false },
    });
    const after = await cluster.containers("web");
    expect(after.filter((one) => before.includes(one))).toEqual([]);
    const tasks = await cluster.tasks("web");
    expect(tasks.slice(0, 2).map(({ current, state }) => ({ current, state }))).toEqual([
      { current: true, state: "running" },
      { current: true, state: "running" },
    ]);
    expect(tasks.slice(2).every(({ current, state }) => !current && state === "shutdown")).toBe(true);
  });

  it("deploys an image, and goes back to the previous spec with today's replicas", async () => {
    const UpdateConfig = { Parallelism: 0, Monitor: tenth };
    await cluster.create("web", { UpdateConfig, Labels: { of: "first" } });
    await cluster.settled("web", 1);
    await cluster.change("web", { kind: "image", image: "lab/idle:2" }, "deploy");
    await expect.poll(async () => (await cluster.state("web")).update?.state, soon).toBe("completed");
    const deployed = await cluster.settled("web", 1);
    expect(deployed).toMatchObject({ image: "lab/idle:2", intent: "deploy" });
    expect(deployed.previous).toEqual({
      intent: null,
      replicas: 1,
      sameTasks: false,
      image: "lab/idle:1",
    });
    await cluster.docker.getService("web").update({
      version: deployed.version,
      ...template("web", "lab/idle:2", 3),
      UpdateConfig,
      TaskTemplate: { ...template("web").TaskTemplate, ContainerSpec: { Image: "lab/idle:1" } },
    });
    await cluster.settled("web", 3);
    expect(await cluster.change("web", { kind: "previous-spec" }, "back")).toBe("applied");
    const back = await cluster.settled("web", 3);
    expect(back).toMatchObject({ image: "lab/idle:2", replicas: 3, intent: "back" });
    expect(back.labels["of"]).toBe("first");
  });

  it("refuses to go back where there is nothing to go back to", async () => {
    await cluster.create("web");
    const back = cluster.change("web", { kind: "previous-spec" });
    await expect(back).rejects.toMatchObject({ name: "Fault", code: "refused" });
  });

  it("tells of failing tasks, of which service and since when", async () => {
    const id = await cluster.create("broken", template("broken", "lab/crash:1"));
    const since = Date.now() - 60_000;
    const failed = async (from: number) => (await cluster.swarm.failedTasks(from, never)).get(id) ?? 0;
    await expect.poll(() => failed(since), soon).toBeGreaterThan(1);
    expect(await failed(Date.now() + 60_000)).toBe(0);
    const task = (await cluster.tasks("broken")).findLast(({ state }) => state === "failed");
    expect(task).toMatchObject({ slot: 1, exitCode: 3, desired: "shutdown", current: true });
    expect(task?.error).toMatch(/non-zero exit \(3\)/);
    expect((await cluster.state("broken")).update).toBeNull();
  });

  it("counts a task as running once its health check passes, and never while it does not", async () => {
    await cluster.create("healthy", template("healthy", "lab/healthy:1"));
    await cluster.create("sick", template("sick", "lab/sick:1"));
    await expect.poll(async () => (await cluster.tasks("healthy"))[0]?.state, soon).toBe("starting");
    expect((await cluster.state("healthy")).running).toBe(0);
    await cluster.settled("healthy", 1);
    const sick = async () => (await cluster.tasks("sick")).filter(({ state }) => state === "failed");
    await expect.poll(async () => (await sick()).length, soon).toBeGreaterThan(0);
    expect((await sick())[0]?.error).toMatch(/unhealthy container/);
    expect((await cluster.state("sick")).running).toBe(0);
  });

  it("keeps tasks that nowhere fit pending, with the reason", async () => {
    const fits = template("web", "lab/idle:1", 3);
    const TaskTemplate = { ...fits.TaskTemplate, Placement: { MaxReplicas: 1 } };
    await cluster.create("web", { ...fits, TaskTemplate });
    await cluster.settled("web", 1);
    const pending = async () => (await cluster.tasks("web")).filter(({ state }) => state === "pending");
    await expect.poll(async () => (await pending())[0]?.error, soon).toMatch(/max replicas per node/);
    expect((await pending()).length).toBe(2);
    expect((await pending())[0]).toMatchObject({ node: "", exitCode: null, desired: "running" });
  });

  it("is not waited for once the signal says so", async () => {
    const gone = cluster.swarm.services(AbortSignal.abort(new Error("enough")));
    await expect(gone).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/not waited for/),
    });
  });
}
