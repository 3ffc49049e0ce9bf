import { expect, it } from "vitest";
import type { Alert } from "../../src/core/alert.ts";
import { arrival, episodeId, type Episode, type Past } from "../../src/core/episode.ts";
import { noon } from "./situations.ts";

const iso = (ms: number): string => new Date(ms).toISOString();
const alert = (patch: Partial<Alert> = {}): Alert => ({
  status: "firing",
  labels: { alertname: "SlowResponses" },
  annotations: {},
  startsAt: iso(noon),
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: "",
  fingerprint: "4b888d7e74b10b0b",
  ...patch,
});
const open = (startsAt: number): Episode => ({
  id: "e",
  alert: alert({ startsAt: iso(startsAt) }),
  group: { key: "", labels: {}, receiver: "", externalURL: "" },
  openedAt: startsAt,
  serial: startsAt,
  confirmedAt: startsAt,
  matched: true,
  courses: [],
  asked: [],
});
const past = (startsAt: number, expired = false): Past => ({
  fingerprint: "4b888d7e74b10b0b",
  startsAt,
  closedAt: startsAt + 1000,
  expired,
  tries: {},
});
const resolved = (startsAt: number, endsAt: number) =>
  alert({ status: "resolved", startsAt: iso(startsAt), endsAt: iso(endsAt) });

const rows: [
  name: string,
  alert: Alert,
  open: Episode | undefined,
  past: Past | undefined,
  expected: string,
][] = [
  ["it expired and fires on", alert(), undefined, past(noon, true), "opens"],
  ["it expired and resolves at last", resolved(noon, noon + 9), undefined, past(noon, true), "late"],
  ["the first of its kind", alert(), undefined, undefined, "opens"],
  ["the same again, from the other Alertmanager or as a repeat", alert(), open(noon), undefined, "repeats"],
  ["its start moved earlier by a merge", alert(), open(noon + 1000), undefined, "repeats"],
  ["it fires anew and its resolution was never sent", alert(), open(noon - 1000), undefined, "supersedes"],
  ["it resolves", resolved(noon, noon + 1000), open(noon), undefined, "resolves"],
  ["it resolves with an earlier start", resolved(noon - 500, noon + 1000), open(noon), undefined, "resolves"],
  [
    "an earlier life's resolution comes late",
    resolved(noon - 5000, noon - 1000),
    open(noon),
    undefined,
    "late",
  ],
  ["it fires again after it was closed", alert(), undefined, past(noon - 1000), "opens"],
  ["a late copy of what is closed", alert(), undefined, past(noon), "late"],
  [
    "the other Alertmanager's resolution of what is closed",
    resolved(noon, noon + 1),
    undefined,
    past(noon),
    "late",
  ],
  [
    "a resolution of something that was never seen",
    resolved(noon, noon + 1),
    undefined,
    undefined,
    "resolves-unseen",
  ],
];
it.each(rows)("%s", (_name, alert, open, past, expected) => {
  expect(arrival(alert, open, past)).toBe(expected);
});

it("names an episode by fingerprint and start, whatever the notation of the time", () => {
  expect(episodeId(alert({ startsAt: "2026-03-01T12:00:00.000Z" }))).toBe(
    episodeId(alert({ startsAt: "2026-03-01T13:00:00+01:00" })),
  );
});
