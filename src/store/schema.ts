import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../core/reason.ts";

/** "Home" in ASCII: marks the file as ours. */
const applicationId = 0x486f6d65;
const version = 1;
const wayOut = "see docs/operations.md#a-damaged-store";

const tables = `
  CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    episode TEXT,
    target TEXT,
    data TEXT NOT NULL
  ) STRICT;
  CREATE INDEX journal_by_kind ON journal (kind, seq);
  CREATE INDEX journal_by_episode ON journal (episode, seq) WHERE episode IS NOT NULL;
  CREATE INDEX journal_by_target ON journal (target, seq) WHERE target IS NOT NULL;
  CREATE TABLE keys (key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT,
    expires INTEGER NOT NULL,
    fence INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE size (bytes INTEGER NOT NULL) STRICT;
  INSERT INTO size VALUES (0);
`;

/**
 * SQLite would take an empty file for a new one, and drop a log whose file is missing: both forget everything without
 * a word.
 */
function refuseForeign(path: string): void {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(16);
    const size = fstatSync(file).size;
    if (
      size < 100 ||
      readSync(file, head, 0, 16, 0) < 16 ||
      head.toString("latin1") !== "SQLite format 3\0"
    ) {
      throw new Fault(
        "refused",
        `${path} is no Homeostat store, or a damaged one (${size} bytes); ${wayOut}`,
      );
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Made whole under another name first: a crash on the way leaves nothing at the path, never half a store that the next
 * start would have to refuse.
 */
function create(path: string): void {
  for (const log of [`${path}-wal`, `${path}-journal`]) {
    if (statSync(log, { throwIfNoEntry: false })?.size) {
      throw new Fault("refused", `${path} is missing, but ${log} holds a part of it; ${wayOut}`);
    }
  }
  const draft = `${path}.new-${randomUUID()}`;
  try {
    // Its owner's alone, and SQLite gives the log beside it the same mode.
    closeSync(openSync(draft, "wx", 0o600));
    const database = new DatabaseSync(draft);
    try {
      database.exec(
        `PRAGMA auto_vacuum = INCREMENTAL; BEGIN; ${tables} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}; COMMIT;`,
      );
    } finally {
      database.close();
    }
    // Not a rename, which would replace a store that another Homeostat made meanwhile.
    linkSync(draft, path);
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch (cause) {
    if (existsSync(path)) return;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault("refused", `The store ${path} cannot be made: ${why}`, { cause });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The file at the path, made if there is none, with a connection that has it for itself. */
export function openFile(path: string): DatabaseSync {
  if (!existsSync(path)) create(path);
  refuseForeign(path);
  const database = new DatabaseSync(path);
  try {
    prepare(database, path);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/**
 * Pages of the log before they are carried over into the file: 64 MiB. Carrying over syncs both, and four of five
 * commits under load waited for it at SQLite's own 4 MiB; pages written again meanwhile are carried over once.
 */
const logPages = 16_384;

/** Settings of a connection, and a look at whose file it is. */
function prepare(database: DatabaseSync, path: string): void {
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 1000;");
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${logPages}; PRAGMA temp_store = MEMORY; BEGIN EXCLUSIVE; COMMIT;`,
  );
  const [id, found] = [pragma(database, "application_id"), pragma(database, "user_version")];
  if (id !== applicationId)
    throw new Fault("refused", `${path} is a SQLite file of something else; ${wayOut}`);
  if (found > version) {
    throw new Fault(
      "refused",
      `${path} was written by a newer Homeostat (schema ${found}, this one knows ${version})`,
    );
  }
  // The file is ours alone: whoever held a lease is gone. The fences stay, so that they only ever grow.
  database.exec("UPDATE leases SET holder = NULL");
}

const pragma = (database: DatabaseSync, name: string): number => {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return Number(row?.[name]);
};

/** SQLite's primary result codes that a person can do something about. */
const sayings: Readonly<Record<number, string>> = {
  5: "another Homeostat has it open",
  8: "it is read-only",
  10: "the disk fails",
  11: `it is damaged; ${wayOut}`,
  13: "the disk is full",
  14: "it cannot be opened",
  26: `it is no SQLite file; ${wayOut}`,
};
/** Codes that no waiting mends. */
const lasting = new Set([11, 26]);

/** What SQLite says, as a Fault that names the file. */
export function translated(cause: unknown, path: string): unknown {
  if (cause instanceof Fault || !(cause instanceof Error) || !("errcode" in cause)) return cause;
  const code = Number(cause.errcode) & 0xff;
  const message = `The store ${path}: ${sayings[code] ?? cause.message}`;
  return new Fault(lasting.has(code) ? "refused" : "unavailable", message, { cause });
}
