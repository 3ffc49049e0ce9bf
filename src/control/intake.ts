import { Notification, type Alert } from "../core/alert.ts";
import type { Receipt } from "../core/controller.ts";
import type { Group } from "../core/episode.ts";
import type { Clock } from "../core/ports.ts";
import { Fault, reason } from "../core/reason.ts";
import type { Episodes } from "./episodes.ts";
import type { Logger } from "./logger.ts";
import type { Records } from "./records.ts";
import type { Step } from "../core/step.ts";
import type { Asking } from "./asking.ts";
import type { Background } from "./background.ts";
import { Change } from "./change.ts";
import { Undecided } from "./undecided.ts";

type Accepted = {
  readonly seq: number;
  readonly at: number;
  readonly notification: Notification | null;
};

/** Beyond this many alerts that wait, notifications stay on disk alone. */
const keptInMemory = 20_000;
/** How many alerts may wait for each notification that may: one alone can hold ten thousand. */
const alertsEach = 10;
/** Alerts worked through before everything else gets its turn: about a millisecond of work. */
const slice = 100;

/** More notifications than this while a slice is worked through, or within `calm`, are a flood. */
const flood = 20;
/** Milliseconds. */
const calm = 10;
/** So long at most those who post go first; milliseconds. */
const mostGivenWay = 250;

/**
 * Accepts notifications: durable first, worked through after the answer. Each alert is known by fingerprint, start
 * and status, so that an Alertmanager pair, its repeats and its retries are told from news.
 */
export class Intake {
  readonly #records: Records;
  readonly #episodes: Episodes;
  readonly #asking: Asking;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #background: Background;
  readonly #signal: AbortSignal;
  readonly #mostWaiting: number;
  readonly #onStep: (step: Step) => void;
  readonly #backlog: Accepted[] = [];
  readonly #waiting = new Undecided();
  /** Notifications that have come since somebody last looked. */
  #came = 0;
  #working = false;
  /** The first notification of the slice that is under way; null between slices. */
  #begun: number | null = null;

  constructor(parts: {
    records: Records;
    episodes: Episodes;
    asking: Asking;
    clock: Clock;
    log: Logger;
    background: Background;
    /** Ends the working off; what is left is taken up by the next process. */
    signal: AbortSignal;
    /** How many accepted notifications may wait, before senders are told to come again. */
    mostWaiting: number;
    onStep: (step: Step) => void;
  }) {
    this.#records = parts.records;
    this.#episodes = parts.episodes;
    this.#asking = parts.asking;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#background = parts.background;
    this.#signal = parts.signal;
    this.#mostWaiting = parts.mostWaiting;
    this.#onStep = parts.onStep;
  }

  /** Notifications accepted and not yet worked through. */
  get backlog(): number {
    return this.#backlog.length;
  }

