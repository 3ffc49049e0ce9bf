import type { Alert, Notification } from "../core/alert.ts";
import type { Catalog, CompiledRule } from "../core/catalog.ts";
import { arrival, episodeId, type Course, type Episode, type Group, type Past } from "../core/episode.ts";
import type { Intent } from "../core/intent.ts";
import { reason, type Reason } from "../core/reason.ts";
import { match, type Matched } from "../core/match.ts";
import type { Step } from "../core/step.ts";
import type { ServiceState } from "../core/target.ts";
import type { Change } from "./change.ts";
import type { Escalations } from "./escalations.ts";
import type { CatalogInUse } from "./catalog.ts";
import type { Records } from "./records.ts";

/**
 * The lives of alerts: opened, confirmed, resolved, expired. Every method writes into the change it is given and
 * schedules what comes next once that change is durable.
 */
export class Episodes {
  readonly #records: Records;
  readonly #catalog: CatalogInUse;
  readonly #escalations: Escalations;
  readonly #schedule: (episode: string, rule: string, at: number) => void;
  readonly #onStep: (step: Step) => void;
  /** The open escalation of each group that Alertmanager cuts. */
  readonly #truncated = new Map<string, string>();
  /** When this process took the open episodes up; what an earlier one was told last is known to nobody. */
  #since = 0;

  constructor(parts: {
    records: Records;
    catalog: CatalogInUse;
    escalations: Escalations;
    /** Puts a course on the agenda; an empty rule means that the episode is to be matched. */
    schedule: (episode: string, rule: string, at: number) => void;
    onStep: (step: Step) => void;
  }) {
    this.#records = parts.records;
    this.#catalog = parts.catalog;
    this.#escalations = parts.escalations;
    this.#schedule = parts.schedule;
    this.#onStep = parts.onStep;
    for (const { id, kind, status, group } of this.#escalations.list()) {
      if (kind === "truncated" && status === "open" && group !== null) this.#truncated.set(group.key, id);
    }
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
      escalation: null,
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
    this.escalate(episode, { kind: "unknown", reason: why, rule: null, trail: found.trail }, now, change);
  }

  /**
   * Asks a person about an episode, once for each thing: that it was held says nothing of what failed later. Where that
   * was forgotten, it was long ago; they are not asked again.
   */
  escalate(
    episode: Episode,
    about: {
      kind: "unknown" | "rule" | "failed" | "held";
      reason: Reason;
      rule: CompiledRule["spec"] | null;
      trail: readonly Reason[];
    },
    now: number,
    change: Change,
  ): void {
    const present = this.#records.episodes.get(episode.id);
    if (present === undefined) return; // over meanwhile
    const told = [...(present.earlier ?? []), ...(present.escalation === null ? [] : [present.escalation])];
    const rule = about.rule?.name ?? null;
    const known = told.map((id) => this.#escalations.ledger.get(id));
    if (known.some((one) => one === undefined || (one.kind === about.kind && one.rule === rule))) return;
    const raised = this.#escalations.raise(
      {
        kind: about.kind,
        reason: about.reason,
        rule,
        channel: about.rule?.escalate.channel ?? null,
        mention: about.rule?.escalate.mention ?? null,
        trail: about.trail.map((step) => `${step.code}: ${step.message}`),
        alert: present.alert,
        episode: present.id,
        group: present.group,
      },
      now,
    );
    change.tell(raised);
    this.#onStep({ kind: "escalated", why: about.reason.code });
    change.put(this.#records.putEpisode({ ...present, escalation: raised.id, earlier: told }));
  }

  /** An alert that a bug keeps from being handled goes to a person. */
  giveUp(alert: Alert, group: Group, cause: unknown, now: number, change: Change): void {
    const message = `Homeostat itself failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    const why = reason("InternalError", message);
    const about = {
      rule: null,
      channel: null,
      mention: null,
      trail: [],
      alert,
      episode: episodeId(alert),
      group,
    };
    change.tell(this.#escalations.raise({ kind: "failed", reason: why, ...about }, now));
  }

  /** An accepted notification that is lost goes to a person: Alertmanager repeats what fires on, but not what is over. */
  missNotification(seq: number, now: number, change: Change): void {
    const message = `What Alertmanager sent and the journal keeps as entry ${seq} cannot be read back`;
    const why = reason("NotificationLost", message);
    const about = {
      rule: null,
      channel: null,
      mention: null,
      trail: [],
      alert: null,
      episode: null,
      group: null,
    };
    change.tell(this.#escalations.raise({ kind: "failed", reason: why, ...about }, now));
  }

  /** One escalation for a group that Alertmanager cuts, for as long as it does: what is missing cannot be known. */
  noticeTruncation(notification: Notification, group: Group, now: number, change: Change): void {
    const told = this.#truncated.get(group.key);
    const { truncatedAlerts } = notification;
    if (truncatedAlerts === 0) {
      if (told === undefined) return;
      this.#truncated.delete(group.key);
      change.tell(this.#escalations.resolveFor(told, null, now));
      return;
    }
    const message = `Alertmanager left ${truncatedAlerts} alerts out of this group (max_alerts); nothing is done about those`;
    const raised = this.#escalations.raise(
      {
        kind: "truncated",
        reason: reason("TruncatedAlerts", message),
        rule: null,
        channel: null,
        mention: null,
        trail: [],
        alert: null,
        episode: null,
        group,
      },
      now,
    );
    this.#truncated.set(group.key, raised.id);
    change.tell(raised);
    if (told === undefined) this.#onStep({ kind: "escalated", why: "TruncatedAlerts" });
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
    for (const told of [episode.escalation, ...(episode.earlier ?? [])])
      if (told !== null) change.tell(this.#escalations.resolveFor(told, episode.id, now));
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
