import type { Ledger } from "./ledger.ts";
import { period } from "./shop.ts";

/* What happens to the shop, in seconds from the start; after shop.ts's period it happens again. */

export type Happening = {
  readonly at: number;
  readonly text: string;
  /** What somebody does at that moment, besides what the load does by itself. */
  readonly deed: "deploy the faulty image" | null;
};

/** When the certificate is about to expire, from and until. */
const certificate = { from: 12, until: 46 };

export const happenings: readonly Happening[] = [
  { at: 4, text: "More visitors come: from 40 to 125 requests a second.", deed: null },
  { at: 17, text: "And more: up to 190 requests a second.", deed: null },
  {
    at: 24,
    text: "A rush: 230 requests a second, more than the largest allowed size can serve.",
    deed: null,
  },
  { at: 28, text: "The visitors leave: down to 40 requests a second.", deed: null },
  {
    at: 40,
    text: "Somebody deploys version 1.5 of shop_pay. It is faulty.",
    deed: "deploy the faulty image",
  },
  {
    at: certificate.until,
    text: "Somebody, asked by then, has renewed the certificate.",
    deed: null,
  },
];

/** By now everything should have happened; with nothing left to wait for the sandbox ends. */
export const storyEnds = 52;

export function certificateDays(seconds: number): number {
  const at = seconds % period;
  return at >= certificate.from && at < certificate.until ? 6 : 90;
}

/** The happenings after `from` and up to `until`, both seconds since the start, in order. */
export function happeningsBetween(from: number, until: number): Happening[] {
  const rounds: Happening[] = [];
  for (let start = Math.floor(Math.max(0, from) / period) * period; start <= until; start += period) {
    for (const happening of happenings) {
      const at = start + happening.at;
      if (at > from && at <= until) rounds.push(happening);
    }
  }
  return rounds;
}

/** How far shop_web may be scaled: its labels homeostat.min and homeostat.max. */
export const bounds = { min: 2, max: 6 } as const;

/** What a whole story shows. `due`: by then it has happened even on a slow machine; seconds. */
export type Expectation = {
  readonly text: string;
  readonly due: number;
  readonly met: (ledger: Ledger) => boolean;
};

const scaled = (ledger: Ledger, direction: "up" | "down"): number =>
  [...ledger.deeds.values()].filter(
    ({ intent, result }) =>
      intent.action === "scale-service" && intent.direction === direction && result === "verified",
  ).length;

export const expectations: readonly Expectation[] = [
  {
    text: "slow responses lead to more replicas, and these are verified",
    due: 24,
    met: (ledger) => scaled(ledger, "up") >= 2,
  },
  {
    text: "a person is asked about the alert that no rule knows",
    due: 24,
    met: ({ asked }) => [...asked.values()].some(({ alertname }) => alertname === "CertificateExpiresSoon"),
  },
  {
    text: "beyond the largest allowed size nothing is added, and it is said why",
    due: 34,
    met: ({ holds }) => holds.some(({ reason }) => reason.code === "AtMaximum"),
  },
  {
    text: "the faulty deploy is rolled back, and that is verified",
    due: 58,
    met: ({ deeds }) =>
      [...deeds.values()].some(
        ({ intent, result }) => intent.action === "rollback-service" && result === "verified",
      ),
  },
  {
    text: "the replicas that are no longer needed are taken away, and that is verified",
    due: 60,
    met: (ledger) => scaled(ledger, "down") >= 2,
  },
  {
    text: "the thread of the person who was asked is marked as resolved",
    due: 58,
    met: ({ asked }) => [...asked.values()].some(({ resolved }) => resolved),
  },
];

/** What must never be; true as long as it was not. */
const withinBounds = ({ deeds }: Ledger): boolean =>
  [...deeds.values()].every(({ intent: { effect } }) => {
    if (effect.kind !== "service" || effect.set.kind !== "replicas") return true;
    return effect.after >= bounds.min && effect.after <= bounds.max;
  });

export type Verdict = {
  /** What was due and did not come; empty when the loop closed. */
  readonly missing: readonly string[];
  /** What was not due yet when it was ended. */
  readonly unseen: readonly string[];
};

/** Whether the loop closed, `seconds` after the start. */
export function verdict(ledger: Ledger, seconds: number): Verdict {
  const unmet = expectations.filter(({ met }) => !met(ledger));
  const due = unmet.filter((expectation) => seconds >= expectation.due);
  return {
    missing: [
      ...due.map(({ text }) => text),
      ...(withinBounds(ledger) ? [] : [`shop_web stays between ${bounds.min} and ${bounds.max} replicas`]),
    ],
    unseen: unmet.filter((expectation) => !due.includes(expectation)).map(({ text }) => text),
  };
}
