import { readFileSync } from "node:fs";
import { startHomeostat } from "../../src/serve.ts";
import { loadSettings } from "../../src/settings/load.ts";
import { connectWorld } from "../../src/world.ts";
import { mortal } from "./deaths.ts";

/* Homeostat as it is, but for the moment in LAB_DEATH, such as `before the intent`, at which it kills itself. */

function die(): Promise<never> {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
}

const loaded = loadSettings(process.env, (path) => readFileSync(path, "utf8"));
if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
await startHomeostat(loaded.settings, async (settings) =>
  mortal(await connectWorld(settings), process.env["LAB_DEATH"] ?? "", die),
);
