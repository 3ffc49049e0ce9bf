import { Notification, type Alert } from "../core/alert.ts";
import type { Receipt } from "../core/controller.ts";
import type { Group } from "../core/episode.ts";
import type { Clock } from "../core/ports.ts";
import { Fault, reason } from "../core/reason.ts";
import type { Episodes } from "./episodes.ts";
import type { Logger } from "./logger.ts";
import type { Records } from "./records.ts";
import type { Step } from "../core/step.ts";
import type { Background } from "./background.ts";
import { Change } from "./change.ts";
import { Undecided } from "./undecided.ts";

type Accepted = {
  readonly seq: number;
  readonly at: number;
  readonly notification: Notification | null;
};

/** Beyond this many accepted notifications in a row their bodies stay on disk alone. */
const keptInMemory = 1000;
/** Alerts worked through before everything else gets its turn: about a millisecond of work. */
const slice = 100;

/** So long at most those who wait for an answer go first; milliseconds. */
const mostGivenWay = 250;

/**
 * Accepts notifications: durable first, worked through after the answer. Each alert is known by fingerprint, start
 * and status, so that an Alertmanager pair, its repeats and its retries are told from news.
 */
export class Intake {
  readonly #records: Records;
  readonly #episodes: Episodes;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #background: Background;
  readonly #signal: AbortSignal;
  readonly #mostWaiting: number;
  readonly #onStep: (step: Step) => void;
  readonly #backlog: Accepted[] = [];
  readonly #undecided = new Undecided();
  /** Notifications that are being stored, whose senders wait for the answer. */
  #storing = 0;
  #onQuiet = (): void => {};
  #working = false;

  constructor(parts: {
    records: Records;
    episodes: Episodes;
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

  /** Takes up what an earlier process accepted and did not finish. */
  async resume(): Promise<void> {
    const { cursor } = this.#records;
    for (let after = cursor.seq - 1; ;) {
      const entries = await this.#records.read({
        after,
        kinds: ["notification"],
        order: "oldest-first",
        limit: 1000,
      });
      for (const { seq, at } of entries) this.#backlog.push({ seq, at, notification: null });
      const last = entries.at(-1);
      if (last === undefined) break;
      after = last.seq;
    }
    this.#work();
  }

  async receive(notification: Notification, body: Uint8Array): Promise<Receipt> {
    if (this.#backlog.length >= this.#mostWaiting)
      return this.#refuse("BacklogFull", `${this.#backlog.length} accepted notifications wait`);
    const known: Promise<unknown>[] = [];
    const news: Alert[] = [];
    for (const alert of notification.alerts) {
      const durable = this.#undecided.durable(alert);
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
    for (const alert of news) this.#undecided.add(alert, durable);
    this.#storing += 1;
    try {
      const [seq = 0] = await durable;
      this.#backlog.push({
        seq,
        at,
        notification: this.#backlog.length < keptInMemory ? notification : null,
      });
      this.#work();
    } catch (cause) {
      for (const alert of news) this.#undecided.remove(alert);
      throw cause;
    } finally {
      this.#storing -= 1;
      if (this.#storing === 0) this.#onQuiet();
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
      while (taken.length < slice && this.#backlog.length > 0) await this.#takeFirst(change, taken);
      await this.#records.persist(change.entries, change.puts, this.#signal);
      for (const alert of taken) this.#undecided.remove(alert);
      change.settle();
      await this.#giveWay();
    }
  }

  /** Everything else gets its turn, and an answer comes before work that nobody waits for. */
  async #giveWay(): Promise<void> {
    await new Promise<void>((turn) => setImmediate(turn));
    if (this.#storing === 0) return;
    const enough = new AbortController();
    const quiet = new Promise<void>((resolve) => (this.#onQuiet = resolve));
    const long = this.#clock.sleep(mostGivenWay, enough.signal).catch(() => {});
    await Promise.race([quiet, long]);
    enough.abort();
  }

  async #takeFirst(change: Change, taken: Alert[]): Promise<void> {
    const first = this.#backlog[0];
    if (first === undefined) return;
    const notification = first.notification ?? (await this.#reread(first.seq));
    const group = groupOf(notification);
    const { cursor } = this.#records;
    const from = cursor.seq === first.seq ? cursor.alert : 0;
    if (from === 0) this.#episodes.noticeTruncation(notification, group, first.at, change);
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
      this.#episodes.giveUp(alert, group, cause, at, change);
    }
  }

  async #reread(seq: number): Promise<Notification> {
    const [entry] = await this.#records.read({
      after: seq - 1,
      before: seq + 1,
      order: "oldest-first",
      limit: 1,
    });
    return Notification.parse(entry?.data);
  }
}

const groupOf = (notification: Notification): Group => ({
  key: notification.groupKey,
  labels: notification.groupLabels,
  receiver: notification.receiver,
  externalURL: notification.externalURL,
});
