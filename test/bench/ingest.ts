import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Benchmark, Result } from "./benchmark.ts";
import { startHomeostatProcess, type HomeostatProcess } from "./homeostat.ts";
import { startServer } from "./server.ts";
import { median, quantile } from "./statistics.ts";

const run = promisify(execFile);
const connections = 50;
const rules = `rules:
  - name: noise
    match: ['alertname="Noise"']
    do: [{action: ignore}]
`;

type Round = {
  readonly accepted: number;
  readonly refused: number;
  readonly elapsed: number;
  readonly latencies: readonly number[];
};

const file = (name: string): URL => new URL(`./ingest/${name}.ts`, import.meta.url);

/** Notifications answered with 202 a second, and the latencies of a tenth of them in milliseconds. */
async function load(url: string, seconds: number): Promise<{ rate: number; latencies: readonly number[] }> {
  const { stdout } = await run(
    process.execPath,
    [file("load").pathname, `${url}/webhooks/alertmanager`, String(connections), String(seconds)],
    { maxBuffer: 64 << 20 },
  );
  const { accepted, refused, elapsed, latencies } = JSON.parse(stdout) as Round;
  if (refused > 0) throw new Error(`${refused} notifications were refused, ${accepted} accepted`);
  return { rate: (accepted / elapsed) * 1000, latencies };
}

async function measure(quick: boolean): Promise<readonly Result[]> {
  const [rounds, seconds] = quick ? [2, 1] : [7, 3];
  await using bare = await startServer(file("bare-express"), []);
  await using ours = await startHomeostatProcess(rules);
  await using ungrouped = await startHomeostatProcess(rules, { file: file("one-fsync") });
  const rates: { bare: number; ours: number; ungrouped: number }[] = [];
  const latencies: number[] = [];
  const drained: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const theirs = await load(bare.url, seconds);
    const own = await load(ours.url, seconds);
    latencies.push(...own.latencies);
    drained.push(await drain(ours));
    const single = await load(ungrouped.url, seconds);
    await drain(ungrouped);
    rates.push({ bare: theirs.rate, ours: own.rate, ungrouped: single.rate });
  }
  const memory = await ours.memory();
  const a = (rate: number): string => `${Math.round(rate)}/s`;
  const ownRate = a(median(rates.map((rate) => rate.ours)));
  return [
    {
      what: "durable ingest against bare Express",
      ours: ownRate,
      against: a(median(rates.map((rate) => rate.bare))),
      unit: "×",
      value: median(rates.map((rate) => rate.ours / rate.bare)),
      target: { kind: "at-least", value: 0.5 },
    },
    {
      what: "durable ingest against one sync a request",
      ours: ownRate,
      against: a(median(rates.map((rate) => rate.ungrouped))),
      unit: "×",
      value: median(rates.map((rate) => rate.ours / rate.ungrouped)),
      target: { kind: "at-least", value: 3 },
    },
    {
      what: "answer to a durable notification, median and 99 %",
      ours: `${median(latencies).toFixed(1)} ms, ${quantile(latencies, 0.99).toFixed(1)} ms`,
      against: `${connections} connections`,
      value: null,
      unit: "",
      target: null,
    },
    {
      what: "accepted alerts worked through afterwards",
      ours: a(median(drained) * 10),
      against: `${memory.toFixed(0)} MiB resident at the end`,
      value: null,
      unit: "",
      target: null,
    },
  ];
}

/** Waits until everything accepted is worked through; notifications a second. */
async function drain(homeostat: HomeostatProcess): Promise<number> {
  const from = performance.now();
  const waiting = await homeostat.backlog();
  for (let left = waiting; left > 0; left = await homeostat.backlog()) {
    if (performance.now() - from > 120_000)
      throw new Error(`${left} of ${waiting} still wait after two minutes`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return waiting / ((performance.now() - from) / 1000);
}

export const ingest: Benchmark = {
  name: "ingest",
  method:
    "Notifications of ten alerts (6 KB), each with fingerprints never seen before, are posted over 50 connections by a process of its own on raw sockets. In turn to: Express 5 that only parses and answers; `homeostat serve` with the SQLite store on disk; the same with commits that wait for one another. A catalog of one rule ignores the alerts. Each round takes every server once for three seconds after a warm-up and waits until what was accepted is worked through; the ratios are the medians of seven rounds' ratios.",
  missing: () => null,
  run: measure,
};
