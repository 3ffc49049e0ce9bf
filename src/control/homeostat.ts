import type { Notification } from "../core/alert.ts";
import { boundsOf } from "../core/bounds.ts";
import type { Check, Controller, Page, Receipt, RuleView, ServiceView, Status } from "../core/controller.ts";
import type { Episode } from "../core/episode.ts";
import { serialOf } from "../core/escalation.ts";
import type { Entry, EntryKind } from "../core/journal.ts";
import type { Pause } from "../core/pause.ts";
import type { Clock, Swarm } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";
import type { CatalogInUse } from "./catalog.ts";
import { Change } from "./change.ts";
import type { Courses } from "./courses.ts";
import type { Escalations } from "./escalations.ts";
import type { Intake } from "./intake.ts";
import type { Outbox } from "./outbox.ts";
import type { Records } from "./records.ts";

export type HomeostatParts = {
  records: Records;
  swarm: Swarm;
  intake: Intake;
  catalog: CatalogInUse;
  courses: Courses;
  escalations: Escalations;
  outbox: Outbox | null;
  clock: Clock;
  schedule: (episode: string, rule: string, at: number) => void;
  version: string;
  cluster: string;
  dryRun: boolean;
};

/** How long the cluster may take to answer a readiness check; milliseconds. */
const readyWithin = 3000;
/** Failed tasks count as recent for this long; milliseconds. */
const recently = 10 * 60_000;

/** What the outside may ask, answered from memory, the journal and the cluster. */
export class Homeostat implements Controller {
  readonly #parts: HomeostatParts;
  readonly #startedAt: number;

  constructor(parts: HomeostatParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  receive(notification: Notification, body: Uint8Array): Promise<Receipt> {
    return this.#parts.intake.receive(notification, body);
  }

  async status(): Promise<Status> {
    const { version, dryRun, records, intake, escalations, outbox } = this.#parts;
    const open = [...records.episodes.values()];
    const inPhase = (phase: string) =>
      open.filter(({ courses }) => courses.some((course) => course.phase === phase)).length;
    return {
      version,
      startedAt: this.#startedAt,
      dryRun,
      catalog: {
        version: this.#parts.catalog.current.version,
        rules: this.#parts.catalog.current.rules.length,
        faults: this.#parts.catalog.faults,
      },
      pauses: this.#pauses(),
      backlog: intake.backlog,
      episodes: {
        open: open.length,
        held: open.filter(({ courses }) => courses.some(({ hold }) => hold !== null)).length,
        verifying: inPhase("verifying"),
        handedOver: inPhase("handed-over"),
      },
      escalations: {
        open: escalations.list().filter(({ status }) => status === "open").length,
        undelivered: outbox?.pending() ?? 0,
      },
      checks: await this.checks(),
    };
  }

  async checks(): Promise<readonly Check[]> {
    const { records, catalog, swarm } = this.#parts;
    const cluster = await swarm.ready(AbortSignal.timeout(readyWithin)).then(
      () => null,
      (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
    );
    // After a failure somebody has to try whether it works again, and nothing else may be written for hours.
    if (records.storeFault !== null) {
      await records.commit([], [{ key: "probe", value: this.#parts.clock.now() }]).catch(() => {});
    }
    const rules = catalog.current.rules.length;
    const refused =
      catalog.faults.length > 0 ? `; the newest files are refused: ${catalog.faults.length} faults` : "";
    return [
      { name: "store", ok: records.storeFault === null, message: records.storeFault ?? "writable" },
      { name: "catalog", ok: rules > 0, message: `${rules} rules in force${refused}` },
      { name: "cluster", ok: cluster === null, message: cluster ?? "reachable" },
    ];
  }

  rules(): readonly RuleView[] {
    const { catalog } = this.#parts;
    return catalog.current.rules.map((rule) => ({
      name: rule.name,
      summary: rule.spec.summary ?? "",
      file: rule.source.file,
      line: rule.source.line,
      match: rule.spec.match,
      on: rule.spec.on,
      actions: rule.steps(0).map(({ spec }) => spec.action),
      ...catalog.counts(rule.name),
    }));
  }

  episodes({ limit, before = Infinity }: Page): readonly Episode[] {
    return [...this.#parts.records.episodes.values()]
      .filter(({ serial }) => serial < before)
      .sort((a, b) => b.serial - a.serial)
      .slice(0, limit);
  }

  history(
    query: Page & { kinds?: readonly EntryKind[]; episode?: string; target?: string },
  ): Promise<readonly Entry[]> {
    return this.#parts.records.read({ ...query, order: "newest-first" });
  }

  async services(signal: AbortSignal): Promise<readonly ServiceView[]> {
    const { swarm, records, cluster, clock } = this.#parts;
    const failures = await swarm.failedTasks(clock.now() - recently, signal);
    return (await swarm.services(signal)).map((service) => {
      const found = boundsOf({}, service.labels);
      const bounds = found.kind === "bounds" ? found.bounds : { min: null, max: null };
      const history = records.history({ cluster, kind: "service", name: service.name });
      return { ...service, ...bounds, history, failedTasks: failures.get(service.id) ?? 0 };
    });
  }

  escalations({ limit, before = Infinity }: Page) {
    return this.#parts.escalations
      .list()
      .filter((escalation) => serialOf(escalation) < before)
      .sort((a, b) => serialOf(b) - serialOf(a))
      .slice(0, limit);
  }

  async pause(wish: Omit<Pause, "at">): Promise<Pause> {
    const pause: Pause = { ...wish, at: this.#parts.clock.now() };
    await this.#write(pause, "paused", (change) => change.put(this.#parts.records.putPause(pause)));
    return pause;
  }

  async resume(scope: string, by: string): Promise<boolean> {
    const { records, schedule, clock } = this.#parts;
    const pause = records.pauses.get(scope);
    if (pause === undefined) return false;
    await this.#write({ ...pause, by }, "resumed", (change) => change.put(records.dropPause(scope)));
    for (const { id, courses } of records.episodes.values()) {
      for (const { rule, hold } of courses)
        if (hold?.reason.code === "Paused") schedule(id, rule, clock.now());
    }
    return true;
  }

  #pauses(): readonly Pause[] {
    const now = this.#parts.clock.now();
    return [...this.#parts.records.pauses.values()].filter(({ until }) => until === null || until > now);
  }

  /** A person's word either becomes durable or fails visibly: unlike our own steps it is not retried behind their back. */
  async #write(pause: Pause, event: "paused" | "resumed", fill: (change: Change) => void): Promise<void> {
    const { pauses } = this.#parts.records;
    const before = pauses.get(pause.scope);
    const change = new Change().append({
      at: this.#parts.clock.now(),
      kind: "pause",
      data: { event, ...pause },
    });
    fill(change);
    const mine = pauses.get(pause.scope);
    try {
      await this.#parts.records.commit(change.entries, change.puts);
    } catch (cause) {
      // Others' words that were given meanwhile stand, whether this one was kept or not.
      if (pauses.get(pause.scope) === mine) {
        if (before === undefined) pauses.delete(pause.scope);
        else pauses.set(pause.scope, before);
      }
      throw cause instanceof Fault
        ? cause
        : new Fault("unavailable", "The pause could not be stored", { cause });
    }
  }
}
