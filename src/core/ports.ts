import type { Alert } from "./alert.ts";
import type { Entry, EntryKind, NewEntry } from "./journal.ts";
import type { Message } from "./message.ts";
import type { ServiceChange, ServiceState, TaskState } from "./target.ts";

/*
 * What the core asks of the world. Adapters implement these and never import one another.
 * Every call takes an AbortSignal last and throws a Fault (reason.ts) when the world fails;
 * an expected "no" is a value.
 */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Swarm {
  /** The service of exactly this name or id; null when the engine answered that there is none. */
  service(name: string, signal: AbortSignal): Promise<ServiceState | null>;
  services(signal: AbortSignal): Promise<ServiceState[]>;
  /** All tasks the engine remembers of the service, newest first, history included. */
  tasks(serviceId: string, signal: AbortSignal): Promise<TaskState[]>;
  /** How many tasks of each service (by id) ended `failed` or `rejected` at or after `since` (epoch ms), as far as the engine remembers. */
  failedTasks(since: number, signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /**
   * Reads the spec again and writes it back with only the change and the intent's label.
   * `conflict`: the service is no longer at `change.version` (or moved while writing); nothing was written by this call.
   * `gone`: there is no such service any more.
   */
  update(change: ServiceChange, signal: AbortSignal): Promise<"applied" | "conflict" | "gone">;
  /** Resolves when the engine answers and is an active manager; throws a Fault that says what it is instead. */
  ready(signal: AbortSignal): Promise<void>;
}

export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

export interface Metrics {
  /** An instant query. An empty list means *no data*, never zero. NaN and infinities are passed on. */
  query(promql: string, signal: AbortSignal): Promise<Sample[]>;
}

export interface AlertSource {
  /** Whether an alert still fires. `suppressed`: it does, but a silence or inhibition covers it. */
  state(
    alert: Pick<Alert, "labels" | "fingerprint">,
    signal: AbortSignal,
  ): Promise<"firing" | "suppressed" | "absent">;
}

export type Posted = { readonly channel: string; readonly ts: string };

export interface Messenger {
  /** Posts, in a thread where `thread` is given. `key` goes along invisibly so that `find` can know it again. */
  post(
    to: { channel: string; thread?: string; key: string },
    message: Message,
    signal: AbortSignal,
  ): Promise<Posted>;
  /** Replaces the message. `gone`: somebody deleted it, or it can no longer be edited. */
  update(at: Posted, message: Message, signal: AbortSignal): Promise<"updated" | "gone">;
  /**
   * Looks for a message of ours posted with `key` at or after `since` (epoch ms), for after an answer was lost.
   * `unknown`: the workspace does not let us look.
   */
  find(
    where: { channel: string; thread?: string; key: string; since: number },
    signal: AbortSignal,
  ): Promise<Posted | null | "unknown">;
}

/** Calls a URL of a rule's `call-webhook`. Resolves with the status code of whatever answer came. */
export interface Caller {
  call(
    request: {
      url: string;
      method: string;
      headers: Readonly<Record<string, string>>;
      /** A file whose content goes along as a bearer token; read at each call, so that it can be rotated. */
      bearerFile: string | null;
      body: string;
    },
    signal: AbortSignal,
  ): Promise<{ status: number }>;
}

/** A key's value with the version to compare on the next write. Versions start at 1. */
export type Versioned = { readonly key: string; readonly value: unknown; readonly version: number };

export type Put = {
  readonly key: string;
  /** JSON-serialisable; null deletes the key. */
  readonly value: unknown;
  /** Compare-and-set: the version this write is based on, 0 for "must not exist". Absent: unconditional. */
  readonly expected?: number;
};

/** Permission to act, won by `acquire`. `fence` grows with every change of holder. */
export type Lease = { readonly name: string; readonly holder: string; readonly fence: number };

export type Change = {
  readonly append?: readonly NewEntry[];
  readonly put?: readonly Put[];
  /** The whole change is refused unless this lease is still held with this fence. */
  readonly fence?: Lease;
};

export type Committed =
  | { readonly kind: "committed"; readonly seqs: readonly number[] }
  | { readonly kind: "conflict"; readonly key: string }
  | { readonly kind: "fenced"; readonly lease: string };

export type JournalQuery = {
  /** Only entries with a greater sequence number. */
  readonly after?: number;
  /** Only entries with a smaller sequence number. */
  readonly before?: number;
  readonly kinds?: readonly EntryKind[];
  readonly episode?: string;
  readonly target?: string;
  readonly order: "oldest-first" | "newest-first";
  /** At most 10,000. */
  readonly limit: number;
};

export interface Store {
  /**
   * All of the change or none, durable when it resolves. Changes given while another is being written
   * share its successor's fsync. Rejects with a Fault when it cannot be written, and with a TypeError, alone,
   * when it is no JSON.
   */
  commit(change: Change): Promise<Committed>;
  read(query: JournalQuery): Promise<Entry[]>;
  get(key: string): Promise<Versioned | null>;
  /** Keys that start with `prefix`, in key order, after `after`. `limit` at most 10,000. */
  list(prefix: string, page: { after?: string; limit: number }): Promise<Versioned[]>;
  /** The lease, or null while another holder has it. Times in milliseconds. Re-acquiring one's own renews it and keeps the fence. */
  acquire(name: string, holder: string, ttl: number): Promise<Lease | null>;
  release(lease: Lease): Promise<void>;
  /** Calls back for each entry committed after `after`, in order, also by others; returns the stop. A listener that throws is not called again. */
  watch(after: number, listener: (entry: Entry) => void): () => void;
  /** Drops journal entries older than `olderThan` (epoch ms) and then the oldest beyond `maxBytes` of their data; entries at or after `keepFrom` stay. */
  retain(bounds: { olderThan: number; maxBytes: number; keepFrom: number }): Promise<{ dropped: number }>;
  close(): Promise<void>;
}
