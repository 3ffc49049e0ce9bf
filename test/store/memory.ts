import type { Entry } from "../../src/core/journal.ts";
import type { Change, Committed, JournalQuery, Lease, Store, Versioned } from "../../src/core/ports.ts";
import { Fault } from "../../src/core/reason.ts";
import { toWire } from "../../src/store/wire.ts";
import { Watchers } from "../../src/store/watchers.ts";

/** A store without a disk for the inner loop of other tests; it passes the contract that the real ones pass. */
class MemoryStore implements Store {
  #journal: Entry[] = [];
  readonly #keys = new Map<string, { json: string; version: number }>();
  readonly #leases = new Map<string, { holder: string | null; expires: number; fence: number }>();
  readonly #watchers = new Watchers((query) => this.read(query));
  #seq = 0;
  #failures = 0;

  /** The next commits fail, as when the disk is full. */
  failNext(count: number): void {
    this.#failures = count;
  }

  async commit(change: Change): Promise<Committed> {
    await Promise.resolve();
    if (this.#failures > 0) {
      this.#failures -= 1;
      throw new Fault("unavailable", "the disk is full");
    }
    const wire = toWire(change);
    if (wire.fence !== null && !this.#holds(wire.fence)) return { kind: "fenced", lease: wire.fence.name };
    for (const { key, expected } of wire.put) {
      if (expected !== null && (this.#keys.get(key)?.version ?? 0) !== expected)
        return { kind: "conflict", key };
    }
    for (const { key, value } of wire.put) {
      if (value === null) this.#keys.delete(key);
      else this.#keys.set(key, { json: value, version: (this.#keys.get(key)?.version ?? 0) + 1 });
    }
    const seqs = wire.append.map(({ data }, index) => {
      const entry = change.append?.[index];
      if (entry === undefined) throw new TypeError("no such entry");
      const text = typeof data === "string" ? data : Buffer.from(data).toString();
      this.#journal.push({ ...entry, data: JSON.parse(text) as unknown, seq: ++this.#seq });
      return this.#seq;
    });
    this.#watchers.tell(change, wire, seqs);
    return { kind: "committed", seqs };
  }

  async read({
    after = -1,
    before = Infinity,
    kinds,
    episode,
    target,
    order,
    limit,
  }: JournalQuery): Promise<Entry[]> {
    const found = this.#journal.filter(
      (entry) =>
        entry.seq > after &&
        entry.seq < before &&
        (kinds === undefined || kinds.includes(entry.kind)) &&
        (episode === undefined || entry.episode === episode) &&
        (target === undefined || entry.target === target),
    );
    return structuredClone((order === "oldest-first" ? found : found.toReversed()).slice(0, limit));
  }

  async get(key: string): Promise<Versioned | null> {
    const found = this.#keys.get(key);
    return found === undefined
      ? null
      : { key, value: JSON.parse(found.json) as unknown, version: found.version };
  }

  async list(prefix: string, { after = "", limit }: { after?: string; limit: number }): Promise<Versioned[]> {
    const keys = [...this.#keys.keys()].filter((key) => key.startsWith(prefix) && key > after);
    const byteOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
    const page = keys.toSorted(byteOrder).slice(0, limit);
    return (await Promise.all(page.map((key) => this.get(key)))).filter((found) => found !== null);
  }

  #holds({ name, holder, fence }: Lease): boolean {
    const lease = this.#leases.get(name);
    return lease?.holder === holder && lease.fence === fence && lease.expires > Date.now();
  }

  async acquire(name: string, holder: string, ttl: number): Promise<Lease | null> {
    const lease = this.#leases.get(name);
    const live = lease !== undefined && lease.holder !== null && lease.expires > Date.now();
    if (live && lease.holder !== holder) return null;
    const fence = (lease?.fence ?? 0) + (live ? 0 : 1);
    this.#leases.set(name, { holder, expires: Date.now() + ttl, fence });
    return { name, holder, fence };
  }

  async release(lease: Lease): Promise<void> {
    const found = this.#leases.get(lease.name);
    if (found !== undefined && this.#holds(lease)) this.#leases.set(lease.name, { ...found, holder: null });
  }

  watch(after: number, listener: (entry: Entry) => void): () => void {
    return this.#watchers.add(after, listener);
  }

  async retain({ olderThan, maxBytes, keepFrom }: { olderThan: number; maxBytes: number; keepFrom: number }) {
    const size = (entry: Entry): number => Buffer.byteLength(JSON.stringify(entry.data));
    let bytes = this.#journal.reduce((sum, entry) => sum + size(entry), 0);
    const before = this.#journal.length;
    this.#journal = this.#journal.filter((entry) => {
      const goes = entry.seq < keepFrom && (entry.at < olderThan || bytes > maxBytes);
      if (goes) bytes -= size(entry);
      return !goes;
    });
    return { dropped: before - this.#journal.length };
  }

  async close(): Promise<void> {}
}

export type { MemoryStore };
export const memoryStore = (): MemoryStore => new MemoryStore();
