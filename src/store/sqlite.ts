import { Worker } from "node:worker_threads";
import type { Entry, EntryKind } from "../core/journal.ts";
import type { Change, Committed, JournalQuery, Lease, Store, Versioned } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";
import { toWire, type Operations, type Reply, type Request, type Row, type WireChange } from "./wire.ts";
import { Watchers } from "./watchers.ts";

type Waiting = {
  change: Change;
  wire: WireChange;
  resolve: (committed: Committed) => void;
  reject: (cause: unknown) => void;
};

/** Changes, and about how many bytes of them, in one transaction at most, so that reads get their turn. */
const mostAtOnce = 500;
const mostBytesAtOnce = 8 * 1024 * 1024;

/** So many changes are worth a sync of the disk of their own. */
const aGroup = 16;
/** Transactions that the thread is given at a time: one that it writes and one that it goes on with. */
const mostBatches = 2;

/** The embedded store: one SQLite file, written by a thread of its own, commits grouped by whoever waits for the disk. */
export class SqliteStore implements Store {
  readonly #worker: Worker;
  readonly #calls = new Map<
    number,
    { resolve: (output: unknown) => void; reject: (cause: unknown) => void }
  >();
  readonly #queue: Waiting[] = [];
  /** What the thread has been given to write and not answered yet. */
  readonly #batches = new Set<Promise<void>>();
  readonly #watchers: Watchers;
  #lastCall = 0;
  /** Whether what is queued will be sent at the end of this turn of the event loop. */
  #turning = false;
  /** Why nothing can be done any more: closed, or its thread has ended. */
  #ended: Fault | null = null;

  /** Resolves when the thread has ended, for whatever reason. */
  readonly #exited: Promise<void>;
  #closing: Promise<void> | null = null;

  private constructor(path: string, thread: URL) {
    this.#watchers = new Watchers((query) => this.read(query));
    this.#worker = new Worker(thread, { workerData: { path } });
    this.#worker.on("message", (reply: Reply) => {
      const call = this.#calls.get(reply.id);
      this.#calls.delete(reply.id);
      if ("error" in reply) call?.reject(new Fault(reply.error.code, reply.error.message));
      else call?.resolve(reply.output);
    });
    this.#worker.on("error", (cause) =>
      this.#end(new Fault("refused", `The store's thread failed: ${String(cause)}`, { cause })),
    );
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        const why = this.#closing === null ? "The store's thread has ended" : "The store is closed";
        this.#end(new Fault("refused", why));
        resolve();
      });
    });
  }

  /** Opens or creates the file; rejects with a Fault that says what is wrong with it. */
  static async open(path: string, thread = new URL("./worker.ts", import.meta.url)): Promise<SqliteStore> {
    const store = new SqliteStore(path, thread);
    try {
      await new Promise<unknown>((resolve, reject) => store.#calls.set(0, { resolve, reject }));
    } catch (cause) {
      await store.#worker.terminate();
      throw cause;
    }
    return store;
  }

  #end(why: Fault): void {
    this.#ended ??= why;
    for (const { reject } of [...this.#calls.values(), ...this.#queue]) reject(this.#ended);
    this.#calls.clear();
    this.#queue.length = 0;
  }

  #call<O extends keyof Operations>(
    operation: O,
    ...input: Parameters<Operations[O]>
  ): Promise<ReturnType<Operations[O]>> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, {
        resolve: (output) => resolve(output as ReturnType<Operations[O]>),
        reject,
      });
      this.#worker.postMessage({ id, operation, input } satisfies Request, []);
    });
  }

  commit(change: Change): Promise<Committed> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#closing !== null) return Promise.reject(new Fault("refused", "The store is closed"));
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, wire: toWire(change), resolve, reject });
      if (this.#queue.length >= aGroup) this.#send();
      else if (!this.#turning) {
        this.#turning = true;
        // After this turn of the event loop, so that all who come within it share the first write as well.
        setImmediate(() => {
          this.#turning = false;
          this.#send();
        });
      }
    });
  }

  /**
   * Hands over what is queued when the thread has nothing to write. A group is sent ahead of time, so that the thread
   * goes on without waiting for this one, and this one for the thread: else all who post at once would wait for one
   * another in turn.
   */
  #send(): void {
    while (this.#queue.length > 0 && this.#batches.size < mostBatches) {
      if (this.#batches.size > 0 && this.#queue.length < aGroup) return;
      const batch = this.#write(this.#queue.splice(0, this.#portion())).finally(() => {
        this.#batches.delete(batch);
        this.#send();
      });
      this.#batches.add(batch);
    }
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.#call(
        "commit",
        batch.map(({ wire }) => wire),
      );
      for (const [index, { change, wire, resolve, reject }] of batch.entries()) {
        const committed = results[index];
        if (committed === undefined) {
          reject(new TypeError("the store's thread left a change unanswered"));
          continue;
        }
        resolve(committed);
        if (committed.kind === "committed") this.#watchers.tell(change, wire, committed.seqs);
      }
    } catch (cause) {
      for (const { reject } of batch) reject(cause);
    }
  }

  /** How many of those who wait share the next transaction: one at least. */
  #portion(): number {
    let bytes = 0;
    const full = this.#queue.findIndex(({ wire }, index) => {
      for (const { data } of wire.append) bytes += data.length;
      return index === mostAtOnce || (index > 0 && bytes > mostBytesAtOnce);
    });
    return full === -1 ? this.#queue.length : full;
  }

  async read(query: JournalQuery): Promise<Entry[]> {
    return (await this.#call("read", query)).map(toEntry);
  }

  get(key: string): Promise<Versioned | null> {
    return this.#call("get", key);
  }

  list(prefix: string, { after, limit }: { after?: string; limit: number }): Promise<Versioned[]> {
    return this.#call("list", prefix, after ?? "", limit);
  }

  acquire(name: string, holder: string, ttl: number): Promise<Lease | null> {
    return this.#call("acquire", name, holder, ttl);
  }

  async release(lease: Lease): Promise<void> {
    await this.#call("release", lease);
  }

  watch(after: number, listener: (entry: Entry) => void): () => void {
    return this.#watchers.add(after, listener);
  }

  async retain(bounds: {
    olderThan: number;
    maxBytes: number;
    keepFrom: number;
  }): Promise<{ dropped: number }> {
    for (let dropped = 0; ;) {
      const portion = await this.#call("retain", bounds);
      dropped += portion.dropped;
      if (!portion.more || portion.dropped === 0) return { dropped };
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    while (this.#queue.length + this.#batches.size > 0) {
      this.#send();
      await Promise.all(this.#batches);
    }
    if (this.#ended === null) await this.#call("close");
    await this.#exited;
  }
}

const toEntry = ({ seq, at, kind, episode, target, data }: Row): Entry => ({
  seq,
  at,
  // Only journal.ts's kinds are ever written.
  kind: kind as EntryKind,
  ...(episode === null ? {} : { episode }),
  ...(target === null ? {} : { target }),
  data: JSON.parse(data) as unknown,
});
