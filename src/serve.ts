import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { assemble } from "./assemble.ts";
import { formatFault } from "./catalog/fault-text.ts";
import { loadCatalog } from "./catalog/load.ts";
import { watchCatalog } from "./catalog/watch.ts";
import type { Controller } from "./core/controller.ts";
import { Fault } from "./core/reason.ts";
import type { Store } from "./core/ports.ts";
import { isLoopback } from "./settings/listen.ts";
import type { Settings } from "./settings/settings.ts";
import { connectWorld, type World } from "./world.ts";

export const version = "0.1.0";

export type Serving = {
  /** Where it listens. */
  readonly url: string;
  readonly controller: Controller;
  readonly store: Store;
  /** Reads the rule files again now, changed or not. */
  reload(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts Homeostat as the settings say: a good catalog, an open store and a free address are needed, everything else
 * may come later. Rejects with a Fault that says what is missing.
 * @param connect what it is connected to, where that is not what the settings name: tests put faults in between.
 */
export async function startHomeostat(
  settings: Settings,
  connect: (settings: Settings) => Promise<World> = connectWorld,
): Promise<Serving> {
  const log = pino({ level: settings.logLevel });
  const loaded = await loadCatalog(settings.rules);
  if (loaded.kind === "refused") {
    throw new Fault("refused", ["The rules cannot be used:", ...loaded.faults.map(formatFault)].join("\n"));
  }
  const world = await connect(settings);
  const running = await assemble({ settings, world, catalog: loaded.catalog, log, version });
  const { server, controller } = running;
  const { host, port } = settings.listen;
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    await running.stop();
    throw new Fault("refused", `Cannot listen on ${host}:${port}`, { cause });
  }
  const address = server.address() as AddressInfo;
  const url = `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
  const watching = new AbortController();
  const watch = watchCatalog(settings.rules, {
    signal: watching.signal,
    clock: world.clock,
    current: loaded.hash,
    onResult: (result) =>
      running.reload(
        result.kind === "loaded" ? result : { kind: "refused", faults: result.faults.map(formatFault) },
      ),
  });
  log.info(
    { url, version, rules: loaded.catalog.rules.length, dryRun: settings.dryRun },
    "Homeostat listens",
  );
  if (settings.webhookToken === null && isLoopback(settings.listen.host)) {
    log.warn({}, "no webhook token is set: whoever reaches this machine's loopback may post alerts");
  }

  return {
    url,
    controller,
    store: world.store,
    reload: () => watch.reload(),
    async stop() {
      watching.abort();
      // No new requests; those under way are answered, as their notifications still can be stored.
      server.close();
      server.closeIdleConnections();
      await running.stop();
      server.closeAllConnections();
      log.info({}, "Homeostat has stopped");
    },
  };
}
