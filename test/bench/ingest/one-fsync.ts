import { readFileSync } from "node:fs";
import type { Store } from "../../../src/core/ports.ts";
import { startHomeostat } from "../../../src/serve.ts";
import { loadSettings } from "../../../src/settings/load.ts";
import { connectWorld } from "../../../src/world.ts";

/* Homeostat, but each commit waits for the one before it, so that none shares a sync of the disk. */

function oneByOne(store: Store): Store {
  let last: Promise<unknown> = Promise.resolve();
  const commit: Store["commit"] = (change) => {
    const mine = last.then(() => store.commit(change));
    last = mine.catch(() => {});
    return mine;
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === "commit") return commit;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const loaded = loadSettings(process.env, (path) => readFileSync(path, "utf8"));
if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
const homeostat = await startHomeostat(loaded.settings, async (settings) => {
  const world = await connectWorld(settings);
  return { ...world, store: oneByOne(world.store) };
});
process.on("SIGTERM", () => void homeostat.stop());
