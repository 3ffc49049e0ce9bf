import { Gauge, type Registry } from "@prometheus-io/client";
import type { Controller, ServiceView, Status } from "../core/controller.ts";
import { within } from "./within.ts";

/** Milliseconds; well below Prometheus's usual scrape timeout of 10 s. */
const patience = 3_000;
const mostServices = 2_000;

type Source = Pick<Controller, "status" | "services">;

export type Gauges = {
  /** Sets the gauges to what is now; resolves within a few seconds and never rejects. */
  collect(source: Source): Promise<void>;
};

/** What is read when asked for it: Homeostat's own state and the services of the cluster. */
export function createGauges(registry: Registry): Gauges {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]): Gauge<Label> =>
    new Gauge({ name: `homeostat_${name}`, help, labelNames, registers: [registry] });

  const info = gauge("build_info", "1, with the version as a label", "version");
  const dryRun = gauge("dry_run", "1 when nothing is changed");
  const rules = gauge("catalog_rules", "Rules in force");
  const faults = gauge("catalog_faults", "Faults of the rule files on disk");
  const backlog = gauge("backlog_notifications", "Notifications accepted and not yet worked through");
  const episodes = gauge("episodes", "Open episodes by state; open counts all of them", "state");
  const escalations = gauge("escalations", "Escalations by state", "state");
  const pauses = gauge("pauses", "Scopes that a person paused");
  const checks = gauge("check_ok", "1 when a part of readiness is fine", "check");
  const up = gauge("cluster_up", "1 when the cluster answered this scrape");
  const desired = gauge("service_replicas_desired", "Replicas that the service wants", "service");
  const running = gauge("service_replicas_running", "Tasks of the service that run", "service");
  const failed = gauge(
    "service_failed_tasks",
    "Failed tasks of the service that the engine remembers",
    "service",
  );
  const updated = gauge(
    "service_updated_timestamp_seconds",
    "When the service's spec was last written",
    "service",
  );
  const plain = [dryRun, rules, faults, backlog, pauses];
  const labelled = [info, episodes, escalations, checks, desired, running, failed, updated];

  const showStatus = (status: Status): void => {
    info.set({ version: status.version }, 1);
    dryRun.set(status.dryRun ? 1 : 0);
    rules.set(status.catalog.rules);
    faults.set(status.catalog.faults.length);
    backlog.set(status.backlog);
    for (const [state, count] of Object.entries(status.episodes))
      episodes.set({ state: words(state) }, count);
    for (const [state, count] of Object.entries(status.escalations)) escalations.set({ state }, count);
    pauses.set(status.pauses.length);
    for (const check of status.checks) checks.set({ check: check.name }, check.ok ? 1 : 0);
  };

  const showServices = (services: readonly ServiceView[]): void => {
    for (const { name: service, ...state } of services.slice(0, mostServices)) {
      desired.set({ service }, state.replicas);
      running.set({ service }, state.running);
      failed.set({ service }, state.failedTasks);
      updated.set({ service }, state.updatedAt / 1000);
    }
  };

  const collect = async (source: Source): Promise<void> => {
    const [status, services] = await Promise.allSettled([
      within(patience, () => source.status()),
      within(patience, (signal) => source.services(signal)),
    ]);
    // A series that is not set again disappears: no answer is no data, and a removed service is gone.
    // (`reset` would leave a gauge without labels at 0, which is a statement.)
    for (const stale of plain) stale.remove();
    for (const stale of labelled) stale.reset();
    if (status.status === "fulfilled") showStatus(status.value);
    up.set(services.status === "fulfilled" ? 1 : 0);
    if (services.status === "fulfilled") showServices(services.value);
  };

  let collecting: Promise<void> | null = null;
  return {
    // Scrapes at the same time share one look at the world.
    collect: (source) => {
      collecting ??= collect(source).finally(() => {
        collecting = null;
      });
      return collecting;
    },
  };
}

/** `handedOver` → `handed_over` */
const words = (camelCase: string): string =>
  camelCase.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
