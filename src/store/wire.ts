import type { Change, Committed, JournalQuery, Lease, Versioned } from "../core/ports.ts";

/* What passes between the store and its worker thread. Values travel as JSON text, which is what is written. */

export type WireEntry = {
  readonly at: number;
  readonly kind: string;
  readonly episode: string | null;
  readonly target: string | null;
  readonly data: string;
};
export type WireChange = {
  readonly append: readonly WireEntry[];
  readonly put: readonly {
    readonly key: string;
    readonly value: string | null;
    readonly expected: number | null;
  }[];
  readonly fence: Lease | null;
};
export type Row = {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly episode: string | null;
  readonly target: string | null;
  readonly data: string;
};

/** Each operation with what it takes and gives. */
export type Operations = {
  commit: (changes: readonly WireChange[]) => Committed[];
  read: (query: JournalQuery) => Row[];
  get: (key: string) => Versioned | null;
  list: (prefix: string, after: string, limit: number) => Versioned[];
  acquire: (name: string, holder: string, ttl: number) => Lease | null;
  release: (lease: Lease) => void;
  retain: (bounds: { olderThan: number; maxBytes: number; keepFrom: number }) => {
    dropped: number;
    more: boolean;
  };
  close: () => void;
};

export type Request = {
  readonly id: number;
  readonly operation: keyof Operations;
  readonly input: readonly unknown[];
};
export type Reply =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly error: WireFault };
export type WireFault = { readonly code: "unavailable" | "refused"; readonly message: string };

/**
 * Throws a TypeError for what cannot be written, so that it fails alone and not together with the changes that share
 * its transaction.
 */
export function toWire(change: Change): WireChange {
  return {
    append: (change.append ?? []).map(({ at, kind, episode, target, data }) => {
      if (!Number.isSafeInteger(at)) {
        throw new TypeError(`an entry's time is whole milliseconds, not ${at}`);
      }
      return {
        at,
        kind,
        episode: episode ?? null,
        target: target ?? null,
        data: data instanceof Uint8Array ? textOf(data) : toJson(data),
      };
    }),
    put: (change.put ?? []).map(({ key, value, expected }) => ({
      key,
      value: value === null ? null : toJson(value),
      expected: expected ?? null,
    })),
    fence: change.fence ?? null,
  };
}

/** As text: bytes would be sent together with the whole pool of memory that they are a part of. */
const textOf = (data: Uint8Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();

function toJson(value: unknown): string {
  // JSON.stringify's type hides that undefined, functions and symbols give no text.
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`${typeof value} is no JSON value`);
  return text;
}
