import { watch, type FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import type { Clock } from "../core/ports.ts";
import { compiled, type LoadResult } from "./load.ts";
import { readRules } from "./read.ts";

export type CatalogWatch = {
  /** Loads the files now and reports them, changed or not. Resolves once they are reported. */
  reload(): Promise<void>;
};

/** How long changes are gathered: who writes several files is seen once. Milliseconds. */
const gathering = 100;
/** How often the folder is looked at although nothing was told of it. Milliseconds. */
const polling = 10_000;

/**
 * Watches a folder of rule files until the signal is aborted and reports each new state of them, good or bad.
 * The folder is watched and not its files, as a watch on a file goes deaf when the file is replaced; and it is looked
 * at now and then all the same, as network drives and mounted configs tell of nothing.
 * @param onResult where it rejects, the state counts as not reported and is reported at the next look.
 * @param current the hash of what is in force already; without it the first look reports.
 */
export function watchCatalog(
  dir: string,
  {
    onResult,
    signal,
    clock,
    current,
  }: {
    readonly onResult: (result: LoadResult) => void | Promise<void>;
    readonly signal: AbortSignal;
    readonly clock: Clock;
    readonly current?: string;
  },
): CatalogWatch {
  let reported = current;
  let watched: { readonly watcher: FSWatcher; readonly folder: string } | null = null;
  let gathers = false;
  let looking = Promise.resolve();

  const look = (always: boolean): Promise<void> => {
    // One after the other: a state must not be reported after the one that replaced it.
    looking = looking.then(async () => {
      if (signal.aborted) return;
      try {
        const read = await readRules(dir, signal);
        if (read.hash === reported && !always) return;
        await onResult(compiled(read));
        reported = read.hash;
      } catch {
        // Aborted, or the one who is told failed and has said so: the next look tries again.
        reported = undefined;
      }
    });
    return looking;
  };

  const changed = (): void => {
    if (gathers) return;
    gathers = true;
    void clock.sleep(gathering, signal).then(
      () => {
        gathers = false;
        return look(false);
      },
      () => {},
    );
  };

  const attach = async (): Promise<void> => {
    const folder = await identity(dir);
    if (watched?.folder === folder || signal.aborted) return;
    // Another folder stands there now, or none: the old one's watch tells of what nobody reads.
    watched?.watcher.close();
    watched = null;
    if (folder === null) return;
    try {
      const watcher = watch(dir, { signal, persistent: false }, changed);
      watched = { watcher, folder };
      watcher.on("error", () => {
        watcher.close();
        if (watched?.watcher === watcher) watched = null;
      });
    } catch {
      // No watches left on this system: looking now and then is enough.
    }
  };

  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      await attach();
      await look(false);
      await clock.sleep(polling, signal);
    }
  };
  // It ends by the signal alone, whose reason is no news.
  poll().catch(() => {});

  return { reload: () => look(true) };
}

/** Which folder stands at a path; null where none does. */
async function identity(dir: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(dir);
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}
