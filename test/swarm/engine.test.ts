import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEngine, type Engine } from "../../src/sandbox/engine/engine.ts";
import { systemClock } from "../../src/world.ts";
import { speaksTheApi } from "./api.ts";
import { behaviourOf } from "./behaviour.ts";
import { visit, type Visit } from "./cluster.ts";
import { keepsThePort } from "./contract.ts";
import { rollsOut } from "./rollouts.ts";
import { everyField, scalesInPlace } from "./every-field.ts";

const open = () => startEngine({ clock: systemClock, speed: 8, behaviour: behaviourOf });

describe("the port on the embedded engine", () => {
  keepsThePort(open);
});

describe("the API of the embedded engine", () => {
  speaksTheApi(open);
});

describe("rollouts of the embedded engine", () => {
  rollsOut(open);
});

describe("the embedded engine", () => {
  let engine: Engine;
  let cluster: Visit;
  beforeAll(async () => {
    engine = await startEngine({ clock: systemClock, speed: 8, nodes: 3 });
    cluster = visit(engine.host);
  });
  afterAll(() => engine.close());

  it("keeps fields that nobody knows yet, and so does scaling", async () => {
    const full = everyField("full", { secret: "s", config: "c", network: "n" });
    const { TaskTemplate: template } = full;
    const spec = {
      ...full,
      TaskTemplate: {
        ...template,
        ContainerSpec: { ...template.ContainerSpec, OfTomorrow: [{ deep: [1.5, null, "x"] }] },
        Placement: {},
        OfTomorrow: JSON.rawJSON("12345678901234567890"),
      },
      OfTomorrow: { on: true, __proto__: { also: 1e300 } },
    };
    await scalesInPlace(cluster, "full", spec);
    const { text } = await cluster.ask("GET", "/services/full");
    expect(text.match(/OfTomorrow/g)).toHaveLength(6);
  });

  it("spreads tasks over its nodes, and takes them from the fullest", async () => {
    await cluster.create("web", { Mode: { Replicated: { Replicas: 7 } } });
    await cluster.settled("web", 7);
    const spread = async () => {
      const nodes = (await cluster.tasks("web")).map(({ node }) => node);
      const counts = [...new Set(nodes)].map((node) => nodes.filter((one) => one === node).length);
      return counts.toSorted((one, other) => one - other);
    };
    expect(await spread()).toEqual([2, 2, 3]);
    await cluster.change("web", { kind: "replicas", replicas: 4 });
    await cluster.settled("web", 4);
    expect(await spread()).toEqual([1, 1, 2]);
  });

  it("runs global services once a node, where their placement lets them", async () => {
    const placed = { ContainerSpec: { Image: "a" }, Placement: { Constraints: ["node.role == worker"] } };
    await cluster.create("agent", { Mode: { Global: {} } });
    await cluster.create("on-workers", { Mode: { Global: {} }, TaskTemplate: placed });
    await cluster.settled("agent", 3);
    await cluster.settled("on-workers", 2);
    expect(engine.service("agent")).toEqual({ replicas: 3, running: 3 });
    expect(engine.service("nothing")).toBeNull();
  });
});
