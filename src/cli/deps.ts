import type { Labels } from "../core/alert.ts";
import type { Catalog } from "../core/catalog.ts";
import type { ServiceState } from "../core/target.ts";
import type { Environment } from "../settings/load.ts";
import type { ReadFile } from "../settings/read-file.ts";
import type { Settings } from "../settings/settings.ts";

/** A stream of text that people or programs read. */
export type Output = { write(text: string): void; readonly isTTY: boolean };

export type LoadedRules =
  | { readonly kind: "loaded"; readonly catalog: Catalog }
  /** One line a fault: `rules/a.yml:3:7: expected …, received …`. */
  | { readonly kind: "refused"; readonly faults: readonly string[] };

/** 0 yes, 1 a no that was explained, 2 misuse. */
export type ExitCode = 0 | 1 | 2;

/** All that the commands need of the world. */
export type CommandDeps = {
  readonly version: string;
  readonly env: Environment;
  readonly readFile: ReadFile;
  readonly fetch: typeof fetch;
  readonly out: Output;
  readonly err: Output;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Who sits at the keyboard, as the system knows them. */
  readonly user: () => string;
  readonly readStdin: () => Promise<string>;
  readonly loadRules: (folder: string) => Promise<LoadedRules>;
  /** Whether one text of a rule's `match` fits; the rules it came from are loaded, so it is well formed. */
  readonly matches: (matcher: string, labels: Labels) => boolean;
  /** Reads one service of the cluster that the settings name; throws a Fault when it cannot be read. */
  readonly observe: (
    settings: Settings,
    service: string,
    signal: AbortSignal,
  ) => Promise<ServiceState | null>;
  /** Runs until told to stop. */
  readonly serve: (settings: Settings) => Promise<ExitCode>;
  /** `seconds`: when it ends; null for the end of its story. */
  readonly sandbox: (options: {
    readonly forever: boolean;
    readonly seconds: number | null;
  }) => Promise<ExitCode>;
};
