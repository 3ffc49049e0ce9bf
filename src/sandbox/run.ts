import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Entry } from "../core/journal.ts";
import { startHomeostat } from "../serve.ts";
import { Settings } from "../settings/settings.ts";
import { startCluster, type Cluster } from "./cluster.ts";
import { conditions, type Seen } from "./conditions.ts";
import { Ledger } from "./ledger.ts";
import { Meter } from "./meter.ts";
import { Monitoring } from "./monitoring.ts";
import { Narrator } from "./narrator.ts";
import { Screen, type Terminal } from "./screen.ts";
import { failing, objective, period } from "./shop.ts";
import { bounds, certificateDays, happeningsBetween, storyEnds, verdict } from "./story.ts";
import { summary } from "./summary.ts";

export type SandboxOptions = {
  /** Ends after so many seconds; null: when the story is over. */
  readonly seconds: number | null;
  /** Goes on until it is stopped. */
  readonly forever: boolean;
  readonly out: Terminal;
  readonly colour: boolean;
  /** Ends it at once, with the summary. */
  readonly signal: AbortSignal;
};

/** How often the shop is looked at; milliseconds. */
const tick = 250;
const rules = fileURLToPath(new URL("rules", import.meta.url));

/**
 * Shows the whole loop: Homeostat as it is, on an embedded Docker Engine API, with a shop and its monitoring. All of
 * it listens on loopback and is gone afterwards. 0: the loop closed as far as it was due; 1: it did not, and it said why.
 */
export async function runSandbox(options: SandboxOptions): Promise<0 | 1> {
  const { signal } = options;
  const screen = new Screen(options.out, options.colour);
  // Ended in the opposite order of their beginning.
  await using running = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "homeostat-sandbox-"));
  running.defer(() => rm(folder, { recursive: true, force: true }));
  const cluster = await startCluster();
  running.defer(() => cluster.stop());
  const monitoring = new Monitoring(conditions);
  await monitoring.start();
  running.defer(() => monitoring.stop());
  const token = randomUUID();
  const homeostat = await startHomeostat(settingsFor(folder, cluster.host, monitoring.url, token));
  running.defer(() => homeostat.stop());
  await cluster.opened();

  screen.print(introduction(homeostat.url, screen));
  const ledger = new Ledger();
  const narrator = new Narrator((id) =>
    homeostat.controller.escalations({ limit: 1000 }).find((escalation) => escalation.id === id),
  );
  const unwatch = homeostat.store.watch(0, (entry: Entry) => {
    ledger.take(entry);
    const said = narrator.tell(entry);
    if (said !== null) screen.say(said);
  });
  running.defer(unwatch);

  const start = Date.now();
  const meter = new Meter(start, bounds.min);
  let seconds = 0;
  for (let before = 0; ; before = seconds) {
    const now = Date.now();
    seconds = (now - start) / 1000;
    for (const { text, deed } of happeningsBetween(before, seconds)) {
      screen.say({ at: now, step: "shop", text });
      if (deed === "deploy the faulty image") await cluster.deployFaulty();
    }
    await look({
      cluster,
      meter,
      monitoring,
      screen,
      now,
      seconds,
      webhook: { url: homeostat.url, token },
    });
    if (signal.aborted || isOver(options, ledger, seconds)) break;
    await sleep(tick, undefined, { signal }).catch(() => {});
  }

  const judged = verdict(ledger, seconds);
  screen.close();
  unwatch();
  screen.print(summary({ ledger, meter, verdict: judged, seconds }, screen));
  return judged.missing.length === 0 ? 0 : 1;
}

/** Measures the shop, has the alerts evaluated, and shows both. */
async function look(parts: {
  cluster: Cluster;
  meter: Meter;
  monitoring: Monitoring<Seen>;
  screen: Screen;
  now: number;
  seconds: number;
  webhook: { url: string; token: string };
}): Promise<void> {
  const { cluster, meter, monitoring, screen, now, seconds, webhook } = parts;
  const { web, pay } = await cluster.see();
  const errors = failing(pay.running);
  const { load, p95 } = meter.measure(now, web.running.length, errors > 0.05);
  monitoring.evaluate({ p95, failing: errors, certificateDays: certificateDays(seconds) }, now, webhook);
  screen.show({
    at: now,
    load,
    p95,
    seconds: meter.seconds,
    web: { running: web.running.length, wanted: web.wanted, most: bounds.max },
    pay: { running: pay.running.length, wanted: pay.wanted, tag: pay.tag, failing: errors > 0.05 },
  });
}

/** With nothing left to wait for it ends; a slow machine gets until the story would begin again. */
function isOver({ seconds: limit, forever }: SandboxOptions, ledger: Ledger, seconds: number): boolean {
  if (limit !== null) return seconds >= limit;
  if (forever) return false;
  const seen = verdict(ledger, seconds);
  return seconds >= storyEnds && (seconds >= period - 1 || seen.missing.length + seen.unseen.length === 0);
}

function settingsFor(folder: string, engine: string, alertmanager: string, token: string): Settings {
  return Settings.parse({
    listen: "127.0.0.1:0",
    rules,
    store: `sqlite:${join(folder, "homeostat.db")}`,
    dockerHost: engine,
    alertmanagerUrl: alertmanager,
    webhookToken: token,
    logLevel: "silent",
  });
}

const introduction = (url: string, screen: Screen): string[] => [
  screen.paint(
    "bold",
    "Homeostat in a sandbox: a small shop whose load rises and falls, kept within its objective.",
  ),
  `Homeostat is the real one, on an embedded Docker Engine API and monitoring; all of it is in this process.`,
  `An alert fires when 95 % of shop_web's answers take more than ${objective} ms. What may be done about it stands in`,
  `src/sandbox/rules/shop.yml. Squares are replicas: ■ runs, □ starts, · may be added. Times are UTC. Meanwhile it`,
  `answers, in another terminal: curl ${url}/api/v1/history`,
  "",
];
