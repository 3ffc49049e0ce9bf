import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Database } from "../../src/store/database.ts";
import { openStore } from "../../src/store/open.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { storeContract } from "./contract.ts";
import { everything, filled, inFolder, readAll } from "./file.ts";
import { memoryStore } from "./memory.ts";

storeContract("SQLite", async () => {
  const { path, remove } = await inFolder();
  const store = await openStore(path);
  let last = store;
  return {
    store,
    reopen: async () => {
      await last.close();
      last = await openStore(path);
      return last;
    },
    destroy: () => last.close().then(remove),
  };
});

storeContract("the memory fake", async () => {
  const store = memoryStore();
  return { store, reopen: async () => store, destroy: async () => {} };
});

const writer = fileURLToPath(new URL("writer.ts", import.meta.url));

describe("the file", () => {
  let path: string;
  let remove: () => Promise<void>;
  beforeEach(async () => ({ path, remove } = await inFolder()));
  afterEach(() => remove());
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

  it.runIf(process.platform === "linux")(
    "says when the disk is full, and goes on when it is not any more",
    async () => {
      // A limit on the size of files stands in for a full disk: the write fails in the same place.
      const limited = ["-c", 'trap "" XFSZ; ulimit -S -f 400; exec "$0" "$@"', process.execPath];
      const child = spawn("sh", [...limited, writer, path], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const acknowledged: number[] = [];
      const faults: string[] = [];
      let afterwards = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        if (/^\d+$/.test(line)) {
          acknowledged.push(Number(line));
          if (faults.length > 0 && (afterwards += 1) === 500) child.kill("SIGKILL");
        } else if (faults.push(line) === 1) {
          spawnSync("prlimit", [`--pid=${child.pid}`, "--fsize=unlimited"]);
        }
      }
      expect(afterwards).toBeGreaterThanOrEqual(500);
      expect(faults[0]).toMatch(/^\d+ unavailable: The store .*: the disk (is full|fails)$/);
      const store = await openStore(path);
      const kept = (await store.read(everything)).map(({ data }) => data);
      expect(acknowledged.filter((number) => !kept.includes(number))).toEqual([]);
      const refused = new Set(faults.map((line) => Number(line.split(" ", 1)[0])));
      expect(kept.filter((number) => refused.has(Number(number)))).toEqual([]);
      await store.close();
    },
  );

  it("is its owner's alone, and so is the log beside it", async () => {
    const store = await openStore(path);
    await store.commit({ put: [{ key: "a", value: 1 }] });
    const mode = async (name: string) => ((await stat(name)).mode & 0o777).toString(8);
    expect(await Promise.all([dirname(path), path, `${path}-wal`].map(mode))).toEqual(["700", "600", "600"]);
    await store.close();
    expect(await readdir(dirname(path))).toEqual(["homeostat.db"]);
  });

  it("is made once when two start at the same time", async () => {
    const opened = await Promise.allSettled([openStore(path), openStore(path)]);
    const stores = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(stores).toHaveLength(1);
    await stores[0]?.commit({ put: [{ key: "a", value: 1 }] });
    await stores[0]?.close();
    const again = await openStore(path);
    expect(await again.get("a")).toMatchObject({ value: 1 });
    await again.close();
  });

  it("is written out by close: what was given before it is there, what comes after is refused", async () => {
    const store = await openStore(path);
    const before = [1, 2, 3].map((at) => store.commit({ append: [{ at, kind: "pause", data: at }] }));
    const closes = [store.close(), store.close()];
    await expect(store.commit({})).rejects.toThrow("The store is closed");
    await expect(Promise.all([...before, ...closes])).resolves.toHaveLength(5);
    expect(await readAll(path)).toHaveLength(3);
  });

  it("fails every call, those under way and those to come, once its thread has died", async () => {
    const store = await SqliteStore.open(path, new URL("dying-worker.ts", import.meta.url));
    const calls = [store.commit({}), store.get("a"), store.read(everything), store.commit({})];
    const said = await Promise.allSettled(calls);
    expect(said.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
    await expect(store.commit({})).rejects.toMatchObject({ name: "Fault", code: "refused" });
    await expect(store.get("a")).rejects.toThrow(/thread failed: Error: as if by a bug/);
    await store.close();
  });

  it("takes back what it began to write when SQLite refuses the rest", async () => {
    await filled(path, 0);
    const database = new Database(path);
    const entry = { at: 1, kind: "pause", episode: null, target: null, data: "1" };
    const commit = (at: number) =>
      database.commit([{ append: [entry, { ...entry, at }], put: [], fence: null }]);
    expect(() => commit(1.5)).toThrow(/REAL value in INTEGER column/);
    expect(commit(2)).toMatchObject([{ kind: "committed" }]);
    database.close();
    expect((await readAll(path)).map(({ at }) => at)).toEqual([1, 2]);
  });

  it("lets commits in between while much is dropped", async () => {
    await filled(path, 2000);
    const store = await openStore(path);
    const ends: string[] = [];
    const bounds = { olderThan: 2000, maxBytes: 0, keepFrom: Number.MAX_SAFE_INTEGER };
    await Promise.all([
      store.retain(bounds).then(() => ends.push("retain")),
      store.commit({ put: [{ key: "a", value: 2 }] }).then(() => ends.push("commit")),
    ]);
    expect(ends).toEqual(["commit", "retain"]);
    await store.close();
  });

  it("shrinks when the journal does", async () => {
    await filled(path, 3000);
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
