/** What is remembered of one channel's recent escalations; times in epoch milliseconds. */
export type StormState = {
  /** When the escalations with a thread of their own were opened, as far back as matters. */
  readonly threads: readonly number[];
  /** When the running digest last took an escalation in; null while none runs. */
  readonly digestAt: number | null;
};

export const calm: StormState = { threads: [], digestAt: null };

/** More than `most` threads within `within` ms make a storm; it is over after `quiet` ms without a new escalation. */
export type StormRule = { readonly most: number; readonly within: number; readonly quiet: number };

const usualStorm: StormRule = { most: 5, within: 30_000, quiet: 60_000 };

export type Admitted = { readonly state: StormState } & (
  | { readonly kind: "thread" }
  /** `opens`: a digest begins with it. */
  | { readonly kind: "digest"; readonly opens: boolean }
);

/**
 * Whether a new escalation gets a thread of its own or joins the digest. People read five messages; the sixth within
 * half a minute buries the first, so the further ones share one that is edited as it grows.
 */
export function admit(storm: StormState, now: number, rule: StormRule = usualStorm): Admitted {
  if (storm.digestAt !== null && Math.abs(now - storm.digestAt) < rule.quiet) {
    return { kind: "digest", opens: false, state: { ...storm, digestAt: now } };
  }
  // The distance and not the difference: a clock that was set back must not turn old threads into a storm.
  const threads = storm.threads.filter((at) => Math.abs(now - at) < rule.within);
  if (threads.length >= rule.most) return { kind: "digest", opens: true, state: { threads, digestAt: now } };
  return { kind: "thread", state: { threads: [...threads, now], digestAt: null } };
}
