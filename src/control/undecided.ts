import type { Alert } from "../core/alert.ts";

type Link = {
  readonly fingerprint: string;
  readonly startsAt: string;
  readonly status: Alert["status"];
  readonly durable: Promise<unknown>;
  readonly next: Link | undefined;
};

/** The same one: an Alertmanager's twin, its repeat or its retry. */
const isSame = (link: Link, { fingerprint, startsAt, status }: Alert): boolean =>
  link.fingerprint === fingerprint && link.startsAt === startsAt && link.status === status;

/** A fingerprint is a hash already: its last seven hexadecimal digits, as a small whole number. */
function keyOf({ fingerprint }: Alert): number {
  let key = 0;
  for (let at = fingerprint.length - 7; at < fingerprint.length; at += 1) {
    const code = fingerprint.charCodeAt(at);
    key = key * 16 + (code & 15) + (code > 0x39 ? 9 : 0);
  }
  return key;
}

/**
 * Alerts accepted and not yet worked through, each with the commit that makes it durable. In a flood there are a
 * million of them: looked up by text they would cost more than everything else that is done to accept an alert.
 */
export class Undecided {
  readonly #chains = new Map<number, Link>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  durable(alert: Alert): Promise<unknown> | undefined {
    for (let link = this.#chains.get(keyOf(alert)); link !== undefined; link = link.next)
      if (isSame(link, alert)) return link.durable;
    return undefined;
  }

  add(alert: Alert, durable: Promise<unknown>): void {
    const { fingerprint, startsAt, status } = alert;
    const key = keyOf(alert);
    this.#chains.set(key, { fingerprint, startsAt, status, durable, next: this.#chains.get(key) });
    this.#size += 1;
  }

  remove(alert: Alert): void {
    const key = keyOf(alert);
    let left: Link | undefined;
    for (let link = this.#chains.get(key); link !== undefined; link = link.next) {
      if (isSame(link, alert)) this.#size -= 1;
      else left = { ...link, next: left };
    }
    if (left === undefined) this.#chains.delete(key);
    else this.#chains.set(key, left);
  }
}
