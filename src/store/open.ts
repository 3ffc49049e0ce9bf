import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Store } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";
import { SqliteStore } from "./sqlite.ts";

/** Opens the embedded store at a path, with its folder; both readable by their owner alone. */
export async function openStore(path: string): Promise<Store> {
  const file = resolve(path);
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Fault("refused", `The store's folder ${dirname(file)} cannot be made`, { cause });
  }
  return SqliteStore.open(file);
}
