import type { Alert } from "../core/alert.ts";
import type { Catalog, CompiledRule } from "../core/catalog.ts";
import { arrival, episodeId, type Course, type Episode, type Group, type Past } from "../core/episode.ts";
import type { Intent } from "../core/intent.ts";
import { reason } from "../core/reason.ts";
import { match, type Matched } from "../core/match.ts";
import type { ServiceState } from "../core/target.ts";
import type { Asking } from "./asking.ts";
import type { Change } from "./change.ts";
import type { CatalogInUse } from "./catalog.ts";
import type { Records } from "./records.ts";

/**
 * The lives of alerts: opened, confirmed, resolved, expired. Every method writes into the change it is given and
 * schedules what comes next once that change is durable.
 */
export class Episodes {
  readonly #records: Records;
  readonly #catalog: CatalogInUse;
  readonly #asking: Asking;
  readonly #schedule: (episode: string, rule: string, at: number) => void;
  /** When this process took the open episodes up; what an earlier one was told last is known to nobody. */
  #since = 0;

  constructor(parts: {
    records: Records;
    catalog: CatalogInUse;
    asking: Asking;
    /** Puts a course on the agenda; an empty rule means that the episode is to be matched. */
    schedule: (episode: string, rule: string, at: number) => void;
  }) {
    this.#records = parts.records;
    this.#catalog = parts.catalog;
    this.#asking = parts.asking;
    this.#schedule = parts.schedule;
  }

  #arrival(alert: Alert): ReturnType<typeof arrival> {
    return arrival(alert, this.#records.open(alert.fingerprint), this.#records.past(alert.fingerprint));
  }

  /** True when an alert brings no news: it is open already, resolved already, or from an earlier life. */
  isRepeat(alert: Alert): boolean {
    const kind = this.#arrival(alert);
    if (kind === "resolves") return this.#records.open(alert.fingerprint)?.alert.status === "resolved";
    return kind === "repeats" || kind === "late";
  }

