import type { Server } from "node:http";
import { Actuator } from "./control/acting.ts";
import { Agenda } from "./control/agenda.ts";
import { Asking } from "./control/asking.ts";
import { Background } from "./control/background.ts";
import { CatalogInUse } from "./control/catalog.ts";
import { Courses } from "./control/courses.ts";
import { Deeds } from "./control/deeds.ts";
import { Episodes } from "./control/episodes.ts";
import { Escalations } from "./control/escalations.ts";
import { Homeostat } from "./control/homeostat.ts";
import { Holds } from "./control/holds.ts";
import { Housekeeping } from "./control/housekeeping.ts";
import { Intake } from "./control/intake.ts";
import { Lanes } from "./control/lanes.ts";
import type { Logger } from "./control/logger.ts";
import { Observer } from "./control/observing.ts";
import { Outbox } from "./control/outbox.ts";
import { Records } from "./control/records.ts";
import { Targets } from "./control/targets.ts";
import { Verifying } from "./control/verifying.ts";
import { Reloading, type NewCatalog } from "./control/reloading.ts";
import type { Catalog } from "./core/catalog.ts";
import type { Controller } from "./core/controller.ts";
import type { Intent } from "./core/intent.ts";
import { brakeOn } from "./core/pause.ts";
import type { Reason } from "./core/reason.ts";
import type { Step } from "./core/step.ts";
import { createMetrics } from "./http/metrics.ts";
import { createServer } from "./http/server.ts";
import { Pipeline } from "./pipeline.ts";
import type { Settings } from "./settings/settings.ts";
import type { World } from "./world.ts";

export type Running = {
  readonly controller: Controller;
  /** Answers requests once somebody makes it listen. */
  readonly server: Server;
  /** Puts a new catalog in force, or notes why the newest files were refused. */
  reload(result: NewCatalog): Promise<void>;
  /** Ends intake, lets what is under way reach a durable point, and closes the store. */
  stop(): Promise<void>;
};

/** Targets that are worked on at the same time. */
const width = 64;
/** How old an observation may be when it is acted on; milliseconds. */
const fresh = 5000;
/** How long what is under way may take to reach a durable point when Homeostat stops; milliseconds. */
const grace = 15_000;

/**
 * Puts the parts together and takes up what an earlier process left. `mostWaiting`: accepted notifications that may wait
 * before senders are told to come again.
 */
export async function assemble(parts: {
  settings: Settings;
  world: World;
  catalog: Catalog;
  log: Logger;
  version: string;
  mostWaiting?: number;
}): Promise<Running> {
  const { settings, world, log, version, mostWaiting = 100_000 } = parts;
  const { store, swarm, clock } = world;
  const stopping = new AbortController();
  const { signal } = stopping;
  const metrics = createMetrics();
  const onStep = (step: Step): void => metrics.observe(step);

  const catalog = new CatalogInUse(parts.catalog);
  const records = new Records(store, clock, log);
  await records.load();
  const escalations = new Escalations({
    dryRun: settings.dryRun,
    log,
    channel: settings.slackChannel,
    delivers: world.messenger !== null,
  });
  await escalations.load(store);
  const outbox =
    world.messenger === null
      ? null
      : new Outbox({ store, messenger: world.messenger, escalations, clock, log, onStep });

  const agenda = new Agenda(clock, (key) => run(key));
  const schedule = (episode: string, rule: string, at: number): void => agenda.set(`${episode} ${rule}`, at);
  const asking = new Asking({ records, escalations, onStep });
  const episodes = new Episodes({ records, catalog, asking, schedule });
  const courses = new Courses({
    records,
    catalog,
    episodes,
    asking,
    clock,
    schedule,
    onStep,
    signal,
  });
  const holds = new Holds({
    records,
    catalog,
    episodes,
    courses,
    asking,
    clock,
    schedule,
    patience: settings.patience,
  });
  const targets = new Targets({ records, clock, signal });
  const observer = new Observer({
    swarm,
    metrics: world.metrics,
    alerts: world.alerts,
    clock,
    signal,
  });
  const brake = (intent: Intent): Reason | null =>
    brakeOn(intent, {
      dryRun: settings.dryRun,
      wanted: episodes.wants(intent),
      pauses: records.pauses,
      now: clock.now(),
    });
  const actuator = new Actuator({ swarm, caller: world.caller, clock, brake, signal });
  const lanes = { service: new Lanes(width), webhook: new Lanes(width) };
  const policy = { handsOff: settings.handsOff, fresh };
  const background = new Background({ clock, log, signal });
  const deedsParts = {
    records,
    catalog,
    courses,
    actuator,
    observer,
    lanes,
    background,
    clock,
    policy,
    onStep,
    signal,
  };
  const deeds = new Deeds({ ...deedsParts, verifying: new Verifying(deedsParts) });
  const { cluster, dryRun } = settings;
  const pipeline = new Pipeline({
    records,
    catalog,
    episodes,
    courses,
    holds,
    targets,
    deeds,
    observer,
    lanes,
    clock,
    policy,
    cluster,
    dryRun,
  });
  const intake = new Intake({
    records,
    episodes,
    asking,
    clock,
    log,
    background,
    signal,
    mostWaiting,
    onStep,
  });
  const housekeeping = new Housekeeping({
    store,
    records,
    catalog,
    intake,
    episodes,
    courses,
    escalations,
    clock,
    log,
    signal,
    keep: settings,
  });
  const controller = new Homeostat({
    records,
    swarm,
    intake,
    catalog,
    courses,
    escalations,
    outbox,
    clock,
    schedule,
    version,
    cluster,
    dryRun,
  });

  const reloading = new Reloading({ catalog, episodes, courses, escalations, clock, log, onStep });

  const run = (key: string): void => {
    const [episode = "", rule = ""] = key.split(" ");
    background.run(
      { episode, rule },
      () => pipeline.advance(episode, rule),
      (cause) => holds.stumble(episode, rule, cause),
    );
  };

  // Effects that an earlier process began are settled in their lanes before anything new is done there.
  deeds.resume();
  episodes.reschedule(clock.now());
  await intake.resume();
  outbox?.start();
  housekeeping.start();
  await store.commit({
    append: [{ at: clock.now(), kind: "process", data: { event: "started", version } }],
  });

  return {
    controller,
    server: createServer({ controller, settings, metrics, clock, log }),
    reload: (result) => reloading.take(result),
    async stop() {
      agenda.stop();
      await Promise.race([
        Promise.all(Object.values(lanes).map((kind) => kind.drained())),
        clock.sleep(grace, signal),
      ]);
      stopping.abort(new Error("Homeostat stops"));
      await outbox?.stop();
      await housekeeping.stop();
      await background.drained();
      await store
        .commit({
          append: [{ at: clock.now(), kind: "process", data: { event: "stopped", version } }],
        })
        .catch(() => {});
      await store.close();
    },
  };
}