  /** The oldest journal entry that is still needed: what a slice has done is lost in a crash until it is written. */
  get oldest(): number {
    return this.#begun ?? this.#backlog[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  }

  /** Takes up what an earlier process accepted and did not finish. */
  async resume(): Promise<void> {
    const { cursor } = this.#records;
    for (let after = cursor.seq - 1; ;) {
      const entries = await this.#records.read({
        after,
        kinds: ["notification"],
        order: "oldest-first",
        // They come with their bodies, each of which may hold ten thousand alerts.
        limit: 25,
      });
      for (const { seq, at } of entries) this.#backlog.push({ seq, at, notification: null });
      const last = entries.at(-1);
      if (last === undefined) break;
      after = last.seq;
    }
    this.#work();
  }

  async receive(notification: Notification, body: Uint8Array): Promise<Receipt> {
    const [waiting, alerts] = [this.#backlog.length, this.#waiting.size];
    if (waiting >= this.#mostWaiting || alerts >= this.#mostWaiting * alertsEach)
      return this.#refuse("BacklogFull", `${waiting} accepted notifications with ${alerts} alerts wait`);
    this.#came += 1;
    const known: Promise<unknown>[] = [];
    const news: Alert[] = [];
    for (const alert of notification.alerts) {
      const durable = this.#waiting.durable(alert);
      if (durable !== undefined) known.push(durable);
      else if (this.#episodes.isRepeat(alert)) known.push(Promise.resolve());
      else news.push(alert);
    }
    const receipt: Receipt = { kind: "accepted", accepted: news.length, duplicates: known.length };
    try {
      if (news.length > 0 || notification.truncatedAlerts > 0) await this.#keep(notification, body, news);
      else this.#episodes.confirm(notification.alerts, this.#clock.now());
      // A duplicate of something that is still being written must not be answered before it is on disk.
      await Promise.all(known);
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      return this.#refuse("CannotBeStored", cause.message);
    }
    this.#onStep({ kind: "received", accepted: news.length, duplicates: known.length });
    return receipt;
  }

  #refuse(code: string, message: string): Receipt {
    this.#onStep({ kind: "refused", code });
    return { kind: "unavailable", reason: reason(code, message) };
  }

  async #keep(notification: Notification, body: Uint8Array, news: readonly Alert[]): Promise<void> {
    const at = this.#clock.now();
    const durable = this.#records.commit([{ at, kind: "notification", data: body }], []);
    for (const alert of news) this.#waiting.add(alert, durable);
    try {
      const [seq = 0] = await durable;
      this.#backlog.push({
        seq,
        at,
        notification: this.#waiting.size < keptInMemory ? notification : null,
      });
      this.#work();
    } catch (cause) {
      for (const alert of news) this.#waiting.remove(alert);
      throw cause;
    }
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    this.#background.run({ intake: "working off" }, async () => {
      await this.#workOff();
      this.#working = false;
      // What came in the last moment found somebody at work.
      if (this.#backlog.length > 0) this.#work();
    });
  }

  /** In the order of arrival, slice by slice; the cursor moves in the same commit as what a slice did. */
  async #workOff(): Promise<void> {
    while (this.#backlog.length > 0 && !this.#signal.aborted) {
      const change = new Change();
      const taken: Alert[] = [];
      this.#begun ??= this.#backlog[0]?.seq ?? null;
      while (taken.length < slice && this.#backlog.length > 0) await this.#takeFirst(change, taken);
      await this.#records.persist(change.entries, change.puts, this.#signal);
      this.#begun = null;
      for (const alert of taken) this.#waiting.remove(alert);
      change.settle();
      await new Promise<void>((turn) => setImmediate(turn));
      await this.#giveWay();
    }
  }

  /** A flood is answered first: nobody waits for its being worked through, which it may slow down and not stop. */
  async #giveWay(): Promise<void> {
    for (let given = 0; given < mostGivenWay; given += calm) {
      const came = this.#came;
      this.#came = 0;
      if (came <= flood) return;
      await this.#clock.sleep(calm, this.#signal);
    }
  }

  async #takeFirst(change: Change, taken: Alert[]): Promise<void> {
    const first = this.#backlog[0];
    if (first === undefined) return;
    const notification = first.notification ?? (await this.#reread(first.seq));
    if (notification === null) {
      this.#backlog.shift();
      change.put(this.#records.putCursor({ seq: first.seq + 1, alert: 0 }));
      this.#log.error({ seq: first.seq }, "an accepted notification cannot be read back");
      return this.#asking.lost(first.seq, first.at, change);
    }
    // Once, however many slices it takes.
    this.#backlog[0] = { ...first, notification };
    const group = groupOf(notification);
    const { cursor } = this.#records;
    const from = cursor.seq === first.seq ? cursor.alert : 0;
    if (from === 0) this.#asking.truncated(notification, group, first.at, change);
    const alerts = notification.alerts.slice(from, from + slice - taken.length);
    for (const alert of alerts) this.#take(alert, group, first.at, change);
    taken.push(...alerts);
    const done = from + alerts.length >= notification.alerts.length;
    if (done) this.#backlog.shift();
    const next = done ? { seq: first.seq + 1, alert: 0 } : { seq: first.seq, alert: from + alerts.length };
    change.put(this.#records.putCursor(next));
  }

  #take(alert: Alert, group: Group, at: number, change: Change): void {
    try {
      this.#episodes.take(alert, group, at, change);
    } catch (cause) {
      // A bug. The alerts behind this one must not wait for its repair, and a person must know.
      this.#log.error({ err: cause, fingerprint: alert.fingerprint }, "an alert could not be taken up");
      this.#asking.stumbled(alert, group, cause, at, change);
    }
  }

  /** Null where it is not there, or is none: the notifications behind it must not wait for that for ever. */
  async #reread(seq: number): Promise<Notification | null> {
    for (let wait = 100; ; wait = Math.min(wait * 2, 5000)) {
      try {
        const [entry] = await this.#records.read({
          after: seq - 1,
          before: seq + 1,
          order: "oldest-first",
          limit: 1,
        });
        return Notification.safeParse(entry?.data).data ?? null;
      } catch (cause) {
        // Thrown on, it would take along what this slice has done so far, which is in memory alone.
        if (this.#signal.aborted || !(cause instanceof Fault)) throw cause;
        await this.#clock.sleep(wait, this.#signal);
      }
    }
  }
}

const groupOf = (notification: Notification): Group => ({
  key: notification.groupKey,
  labels: notification.groupLabels,
  receiver: notification.receiver,
  externalURL: notification.externalURL,
});
