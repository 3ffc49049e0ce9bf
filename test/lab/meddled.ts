import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { startHomeostat } from "../../src/serve.ts";
import { loadSettings } from "../../src/settings/load.ts";
import { connectWorld } from "../../src/world.ts";

/*
 * Homeostat as it is, but for one thing: between the observation and the first update that it leads to, somebody
 * else's command is run. LAB_COMMAND is its words as JSON.
 */

const loaded = loadSettings(process.env, (path) => readFileSync(path, "utf8"));
if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
const [meddler, ...words] = JSON.parse(process.env["LAB_COMMAND"] ?? "[]") as string[];
let program = meddler;
await startHomeostat(loaded.settings, async (settings) => {
  const world = await connectWorld(settings);
  const { swarm } = world;
  const update = swarm.update.bind(swarm);
  swarm.update = async (change, signal) => {
    const command = program;
    program = undefined;
    if (command !== undefined) await promisify(execFile)(command, words);
    return update(change, signal);
  };
  return world;
});
