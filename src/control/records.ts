import type { Entry, NewEntry } from "../core/journal.ts";
import type { Course, Episode, Past } from "../core/episode.ts";
import { noHistory, type TargetHistory } from "../core/history.ts";
import type { Intent } from "../core/intent.ts";
import type { Pause } from "../core/pause.ts";
import type { Clock, JournalQuery, Put, Store } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";
import { targetId, type Target } from "../core/target.ts";
import type { Logger } from "./logger.ts";

/** How far the journal's notifications have been worked through: the alert to take next. */
export type Cursor = { readonly seq: number; readonly alert: number };

const page = 1000;
const mostPast = 100_000;

/**
 * Everything open, in memory, with its copy in the store's keys. Memory changes first and the copy follows in the
 * order of the calls; no effect on the world happens before its copy is durable. The size of the journal does not
 * matter to it.
 */
export class Records {
  readonly episodes = new Map<string, Episode>();
  readonly intents = new Map<string, Intent>();
  readonly pauses = new Map<string, Pause>();
  cursor: Cursor = { seq: 0, alert: 0 };
  /** Why the store could not be written the last time; null when it can. */
  storeFault: string | null = null;

  readonly #byFingerprint = new Map<string, Episode>();
  readonly #past = new Map<string, Past>();
  readonly #histories = new Map<string, TargetHistory>();
  /** Which call of `persist` wrote a key last, while that call is under way. */
  readonly #lastTurn = new Map<string, number>();
  #turns = 0;
  #serial = 0;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(store: Store, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  async load(): Promise<void> {
    // The store holds what this class wrote: shapes are known, and the schema version guards against others.
    await this.#each("episode/", (value) => this.#remember(value as Episode));
    await this.#each("past/", (value) => this.#past.set((value as Past).fingerprint, value as Past));
    await this.#each("intent/", (value) => this.intents.set((value as Intent).id, value as Intent));
    await this.#each("target/", (value) =>
      this.#histories.set(targetId((value as TargetHistory).target), value as TargetHistory),
    );
    await this.#each("pause/", (value) => this.pauses.set((value as Pause).scope, value as Pause));
    const cursor = await this.#store.get("cursor");
    if (cursor !== null) this.cursor = cursor.value as Cursor;
  }

  async #each(prefix: string, take: (value: unknown) => void): Promise<void> {
    for (let after: string | undefined; ;) {
      const keys = await this.#store.list(prefix, {
        ...(after === undefined ? {} : { after }),
        limit: page,
      });
      for (const { value } of keys) take(value);
      if (keys.length < page) return;
      after = keys.at(-1)?.key;
    }
  }

  /** For a new episode; after those of an earlier process as well, as long as the clock is not set back by much. */
  nextSerial(now: number): number {
    this.#serial = Math.max(this.#serial + 1, now * 1000);
    return this.#serial;
  }

  open(fingerprint: string): Episode | undefined {
    return this.#byFingerprint.get(fingerprint);
  }

  /** A rule's course as it stands now; undefined once its episode is over. */
  course(episode: string, rule: string): Course | undefined {
    return this.episodes.get(episode)?.courses.find((course) => course.rule === rule);
  }

  past(fingerprint: string): Past | undefined {
    return this.#past.get(fingerprint);
  }

  history(target: Target): TargetHistory {
    return this.#histories.get(targetId(target)) ?? noHistory(target);
  }

  #remember(episode: Episode): void {
    this.#serial = Math.max(this.#serial, episode.serial);
    this.episodes.set(episode.id, episode);
    this.#byFingerprint.set(episode.alert.fingerprint, episode);
  }

  putEpisode(episode: Episode): Put {
    this.#remember(episode);
    return { key: `episode/${episode.id}`, value: episode };
  }

  closeEpisode(episode: Episode, past: Past): Put[] {
    this.episodes.delete(episode.id);
    if (this.#byFingerprint.get(past.fingerprint)?.id === episode.id)
      this.#byFingerprint.delete(past.fingerprint);
    return [{ key: `episode/${episode.id}`, value: null }, ...this.#putPast(past)];
  }

  #putPast(past: Past): Put[] {
    this.#past.delete(past.fingerprint);
    this.#past.set(past.fingerprint, past);
    const puts: Put[] = [{ key: `past/${past.fingerprint}`, value: past }];
    const oldest = this.#past.size > mostPast ? this.#past.keys().next().value : undefined;
    return oldest === undefined ? puts : [...puts, ...this.forget(oldest)];
  }

  /** Forgets closed episodes from before `then`, so that neither memory nor the store grows with time. */
  forgetBefore(then: number): Put[] {
    return [...this.#past.values()]
      .filter((past) => past.closedAt < then)
      .flatMap((past) => this.forget(past.fingerprint));
  }

  forget(fingerprint: string): Put[] {
    this.#past.delete(fingerprint);
    return [{ key: `past/${fingerprint}`, value: null }];
  }

  putIntent(intent: Intent): Put {
    this.intents.set(intent.id, intent);
    return { key: `intent/${intent.id}`, value: intent };
  }

  dropIntent(id: string): Put {
    this.intents.delete(id);
    return { key: `intent/${id}`, value: null };
  }

  putHistory(history: TargetHistory): Put {
    this.#histories.set(targetId(history.target), history);
    return { key: `target/${targetId(history.target)}`, value: history };
  }

  /** Forgets the targets of calls that were last made before `then`: each alert's is another, so they would never end. */
  forgetCalls(then: number): Put[] {
    const old = [...this.#histories].filter(
      ([, { target, actions }]) => target.kind === "webhook" && actions.every(({ at }) => at < then),
    );
    for (const [id] of old) this.#histories.delete(id);
    return old.map(([id]) => ({ key: `target/${id}`, value: null }));
  }

  putPause(pause: Pause): Put {
    this.pauses.set(pause.scope, pause);
    return { key: `pause/${pause.scope}`, value: pause };
  }

  dropPause(scope: string): Put {
    this.pauses.delete(scope);
    return { key: `pause/${scope}`, value: null };
  }

  putCursor(cursor: Cursor): Put {
    this.cursor = cursor;
    return { key: "cursor", value: cursor };
  }

  /** Makes entries and puts durable, or rejects with a Fault; the one place that knows whether the store can be written. */
  async commit(entries: readonly NewEntry[], puts: readonly Put[]): Promise<readonly number[]> {
    try {
      const committed = await this.#store.commit({ append: entries, put: puts });
      if (committed.kind !== "committed") {
        throw new TypeError(`an unconditional commit was refused: ${committed.kind}`);
      }
      this.storeFault = null;
      return committed.seqs;
    } catch (cause) {
      if (cause instanceof Fault) {
        const message = "the store cannot be written; nothing is done until it can";
        if (this.storeFault === null) this.#log.error({ err: cause }, message);
        this.storeFault = cause.message;
      }
      throw cause;
    }
  }

  /**
   * As `commit`, but while the store cannot be written it waits and tries again until `signal` ends it: what was
   * decided is not lost, and nothing is acted on meanwhile because whoever acts waits here.
   */
  async persist(
    entries: readonly NewEntry[],
    puts: readonly Put[],
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const turn = ++this.#turns;
    for (const { key } of puts) this.#lastTurn.set(key, turn);
    for (let wait = 100; ; wait = Math.min(wait * 2, 5000)) {
      try {
        // A later call may have written a key while this one waited; its value is the newer one.
        const mine = puts.filter(({ key }) => this.#lastTurn.get(key) === turn);
        const seqs = await this.commit(entries, mine);
        for (const { key } of mine) {
          if (this.#lastTurn.get(key) === turn) this.#lastTurn.delete(key);
        }
        return seqs;
      } catch (cause) {
        if (signal.aborted || !(cause instanceof Fault)) throw cause;
        await this.#clock.sleep(wait, signal);
      }
    }
  }

  read(query: JournalQuery): Promise<Entry[]> {
    return this.#store.read(query);
  }
}
