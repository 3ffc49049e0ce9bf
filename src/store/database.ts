import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Committed, JournalQuery, Lease, Versioned } from "../core/ports.ts";
import { openFile } from "./schema.ts";
import type { Operations, Row, WireChange } from "./wire.ts";

/** Entries dropped at a time, so that commits get their turn in between. */
const dropAtOnce = 250;

/** Rows of one answer, whatever was asked for (JournalQuery). */
const mostRows = 10_000;

/** The store's operations on one SQLite file, synchronously: the worker thread's side. */
export class Database implements Operations {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #bytes: number;

  constructor(path: string) {
    this.#database = openFile(path);
    this.#bytes = Number(this.#sql("SELECT bytes FROM size").get()?.["bytes"]);
  }

  #sql(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  /** One transaction, and so one sync of the disk, for all; each change alone is whole or refused. */
  commit(changes: readonly WireChange[]): Committed[] {
    const bytes = this.#bytes;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const results = changes.map((change) => this.#apply(change));
      if (this.#bytes !== bytes) this.#sql("UPDATE size SET bytes = ?").run(this.#bytes);
      this.#database.exec("COMMIT");
      return results;
    } catch (cause) {
      this.#bytes = bytes;
      this.#rollback();
      throw cause;
    }
  }

  /** SQLite has ended the transaction itself after some faults, and a second fault here must not hide the first. */
  #rollback(): void {
    if (!this.#database.isTransaction) return;
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // The next BEGIN says what is wrong.
    }
  }

  /** Everything that can refuse a change is looked at before anything is written. */
  #apply({ append, put, fence }: WireChange): Committed {
    if (fence !== null && !this.#holds(fence)) return { kind: "fenced", lease: fence.name };
    for (const { key, expected } of put) {
      if (expected !== null && this.#version(key) !== expected) return { kind: "conflict", key };
    }
    for (const { key, value } of put) {
      if (value === null) this.#sql("DELETE FROM keys WHERE key = ?").run(key);
      else {
        this.#sql(
          "INSERT INTO keys VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = version + 1",
        ).run(key, value);
      }
    }
    const insert = this.#sql("INSERT INTO journal (at, kind, episode, target, data) VALUES (?, ?, ?, ?, ?)");
    const seqs = append.map(({ at, kind, episode, target, data }) => {
      this.#bytes += Buffer.byteLength(data);
      return Number(insert.run(at, kind, episode, target, data).lastInsertRowid);
    });
    return { kind: "committed", seqs };
  }

  #version(key: string): number {
    return Number(this.#sql("SELECT version FROM keys WHERE key = ?").get(key)?.["version"] ?? 0);
  }

  read({
    after = -1,
    before = Number.MAX_SAFE_INTEGER,
    kinds,
    episode,
    target,
    order,
    limit,
  }: JournalQuery): Row[] {
    const most = Math.min(limit, mostRows);
    const way = order === "oldest-first" ? "ASC" : "DESC";
    const wheres = ["seq > ?", "seq < ?"];
    const values: (number | string)[] = [after, before];
    for (const [column, wanted] of Object.entries({ episode, target })) {
      if (wanted === undefined) continue;
      wheres.push(`${column} = ?`);
      values.push(wanted);
    }
    const select = (more: readonly string[]): StatementSync =>
      this.#sql(
        `SELECT seq, at, kind, episode, target, data FROM journal WHERE ${[...wheres, ...more].join(" AND ")} ORDER BY seq ${way} LIMIT ?`,
      );
    if (kinds === undefined)
      return select([])
        .all(...values, most)
        .map(toRow);
    // A kind at a time, so that each walks its own index in order; the few that remain are merged here.
    const rows = [...new Set(kinds)].flatMap((kind) =>
      select(["kind = ?"])
        .all(...values, kind, most)
        .map(toRow),
    );
    return rows.sort((a, b) => (order === "oldest-first" ? a.seq - b.seq : b.seq - a.seq)).slice(0, most);
  }

  get(key: string): Versioned | null {
    const row = this.#sql("SELECT key, value, version FROM keys WHERE key = ?").get(key);
    return row === undefined ? null : toVersioned(row);
  }

  list(prefix: string, after: string, limit: number): Versioned[] {
    // The last code point there is: every key with the prefix sorts before it.
    const end = `${prefix}\u{10FFFF}`;
    const first = after < prefix ? prefix : after;
    const inclusive = after < prefix ? ">=" : ">";
    return this.#sql(
      `SELECT key, value, version FROM keys WHERE key ${inclusive} ? AND key < ? ORDER BY key LIMIT ?`,
    )
      .all(first, end, Math.min(limit, mostRows))
      .map(toVersioned);
  }

  #holds({ name, holder, fence }: Lease): boolean {
    const row = this.#sql("SELECT holder, expires, fence FROM leases WHERE name = ?").get(name);
    return row?.["holder"] === holder && row["fence"] === fence && Number(row["expires"]) > Date.now();
  }

  acquire(name: string, holder: string, ttl: number): Lease | null {
    const row = this.#sql("SELECT holder, expires, fence FROM leases WHERE name = ?").get(name);
    const now = Date.now();
    const live = row !== undefined && row["holder"] !== null && Number(row["expires"]) > now;
    if (live && row["holder"] !== holder) return null;
    const fence = Number(row?.["fence"] ?? 0) + (live ? 0 : 1);
    this.#sql("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)").run(name, holder, now + ttl, fence);
    return { name, holder, fence };
  }

  release({ name, holder, fence }: Lease): void {
    this.#sql("UPDATE leases SET holder = NULL WHERE name = ? AND holder = ? AND fence = ?").run(
      name,
      holder,
      fence,
    );
  }

  /** One portion of what is to go; `more` says that there may be another. */
  retain({ olderThan, maxBytes, keepFrom }: { olderThan: number; maxBytes: number; keepFrom: number }) {
    const first = this.#sql(
      "SELECT seq, at, octet_length(data) AS bytes FROM journal WHERE seq < ? ORDER BY seq LIMIT ?",
    ).all(keepFrom, dropAtOnce);
    let bytes = this.#bytes;
    const gone = first.filter((row) => {
      const goes = Number(row["at"]) < olderThan || bytes > maxBytes;
      if (goes) bytes -= Number(row["bytes"]);
      return goes;
    });
    if (gone.length === 0) return { dropped: 0, more: false };
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const drop = this.#sql("DELETE FROM journal WHERE seq = ?");
      for (const row of gone) drop.run(Number(row["seq"]));
      this.#sql("UPDATE size SET bytes = ?").run(bytes);
      this.#database.exec("COMMIT");
    } catch (cause) {
      this.#rollback();
      throw cause;
    }
    this.#bytes = bytes;
    this.#database.exec("PRAGMA incremental_vacuum(1000)");
    return { dropped: gone.length, more: first.length === dropAtOnce };
  }

  close(): void {
    this.#database.close();
  }
}

const toRow = (row: Record<string, unknown>): Row => ({
  seq: Number(row["seq"]),
  at: Number(row["at"]),
  kind: String(row["kind"]),
  episode: textOrNull(row["episode"]),
  target: textOrNull(row["target"]),
  data: String(row["data"]),
});

const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

const toVersioned = (row: Record<string, unknown>): Versioned => ({
  key: String(row["key"]),
  value: JSON.parse(String(row["value"])) as unknown,
  version: Number(row["version"]),
});
