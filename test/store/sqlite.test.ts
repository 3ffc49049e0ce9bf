import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { storeContract } from "./contract.ts";
import { memoryStore } from "./memory.ts";

const inFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), "homeostat-store-"));
  return {
    path: join(folder, "data", "homeostat.db"),
    folder,
    remove: () => rm(folder, { recursive: true }),
  };
};

storeContract("SQLite", async () => {
  const { path, remove } = await inFolder();
  const store = await openStore(path);
  return { store, destroy: () => store.close().then(remove) };
});

storeContract("the memory fake", async () => ({
  store: memoryStore(),
  destroy: async () => {},
}));

const writer = fileURLToPath(new URL("writer.ts", import.meta.url));

describe("the file", () => {
  let path: string;
  let folder: string;
  let remove: () => Promise<void>;
  beforeEach(async () => ({ path, folder, remove } = await inFolder()));
  afterEach(() => remove());
  const filled = async (entries: number) => {
    const store = await openStore(path);
    const data = "x".repeat(1000);
    for (let at = 0; at < entries; at += 100) {
      await store.commit({
        append: Array.from({ length: 100 }, (_, index) => ({
          at: at + index,
          kind: "pause" as const,
          data,
        })),
      });
    }
    await store.commit({ put: [{ key: "a", value: 1 }] });
    await store.close();
  };
  const everything = { order: "oldest-first", limit: 10_000 } as const;

  it("is read back by the next process, and its leases are free but their fences go on", async () => {
    const first = await openStore(path);
    const lease = await first.acquire("l", "ana", 60_000);
    await first.commit({
      append: [{ at: 1, kind: "pause", data: {} }],
      put: [{ key: "k", value: "v" }],
    });
    await first.close();
    const second = await openStore(path);
    expect(await second.read(everything)).toHaveLength(1);
    expect(await second.get("k")).toMatchObject({ value: "v" });
    expect((await second.acquire("l", "ben", 1000))?.fence).toBe((lease?.fence ?? 0) + 1);
    await second.close();
    await expect(second.commit({})).rejects.toMatchObject({ name: "Fault" });
  });

  it("keeps everything acknowledged when its process is killed with -9 while it writes", async () => {
    const child = spawn(process.execPath, [writer, path], { stdio: ["ignore", "pipe", "inherit"] });
    const acknowledged: number[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(Number(line));
      if (acknowledged.length === 500) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    expect(child.signalCode).toBe("SIGKILL");
    const store = await openStore(path);
    const kept = new Set((await store.read(everything)).map(({ data }) => data));
    expect(acknowledged.filter((number) => !kept.has(number))).toEqual([]);
    await store.close();
  });

  it("is refused to a second Homeostat", async () => {
    const store = await openStore(path);
    await expect(openStore(path)).rejects.toThrow(/another Homeostat has it open/);
    await store.close();
  });

  const damages: [name: string, damage: () => Promise<void>, message: RegExp][] = [
    [
      "an empty file",
      () => truncate(path, 0),
      /no Homeostat store, or a damaged one \(0 bytes\).*A damaged store/,
    ],
    [
      "a file that is something else",
      () => writeFile(path, "a letter to my aunt ".repeat(100)),
      /no Homeostat store/,
    ],
    [
      "a file cut in the middle",
      async () => truncate(path, Math.floor((await readFile(path)).length / 8192) * 4096 - 100),
      /damaged/,
    ],
    [
      "a schema page full of noise",
      async () => {
        const file = await open(path, "r+");
        await file.write(Buffer.alloc(3000, 0xaa), 0, 3000, 100);
        await file.close();
      },
      /damaged|refused|store/,
    ],
  ];
  it.each(damages)("is not taken for a new one: %s", async (_name, damage, message) => {
    await filled(300);
    await damage();
    await expect(openAndRead()).rejects.toThrow(message);
  });
  const openAndRead = async () => {
    const store = await openStore(path);
    try {
      return await store.read(everything);
    } finally {
      await store.close();
    }
  };

  it("is refused when another program's SQLite file is in its place", async () => {
    const foreign = join(folder, "foreign.db");
    const database = new DatabaseSync(foreign);
    database.exec("CREATE TABLE t (a); PRAGMA application_id = 42");
    database.close();
    await expect(openStore(foreign)).rejects.toThrow(/SQLite file of something else/);
  });

  it("is refused when a newer Homeostat wrote it", async () => {
    await filled(100);
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    await expect(openStore(path)).rejects.toThrow(
      /newer Homeostat \(schema 99, this one knows 1\)/,
    );
  });

  it("is refused when a folder is in its place", async () => {
    await expect(openStore(folder)).rejects.toMatchObject({ name: "Fault" });
  });

  it("says when the disk is full, and goes on when it is not any more", async () => {
    // A limit on the size of files stands in for a full disk: the write fails in the same place.
    const limited = [
      "-c",
      'trap "" XFSZ; ulimit -f 400; exec "$0" "$@"',
      process.execPath,
      writer,
      path,
      "stop-at-fault",
    ];
    const child = spawn("sh", limited, { stdio: ["ignore", "pipe", "inherit"] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) lines.push(line);
    expect(lines.at(-1)).toMatch(/^unavailable: The store .*: the disk (is full|fails)$/);
    const store = await openStore(path);
    const kept = new Set((await store.read(everything)).map(({ data }) => data));
    expect(lines.slice(0, -1).filter((number) => !kept.has(Number(number)))).toEqual([]);
    expect(await store.commit({ append: [{ at: 1, kind: "pause", data: 1 }] })).toMatchObject({
      kind: "committed",
    });
    await store.close();
  });

  it("shrinks when the journal does", async () => {
    await filled(3000);
    const before = (await readFile(path)).length;
    const store = await openStore(path);
    await store.retain({
      olderThan: 2900,
      maxBytes: Number.MAX_SAFE_INTEGER,
      keepFrom: Number.MAX_SAFE_INTEGER,
    });
    expect(await store.read(everything)).toHaveLength(100);
    await store.close();
    expect((await readFile(path)).length).toBeLessThan(before / 2);
  });
});
