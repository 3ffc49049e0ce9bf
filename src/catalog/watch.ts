import { watch, type FSWatcher } from "node:fs";
import type { Clock } from "../core/ports.ts";
import { compileFiles, readRules, type LoadedCatalog, type RuleFiles } from "./load.ts";

export type CatalogWatch = {
  /** Reads the files again now and reports them, changed or not. Resolves once that is done; never rejects. */
  reload(): Promise<void>;
};

/** Milliseconds. */
const pace = {
  /** After the first sign of a change: an editor or a deploy writes several files one after the other. */
  settle: 100,
  /** Network drives and the configs of a Swarm change without telling anybody. */
  poll: 10_000,
};

/**
 * Watches a folder of rules until the signal is aborted, and reports what it holds whenever that has changed.
 *
 * The folder is watched and not its files: a file that is replaced by a rename takes its watch along. The contents'
 * hash decides, so that a touch, or a change that is taken back within the settling time, reports nothing.
 * @param options.current the hash of what is in force already
 * @param options.onResult one at a time; what it rejects is reported again at the next look
 */
export function watchCatalog(
  folder: string,
  options: {
    readonly signal: AbortSignal;
    readonly clock: Clock;
    readonly current: string;
    readonly onResult: (result: LoadedCatalog) => Promise<void>;
  },
): CatalogWatch {
  const { signal, clock, onResult } = options;
  let seen: string | null = options.current;
  let settling = false;
  let last: Promise<void> = Promise.resolve();

  const look = async (anyway: boolean): Promise<void> => {
    if (signal.aborted) return;
    const files = await readRules(folder);
    if (signal.aborted || (files.hash === seen && !anyway)) return;
    try {
      await onResult(compiled(files));
      seen = files.hash;
    } catch {
      // It could not be put in force, say because the store is away. That is told there; here it counts as not seen.
      seen = null;
    }
  };
  /** One after the other, so that an older reading never replaces a newer one. */
  const inTurn = (anyway: boolean): Promise<void> => (last = last.then(() => look(anyway)));

  const onSign = (): void => {
    // Only one look waits at a time, however many signs there are; signs during a look lead to another.
    if (settling) return;
    settling = true;
    void clock.sleep(pace.settle, signal).then(
      () => {
        settling = false;
        return inTurn(false);
      },
      () => {},
    );
  };

  let watcher = watchFolder(folder, onSign);
  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(pace.poll, signal);
      // Anew, and before looking: the folder may have been replaced, which the old watch would not notice.
      watcher?.close();
      watcher = watchFolder(folder, onSign);
      await inTurn(false);
    }
  };
  void poll()
    .catch(() => {})
    .finally(() => watcher?.close());

  return { reload: () => inTurn(true) };
}

/** Null where the folder cannot be watched; then the poll has to do. */
function watchFolder(folder: string, onSign: () => void): FSWatcher | null {
  try {
    const watcher = watch(folder, { persistent: false }, onSign);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}

/** A bug in the compiler must show, and must not end a process that runs on a good catalog. */
function compiled(files: RuleFiles): LoadedCatalog {
  try {
    return compileFiles(files);
  } catch (cause) {
    const message = `the rules cannot be compiled: ${cause instanceof Error ? cause.message : String(cause)}`;
    const fault = { file: files.folder, line: 1, column: 1, path: "", message };
    return {
      kind: "refused",
      faults: [{ ...fault, expected: null, found: null }],
      hash: files.hash,
    };
  }
}
