import { describe } from "vitest";
import { startEngine } from "../../src/sandbox/engine/engine.ts";
import { systemClock } from "../../src/world.ts";
import { speaksTheApi } from "./api.ts";
import { behaviourOf } from "./behaviour.ts";
import { keepsThePort } from "./contract.ts";

const open = () => startEngine({ clock: systemClock, speed: 8, behaviour: behaviourOf });

describe("the port on the embedded engine", () => {
  keepsThePort(open);
});

describe("the API of the embedded engine", () => {
  speaksTheApi(open);
});