  /** A repeat says one thing: it still fires. Kept in memory alone; Alertmanager is asked again after a restart. */
  confirm(alerts: readonly Alert[], now: number): void {
    for (const alert of alerts) {
      const open = this.#records.open(alert.fingerprint);
      if (open === undefined || alert.status !== "firing" || this.#arrival(alert) !== "repeats") continue;
      this.#records.putEpisode({ ...open, confirmedAt: now });
      for (const course of open.courses) {
        if (course.hold?.reason.code === "AlertUnconfirmed") this.#schedule(open.id, course.rule, now);
      }
    }
  }

  /** Takes one alert of an accepted notification up. */
  take(alert: Alert, group: Group, now: number, change: Change): void {
    const open = this.#records.open(alert.fingerprint);
    const kind = this.#arrival(alert);
    switch (kind) {
      case "late":
        return;
      case "repeats":
        return this.confirm([alert], now);
      case "supersedes":
        if (open !== undefined) this.close(open, "superseded", now, change);
        return this.#open(alert, group, now, change);
      case "opens":
      case "resolves-unseen":
        return this.#open(alert, group, now, change);
      case "resolves":
        if (open !== undefined && open.alert.status === "firing") this.#resolve(open, alert, now, change);
        return;
      default:
        return kind satisfies never;
    }
  }

  #open(alert: Alert, group: Group, now: number, change: Change): void {
    const episode: Episode = {
      id: episodeId(alert),
      alert,
      group,
      openedAt: now,
      serial: this.#records.nextSerial(now),
      confirmedAt: now,
      matched: false,
      courses: [],
      asked: [],
    };
    change.append({
      at: now,
      kind: "episode",
      episode: episode.id,
      data: { event: "opened", alert },
    });
    change.put(this.#records.putEpisode(episode));
    this.matchNow(episode, null, now, change);
  }

  #resolve(open: Episode, alert: Alert, now: number, change: Change): void {
    const courses = open.courses.map((course): Course =>
      course.phase === "waiting" ? { ...course, phase: "done", hold: null } : course,
    );
    const episode = {
      ...open,
      alert: { ...alert, startsAt: open.alert.startsAt },
      courses,
      confirmedAt: now,
      matched: false,
    };
    change.append({
      at: now,
      kind: "episode",
      episode: open.id,
      data: { event: "resolved", endsAt: alert.endsAt },
    });
    change.put(this.#records.putEpisode(episode));
    this.matchNow(episode, null, now, change);
  }

  /**
   * Finds the rules that take an episode. Rules whose `when` reads the service need it observed: without an
   * observation the matching is put on the agenda, and comes back here with one.
   */
  matchNow(
    episode: Episode,
    service: { state: ServiceState | null } | null,
    now: number,
    change: Change,
  ): void {
    const scope = { alert: episode.alert, now, service: service?.state ?? null };
    const found = match(this.#catalog.current, scope, service !== null);
    if (found.kind === "needs-service") {
      // Matched before, by another catalog: now it is not.
      if (episode.matched) change.put(this.#records.putEpisode({ ...episode, matched: false }));
      change.afterwards(() => this.#schedule(episode.id, "", now));
      return;
    }
    const courses = found.rules
      .filter((rule) => !episode.courses.some((course) => course.rule === rule.name))
      .map((rule) => this.#course(rule, episode, now));
    const matched: Episode = {
      ...episode,
      matched: true,
      courses: [...episode.courses, ...courses],
    };
    change.put(this.#records.putEpisode(matched));
    change.append({
      at: now,
      kind: "episode",
      episode: episode.id,
      data: { event: "matched", rules: found.rules.map((rule) => rule.name), trail: found.trail },
    });
    for (const rule of found.rules) this.#catalog.count(rule.name, "matched");
    change.afterwards(() => {
      for (const course of courses) this.#schedule(episode.id, course.rule, now);
    });
    if (matched.alert.status === "resolved") this.closeIfOver(matched, now, change);
    else if (found.rules.length === 0) this.#unknown(matched, found, now, change);
  }

  #course(rule: CompiledRule, episode: Episode, now: number): Course {
    const past = this.#records.past(episode.alert.fingerprint);
    const relapsed = past !== undefined && now - past.closedAt < rule.spec.verify.healthy;
    // One that expired and fires on has the id of before, under which no try may be made twice.
    const goesOn = past?.startsAt === Date.parse(episode.alert.startsAt);
    const tries = past !== undefined && (relapsed || goesOn) ? (past.tries[rule.name] ?? 0) : 0;
    return {
      rule: rule.name,
      phase: "waiting",
      tries,
      step: 0,
      nextAt: now,
      intent: null,
      hold: null,
    };
  }

  /** No rule knows it: a person is asked. */
  #unknown(episode: Episode, found: Matched, now: number, change: Change): void {
    const count = this.#catalog.current.rules.length;
    const why = reason("UnknownAlert", `None of the ${count} rules takes this alert`);
    this.#asking.about(
      episode,
      { kind: "unknown", reason: why, rule: null, trail: found.trail },
      now,
      change,
    );
  }

  /** Whether an intent's alert and rule still ask for it. An undo is owed to the service, whatever became of the alert. */
  wants({ episode, rule, action }: Intent): boolean {
    const on = this.#catalog.current.rule(rule)?.spec.on;
    const present = this.#records.episodes.get(episode);
    return action === "undo" || (present !== undefined && present.alert.status === on);
  }

  /** Closes a resolved episode once nothing is under way in it. */
  closeIfOver(episode: Episode, now: number, change: Change): void {
    const over = episode.courses.every((course) => course.phase === "done" || course.phase === "handed-over");
    if (episode.alert.status === "resolved" && episode.matched && over)
      this.close(episode, "resolved", now, change);
  }

  close(episode: Episode, why: "resolved" | "superseded" | "expired", now: number, change: Change): void {
    const past: Past = {
      fingerprint: episode.alert.fingerprint,
      startsAt: Date.parse(episode.alert.startsAt),
      closedAt: now,
      expired: why === "expired",
      tries: Object.fromEntries(episode.courses.map((course) => [course.rule, course.tries])),
    };
    change.append({
      at: now,
      kind: "episode",
      episode: episode.id,
      data: { event: "closed", why },
    });
    change.put(...this.#records.closeEpisode(episode, past));
    this.#asking.over(episode, now, change);
  }

  /** Closes what nobody has confirmed since `then`: a resolution under a silence may never arrive. */
  expire(then: number, now: number, change: Change): void {
    for (const episode of this.#records.episodes.values()) {
      const busy = episode.courses.some((course) => course.phase === "verifying");
      if (Math.max(episode.confirmedAt, this.#since) < then && !busy)
        this.close(episode, "expired", now, change);
    }
  }

  /** Puts everything open back on the agenda, after a start. */
  reschedule(now: number): void {
    this.#since = now;
    for (const { id, matched, courses } of this.#records.episodes.values()) {
      if (!matched) this.#schedule(id, "", now);
      for (const { rule, phase, nextAt } of courses)
        if (phase === "waiting") this.#schedule(id, rule, Math.max(now, nextAt));
    }
  }

  /**
   * Takes a new catalog into use. Open alerts that no rule took are matched again: the rule that was written because
   * of them shall help them. Courses whose rule is gone end when they are next due, and then count as never taken.
   */
  takeCatalog(catalog: Catalog, now: number, change: Change): void {
    this.#catalog.current = catalog;
    for (const episode of this.#records.episodes.values()) {
      const taken = episode.courses.some(
        ({ rule, phase }) => phase !== "done" || catalog.rule(rule) !== undefined,
      );
      const unknown = episode.matched && !taken && episode.alert.status === "firing";
      if (unknown && catalog.candidates(episode.alert).length > 0) this.matchNow(episode, null, now, change);
    }
  }
}
