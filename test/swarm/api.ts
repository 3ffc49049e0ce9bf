import { IncomingMessage } from "node:http";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { soon, template, visit, type Spec, type Visit } from "./cluster.ts";

/** What the HTTP API itself does, through dockerode and bare: the ground that the port's adapter stands on. */
export function speaksTheApi(open: () => Promise<{ host: string; close(): Promise<void> }>): void {
  let cluster: Visit;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const opened = await open();
    close = () => opened.close();
    cluster = visit(opened.host);
  });
  afterEach(() => cluster.clear());
  afterAll(() => close());

  const version = async (name: string): Promise<number> => (await cluster.inspect(name)).Version.Index;
  const names = (filters: Spec, query: Spec = {}): Promise<string[]> =>
    cluster.docker
      .listServices({ filters: JSON.stringify(filters), ...query })
      .then((found) => found.map(({ Spec }) => Spec?.Name ?? "").toSorted());

  it("answers a stale version with 500 and these words, which dockerode hands on", async () => {
    await cluster.create("web");
    const stale = await version("web");
    expect((await cluster.write("web", template("web", "lab/idle:1", 2))).status).toBe(200);
    const late = cluster.docker.getService("web").update({ version: stale, ...template("web") });
    await expect(late).rejects.toMatchObject({
      statusCode: 500,
      json: { message: "rpc error: code = Unknown desc = update out of sequence" },
    });
  });

  it.each([
    ["GET", "/services/none", 404, "service none not found"],
    ["POST", "/services/none/update?version=1", 404, "service none not found"],
    ["DELETE", "/services/none", 404, "service none not found"],
    ["GET", "/tasks/none", 404, "task none not found"],
    ["GET", "/nodes/none", 404, "node none not found"],
    ["GET", "/nothing", 404, "page not found"],
    ["GET", `/tasks?filters=${encodeURIComponent('{"service":["none"]}')}`, 404, "service none not found"],
    ["GET", `/services?filters=${encodeURIComponent('{"shape":["round"]}')}`, 400, "Invalid filter 'shape'"],
    ["GET", "/services?filters=x", 400, "invalid character 'x' looking for beginning of value"],
    ["GET", "/v1.99/services", 400, "client version 1.99 is too new. Maximum supported API version is 1.41"],
    [
      "POST",
      "/services/none/update",
      400,
      `invalid service version '': strconv.ParseUint: parsing "": invalid syntax`,
    ],
  ])("answers %s %s with %i: %s", async (method, path, status, message) => {
    const body = method === "POST" ? template("none") : undefined;
    const answer = await cluster.ask(method, path, body);
    expect(answer).toEqual({ status, text: JSON.stringify({ message }) });
  });

  it.each<[string, Spec | string, number, RegExp]>([
    ["a name that is taken", template("taken"), 409, /AlreadyExists.*service taken already exists/],
    [
      "a name that is none",
      template("no name"),
      400,
      /InvalidArgument desc = name must be valid as a DNS name/,
    ],
    [
      "no image",
      { Name: "web", TaskTemplate: { ContainerSpec: {} } },
      400,
      /image reference must be provided/,
    ],
    ["no template", { Name: "web" }, 400, /mismatched Runtime and \*Spec fields/],
    ["half a body", '{"Name": "we', 400, /unexpected EOF/],
  ])("does not create a service of %s", async (_, spec, status, message) => {
    await cluster.create("taken");
    const answer = await cluster.ask("POST", "/services/create", spec);
    expect(answer).toEqual({ status, text: expect.stringMatching(message) });
  });

  it("takes a missing number of replicas for one", async () => {
    await cluster.create("web", template("web", "lab/idle:1", 3));
    const { Labels: _, ...spec } = { ...template("web"), Labels: {} };
    await cluster.write("web", { ...spec, Mode: { Replicated: {} } });
    expect((await cluster.inspect("web")).Spec.Mode).toEqual({ Replicated: { Replicas: 1 } });
  });

  it.each([
    ["another mode", { ...template("web"), Mode: { Global: {} } }, "service mode change is not allowed"],
    ["another name", template("other"), "renaming services is not supported"],
  ])("does not let an update give a service %s", async (_, spec, words) => {
    await cluster.create("web");
    const answer = await cluster.write("web", spec);
    expect(answer).toEqual({ status: 501, text: expect.stringContaining(words) });
  });

  it("remembers the spec before each update, and moves the version on", async () => {
    await cluster.create("web", { Labels: { step: "one" } });
    const first = await cluster.inspect("web");
    expect(first.PreviousSpec).toBeUndefined();
    await cluster.write("web", { ...template("web"), Labels: { step: "two" } });
    const second = await cluster.inspect("web");
    expect(second.PreviousSpec).toEqual(first.Spec);
    expect(second.Version.Index).toBeGreaterThan(first.Version.Index);
    expect(second.CreatedAt).toBe(first.CreatedAt);
    expect(Date.parse(second.UpdatedAt)).toBeGreaterThan(Date.parse(first.UpdatedAt));
  });

  it("swaps the specs, number of replicas included, when asked to roll back", async () => {
    await cluster.create("web");
    const none = await cluster.write("web", template("web"), "&rollback=previous");
    expect(none).toEqual({
      status: 400,
      text: expect.stringMatching(/FailedPrecondition.*does not have a previous spec/),
    });
    await cluster.write("web", template("web", "lab/idle:1", 3));
    const { Spec, PreviousSpec } = await cluster.inspect("web");
    // Whatever spec is sent along is ignored.
    expect((await cluster.write("web", template("web", "lab/idle:2", 9), "&rollback=previous")).status).toBe(
      200,
    );
    expect(await cluster.inspect("web")).toMatchObject({ Spec: PreviousSpec, PreviousSpec: Spec });
    await expect
      .poll(async () => (await cluster.inspect("web")).UpdateStatus?.State, soon)
      .toBe("rollback_completed");
  });

  it("takes no credentials from a previous spec that is not there", async () => {
    await cluster.create("web");
    const answer = await cluster.write("web", template("web"), "&registryAuthFrom=previous-spec");
    expect(answer).toEqual({
      status: 500,
      text: '{"message":"service does not have a previous spec"}',
    });
  });

  it("filters services by the start of name or id, and by label", async () => {
    const id = await cluster.create("web", { Labels: { tier: "front" } });
    await cluster.create("web-2", { Labels: { tier: "back" } });
    await cluster.create("db", { Labels: {} });
    expect(await names({})).toEqual(["db", "web", "web-2"]);
    expect(await names({ name: ["web"] })).toEqual(["web", "web-2"]);
    expect(await names({ name: { db: true } })).toEqual(["db"]);
    expect(await names({ name: ["eb"] })).toEqual([]);
    expect(await names({ id: [id] })).toEqual(["web"]);
    expect(await names({ id: [id.slice(0, 10)] })).toEqual(["web"]);
    expect(await names({ label: ["tier"] })).toEqual(["web", "web-2"]);
    expect(await names({ label: ["tier=back"] })).toEqual(["web-2"]);
    expect(await names({ name: ["web"], label: ["tier=front"] })).toEqual(["web"]);
    expect(await names({ mode: ["global"] })).toEqual([]);
  });

  it("counts tasks only when asked to", async () => {
    await cluster.create("web", template("web", "lab/idle:1", 2));
    await cluster.settled("web", 2);
    const [plain] = await cluster.docker.listServices({});
    const [counted] = await cluster.docker.listServices({ status: true });
    expect(plain?.ServiceStatus).toBeUndefined();
    expect(counted?.ServiceStatus).toEqual({ RunningTasks: 2, DesiredTasks: 2, CompletedTasks: 0 });
    expect({ ...counted, ServiceStatus: undefined }).toEqual(plain);
  });

  it("answers the same with and without a version in the path", async () => {
    await cluster.create("web");
    await cluster.settled("web", 1);
    const bare = await cluster.ask("GET", "/services/web");
    expect(await cluster.ask("GET", "/v1.41/services/web")).toEqual(bare);
  });

  it("lists tasks by service and desired state, each on a node and in a container", async () => {
    const id = await cluster.create("web");
    await cluster.create("other");
    await cluster.settled("web", 1);
    const list = (filters: Spec) => cluster.docker.listTasks({ filters: JSON.stringify(filters) });
    const [task, ...more] = await list({ service: ["web"] });
    expect(more).toEqual([]);
    const [node] = await cluster.docker.listNodes();
    expect(node).toMatchObject({ Status: { State: "ready" }, ManagerStatus: { Leader: true } });
    expect(task).toMatchObject({
      ServiceID: id,
      Slot: 1,
      NodeID: node?.ID,
      DesiredState: "running",
      Status: {
        State: "running",
        ContainerStatus: { ContainerID: expect.stringMatching(/^\w{64}$/) },
      },
    });
    expect(await list({ service: [id], "desired-state": ["running"] })).toHaveLength(1);
    expect(await list({ service: ["web"], "desired-state": ["shutdown"] })).toEqual([]);
    expect(await list({ service: ["web"], node: [node?.ID] })).toHaveLength(1);
    expect(await cluster.docker.getTask(task?.ID).inspect()).toEqual(task);
  });

  it("remembers the last five ended tasks of a slot", async () => {
    await cluster.create("broken", template("broken", "lab/crash:1"));
    const first = async () => (await cluster.tasks("broken")).at(-1)?.id;
    await expect.poll(async () => (await cluster.tasks("broken")).length, soon).toBeGreaterThan(5);
    const oldest = await first();
    await expect.poll(first, soon).not.toBe(oldest);
    expect((await cluster.tasks("broken")).length).toBeLessThanOrEqual(8);
  });

  it("does not replace a task that ended where the policy says so", async () => {
    const broken = template("broken", "lab/crash:1");
    const TaskTemplate = { ...broken.TaskTemplate, RestartPolicy: { Condition: "none" } };
    await cluster.create("broken", { ...broken, TaskTemplate });
    await expect.poll(async () => (await cluster.tasks("broken"))[0]?.state, soon).toBe("failed");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await cluster.tasks("broken")).toHaveLength(1);
  });

  it("tells of every change of a service as it happens", async () => {
    const filters = JSON.stringify({ type: ["service"] });
    const stream = await cluster.docker.getEvents({ filters });
    let text = "";
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const told = () =>
      text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line))
        .map(({ Action, Actor }) => [Action, Actor.Attributes["replicas.new"] ?? ""].join(" ").trim());
    const id = await cluster.create("web");
    await cluster.write("web", template("web", "lab/idle:1", 2));
    await cluster.docker.getService("web").remove();
    await expect.poll(told, soon).toEqual(["create", "update 2", "remove"]);
    expect(JSON.parse(text.split("\n")[0] ?? "")).toMatchObject({
      Type: "service",
      Actor: { ID: id, Attributes: { name: "web" } },
      scope: "swarm",
    });
    if (stream instanceof IncomingMessage) stream.destroy();
  });

  it("says what it is", async () => {
    expect(await cluster.docker.version()).toMatchObject({ ApiVersion: "1.41" });
    expect(await cluster.docker.info()).toMatchObject({
      Swarm: { LocalNodeState: "active", ControlAvailable: true, Managers: 1 },
    });
    expect(await cluster.ask("GET", "/_ping")).toEqual({ status: 200, text: "OK" });
  });
}
