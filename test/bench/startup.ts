import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewEntry } from "../../src/core/journal.ts";
import { openStore } from "../../src/store/open.ts";
import type { Benchmark, Result } from "./benchmark.ts";
import { startHomeostatProcess } from "./homeostat.ts";
import { bodyOf } from "./ingest/notification.ts";
import { median } from "./statistics.ts";

const rules = `rules:
  - name: noise
    match: ['alertname="Noise"']
    do: [{action: ignore}]
`;

/** In the proportions of ten-alert notifications that a rule takes. */
function* entries(count: number, at: number): Generator<NewEntry> {
  const { bytes } = bodyOf();
  for (let index = 0; index < count; index += 1) {
    const episode = (Math.floor(index / 3) % 100_000).toString(16).padStart(16, "0");
    if (index % 30 === 0) yield { at, kind: "notification", data: bytes };
    else if (index % 3 === 0)
      yield { at, kind: "episode", episode, data: { event: "matched", rules: ["noise"], trail: [] } };
    else if (index % 3 === 1)
      yield {
        at,
        kind: "decision",
        episode,
        target: `default/service/shop_${index % 50}`,
        data: {
          rule: "noise",
          decision: { kind: "ignore", reason: { code: "Ignored", message: "The rule says so" } },
        },
      };
    else yield { at, kind: "episode", episode, data: { event: "closed", why: "resolved" } };
  }
}

async function fill(path: string, count: number): Promise<void> {
  const store = await openStore(path);
  let batch: NewEntry[] = [];
  for (const entry of entries(count, Date.now())) {
    batch.push(entry);
    if (batch.length < 2000) continue;
    await store.commit({ append: batch });
    batch = [];
  }
  // All of it has been worked through.
  await store.commit({ append: batch, put: [{ key: "cursor", value: { seq: count + 1, alert: 0 } }] });
  await store.close();
}

type Start = { readonly ms: number; readonly mebibytes: number };

async function start(store: string): Promise<Start> {
  await using homeostat = await startHomeostatProcess(rules, { store });
  const ms = homeostat.startedWithin;
  const answer = await fetch(`${homeostat.url}/api/v1/history?limit=100`);
  await answer.text();
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return { ms, mebibytes: await homeostat.memory() };
}

async function measure(quick: boolean): Promise<readonly Result[]> {
  const [count, rounds] = quick ? [50_000, 2] : [1_000_000, 7];
  const directory = await mkdtemp(join(tmpdir(), "homeostat-bench-"));
  try {
    const [full, empty] = [join(directory, "full.db"), join(directory, "empty.db")];
    await fill(full, count);
    const starts: { full: Start; empty: Start }[] = [];
    for (let round = 0; round < rounds; round += 1)
      starts.push({ empty: await start(empty), full: await start(full) });
    const of = (which: "full" | "empty", what: keyof Start): number =>
      median(starts.map((round) => round[which][what]));
    return [
      {
        what: `start with ${count} journal entries against an empty store`,
        ours: `${of("full", "ms").toFixed(0)} ms`,
        against: `${of("empty", "ms").toFixed(0)} ms`,
        value: median(starts.map((round) => round.full.ms - round.empty.ms)) / 1000,
        unit: "s more",
        target: { kind: "at-most", value: 2 },
      },
      {
        what: `memory with ${count} journal entries against an empty store`,
        ours: `${of("full", "mebibytes").toFixed(0)} MiB`,
        against: `${of("empty", "mebibytes").toFixed(0)} MiB`,
        value: median(starts.map((round) => round.full.mebibytes / round.empty.mebibytes)),
        unit: "×",
        target: { kind: "at-most", value: 1.2 },
      },
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export const startup: Benchmark = {
  name: "startup",
  method:
    "A store is filled with a million journal entries in the proportions that ten-alert notifications leave behind. Homeostat is started on it and on an empty store in turn; the start lasts from the creation of the process until it says where it listens, memory is what is resident 1.5 seconds and one question about its history later. Medians of seven rounds.",
  missing: () => null,
  run: measure,
};
