import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../../src/core/journal.ts";
import { openStore } from "../../src/store/open.ts";

/** Where a store's file may go, in a folder of its own. */
export const inFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), "homeostat-store-"));
  return {
    path: join(folder, "data", "homeostat.db"),
    folder,
    remove: () => rm(folder, { recursive: true }),
  };
};

export const everything = { order: "oldest-first", limit: 10_000 } as const;

/** A store of so many entries of 1 kB and one key, closed again. */
export async function filled(path: string, entries: number): Promise<void> {
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
}

export async function readAll(path: string): Promise<Entry[]> {
  const store = await openStore(path);
  try {
    return await store.read(everything);
  } finally {
    await store.close();
  }
}
