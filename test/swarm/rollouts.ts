import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { soon, template, tenth, visit, type Visit } from "./cluster.ts";

/** How the engine replaces the tasks of a service whose template changed, and what it says of it meanwhile. */
export function rollsOut(open: () => Promise<{ host: string; close(): Promise<void> }>): void {
  let cluster: Visit;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const opened = await open();
    close = () => opened.close();
    cluster = visit(opened.host);
  });
  afterEach(() => cluster.clear());
  afterAll(() => close());

  const status = async (name: string) => (await cluster.inspect(name)).UpdateStatus;

  it("has no update status after a change that replaces no task, and forgets the one before", async () => {
    const UpdateConfig = { Parallelism: 0, Monitor: 20 * tenth };
    await cluster.create("web", { UpdateConfig });
    await cluster.settled("web", 1);
    await cluster.write("web", { ...template("web", "lab/idle:2"), UpdateConfig });
    await expect.poll(async () => (await status("web"))?.State, soon).toBe("updating");
    await expect.poll(async () => (await status("web"))?.State, soon).toBe("completed");
    expect(await status("web")).toMatchObject({
      StartedAt: expect.any(String),
      CompletedAt: expect.any(String),
      Message: "update completed",
    });
    await cluster.write("web", { ...template("web", "lab/idle:2", 2), UpdateConfig });
    expect(await status("web")).toBeUndefined();
    await cluster.settled("web", 2);
    expect(await status("web")).toBeUndefined();
  });

  it("rolls out one task after the other, with the delay between them", async () => {
    const UpdateConfig = { Parallelism: 1, Delay: 2 * tenth, Monitor: tenth };
    await cluster.create("web", { ...template("web", "lab/idle:1", 3), UpdateConfig });
    await cluster.settled("web", 3);
    await cluster.write("web", { ...template("web", "lab/idle:2", 3), UpdateConfig });
    const fewest: number[] = [];
    const seen = async () => {
      fewest.push((await cluster.state("web")).running);
      return (await status("web"))?.State;
    };
    await expect.poll(seen, { ...soon, interval: 5 }).toBe("completed");
    expect(Math.min(...fewest)).toBe(2);
  });

  it("starts the new task before it stops the old one, where told so", async () => {
    const UpdateConfig = { Parallelism: 1, Order: "start-first", Monitor: tenth };
    await cluster.create("web", { UpdateConfig });
    await cluster.settled("web", 1);
    await cluster.write("web", { ...template("web", "lab/idle:2"), UpdateConfig });
    const fewest: number[] = [];
    const seen = async () => {
      fewest.push((await cluster.state("web")).running);
      return (await status("web"))?.State;
    };
    await expect.poll(seen, { ...soon, interval: 5 }).toBe("completed");
    expect(Math.min(...fewest)).toBeGreaterThanOrEqual(1);
  });

  it("pauses a rollout whose tasks fail, and goes on with the next update", async () => {
    const UpdateConfig = { Parallelism: 1, FailureAction: "pause", Monitor: 10 * tenth };
    await cluster.create("web", { UpdateConfig });
    await cluster.settled("web", 1);
    await cluster.write("web", { ...template("web", "lab/crash:1"), UpdateConfig });
    await expect.poll(async () => (await status("web"))?.State, soon).toBe("paused");
    const words = /^update paused due to failure or early termination of task \w{25}$/;
    expect((await status("web"))?.Message).toMatch(words);
    expect((await cluster.inspect("web")).PreviousSpec).toBeDefined();
    await cluster.write("web", { ...template("web", "lab/idle:2"), UpdateConfig });
    await expect.poll(async () => (await status("web"))?.State, soon).toBe("completed");
  });

  it("rolls back a rollout whose tasks fail, and then remembers no previous spec", async () => {
    const UpdateConfig = { Parallelism: 1, FailureAction: "rollback", Monitor: 10 * tenth };
    const RollbackConfig = { Parallelism: 0, Monitor: tenth };
    await cluster.create("web", { UpdateConfig, RollbackConfig });
    await cluster.settled("web", 1);
    const before = await cluster.inspect("web");
    await cluster.write("web", { ...template("web", "lab/crash:1"), UpdateConfig, RollbackConfig });
    await expect.poll(async () => (await status("web"))?.State, soon).toBe("rollback_completed");
    const after = await cluster.inspect("web");
    expect(after.Spec).toEqual(before.Spec);
    expect(after.PreviousSpec).toBeUndefined();
    await cluster.settled("web", 1);
  });
}
