import type { Escalation } from "../core/escalation.ts";
import type { Posted, Put } from "../core/ports.ts";
import { admit, calm, type StormState } from "../core/storm.ts";
import { OrderedIds } from "./ids.ts";

/** A storm's shared message. */
export type Digest = {
  readonly id: string;
  readonly channel: string | null;
  readonly openedAt: number;
  readonly mention: string | null;
};

/** What a message is about: the key of what it tells. */
export const aboutOf = ({ id, digest }: Pick<Escalation, "id" | "digest">): string =>
  digest === null ? `escalation/${id}` : `digest/${digest}`;

/** Where escalations are told: in a thread of their own or, in a storm, in a digest; and where those messages are. */
export class Places {
  readonly #ids = new OrderedIds();
  readonly #digests = new Map<string, Digest>();
  /** By channel: the digest that runs, or ran last. */
  readonly #latest = new Map<string, Digest>();
  readonly #storms = new Map<string, StormState>();
  readonly #posted = new Map<string, Posted>();
  /** Where to tell what names no channel; null where the settings name none. */
  readonly channel: string | null;

  constructor(channel: string | null) {
    this.channel = channel;
  }

  rememberPosted({ about, posted }: { about: string; posted: Posted }): void {
    this.#posted.set(about, posted);
  }

  rememberDigest(digest: Digest): void {
    this.#ids.passed(digest.id);
    this.#digests.set(digest.id, digest);
    this.#latest.set(this.#place(digest.channel), digest);
  }

  /** Takes up an escalation of an earlier process, so that a storm goes on where it was. */
  rememberEscalation({ channel, openedAt, digest }: Escalation): void {
    const place = this.#place(channel);
    const storm = this.#storms.get(place) ?? calm;
    this.#storms.set(
      place,
      digest === null
        ? { ...storm, threads: [...storm.threads, openedAt].slice(-20) }
        : { ...storm, digestAt: Math.max(storm.digestAt ?? 0, openedAt) },
    );
  }

  /** The place for a new escalation: the digest to tell it in, or null for a thread of its own. */
  admit(
    channel: string | null,
    mention: string | null,
    now: number,
  ): { digest: string | null; puts: readonly Put[] } {
    const place = this.#place(channel);
    const admitted = admit(this.#storms.get(place) ?? calm, now);
    this.#storms.set(place, admitted.state);
    if (admitted.kind === "thread") return { digest: null, puts: [] };
    const running = admitted.opens ? undefined : this.#latest.get(place);
    const digest = running ?? { id: this.#ids.next(now), channel, openedAt: now, mention };
    this.rememberDigest(digest);
    // Written each time: the commit that opened it may have failed.
    return { digest: digest.id, puts: [{ key: `digest/${digest.id}`, value: digest }] };
  }

  digest(id: string): Digest | undefined {
    return this.#digests.get(id);
  }

  /** Where a message is; null as long as there is none. */
  posted(about: string): Posted | null {
    return this.#posted.get(about) ?? null;
  }

  delivered(about: string, posted: Posted): Put {
    this.#posted.set(about, posted);
    return { key: `posted/${about}`, value: { about, posted } };
  }

  /** Digests from before `then` that tell nothing any more. */
  finished(then: number, used: ReadonlySet<string | null>): string[] {
    return [...this.#digests.values()]
      .filter(({ id, openedAt }) => openedAt < then && !used.has(id))
      .map(({ id }) => id);
  }

  forget(about: string): Put[] {
    const digest = this.#digests.get(about.replace(/^digest\//, ""));
    if (digest !== undefined) {
      this.#digests.delete(digest.id);
      const place = this.#place(digest.channel);
      if (this.#latest.get(place) === digest) this.#latest.delete(place);
    }
    this.#posted.delete(about);
    return [about, `posted/${about}`].map((key) => ({ key, value: null }));
  }

  #place(channel: string | null): string {
    return channel ?? this.channel ?? "";
  }
}
