import type { Alert } from "../core/alert.ts";

type Link = {
  readonly startsAt: string;
  readonly status: Alert["status"];
  readonly durable: Promise<unknown>;
  readonly next: Link | undefined;
};

/** With the same fingerprint: an Alertmanager's twin, its repeat or its retry. */
const isSame = (link: Link, { startsAt, status }: Alert): boolean =>
  link.startsAt === startsAt && link.status === status;

/**
 * Alerts accepted and not yet worked through, each with the commit that makes it durable. By fingerprint, since putting
 * a key of all three together costs more than everything else that is done to accept an alert.
 */
export class Undecided {
  readonly #chains = new Map<string, Link>();

  durable(alert: Alert): Promise<unknown> | undefined {
    for (let link = this.#chains.get(alert.fingerprint); link !== undefined; link = link.next)
      if (isSame(link, alert)) return link.durable;
    return undefined;
  }

  add(alert: Alert, durable: Promise<unknown>): void {
    const { fingerprint, startsAt, status } = alert;
    // Not the alert itself: there may be a million of them.
    this.#chains.set(fingerprint, { startsAt, status, durable, next: this.#chains.get(fingerprint) });
  }

  remove(alert: Alert): void {
    let left: Link | undefined;
    for (let link = this.#chains.get(alert.fingerprint); link !== undefined; link = link.next)
      if (!isSame(link, alert)) left = { ...link, next: left };
    if (left === undefined) this.#chains.delete(alert.fingerprint);
    else this.#chains.set(alert.fingerprint, left);
  }
}
