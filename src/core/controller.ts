import type { Entry, EntryKind } from "./journal.ts";
import type { Episode } from "./episode.ts";
import type { Escalation } from "./escalation.ts";
import type { Notification } from "./alert.ts";
import type { Pause } from "./pause.ts";
import type { Reason } from "./reason.ts";
import type { TargetHistory } from "./history.ts";
import type { ServiceState } from "./target.ts";

/* What the outside may ask of Homeostat: the routes and commands call nothing else. */

export type Receipt =
  | { readonly kind: "accepted"; readonly accepted: number; readonly duplicates: number }
  /** The backlog is full or the store cannot be written: the sender shall come again. */
  | { readonly kind: "unavailable"; readonly reason: Reason };

export type Check = {
  readonly name: "store" | "catalog" | "cluster";
  readonly ok: boolean;
  readonly message: string;
};

export type Status = {
  readonly version: string;
  readonly startedAt: number;
  readonly dryRun: boolean;
  readonly catalog: {
    readonly version: string;
    readonly rules: number;
    readonly faults: readonly string[];
  };
  readonly pauses: readonly Pause[];
  /** Accepted and not yet worked through, in notifications. */
  readonly backlog: number;
  readonly episodes: {
    readonly open: number;
    readonly held: number;
    readonly verifying: number;
    readonly handedOver: number;
  };
  readonly escalations: { readonly open: number; readonly undelivered: number };
  readonly checks: readonly Check[];
};

export type RuleView = {
  readonly name: string;
  readonly summary: string;
  readonly file: string;
  readonly line: number;
  readonly match: readonly string[];
  readonly on: "firing" | "resolved";
  readonly actions: readonly string[];
  /** Counts since this process started. */
  readonly matched: number;
  readonly acted: number;
  readonly held: number;
};

export type ServiceView = ServiceState & {
  readonly min: number | null;
  readonly max: number | null;
  readonly history: TargetHistory | null;
  readonly failedTasks: number;
};

/** `before` is exclusive: a journal sequence number, or the serial of an episode or escalation. */
export type Page = { readonly limit: number; readonly before?: number };

export interface Controller {
  /** Durable when it resolves. `body` is the request's JSON text, kept verbatim. */
  receive(notification: Notification, body: Uint8Array): Promise<Receipt>;
  status(): Promise<Status>;
  /** Cheap enough to be polled each second. */
  checks(): Promise<readonly Check[]>;
  rules(): readonly RuleView[];
  /** Open episodes, newest first. */
  episodes(page: Page): readonly Episode[];
  history(
    page: Page & { kinds?: readonly EntryKind[]; episode?: string; target?: string },
  ): Promise<readonly Entry[]>;
  /** Reads the cluster; throws a Fault when it does not answer. */
  services(signal: AbortSignal): Promise<readonly ServiceView[]>;
  escalations(page: Page): readonly Escalation[];
  /** Durable when it resolves; a scope is paused once, later calls replace it. */
  pause(pause: Omit<Pause, "at">): Promise<Pause>;
  /** False when that scope was not paused. */
  resume(scope: string, by: string): Promise<boolean>;
}
