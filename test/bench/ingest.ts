import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Benchmark, Result } from "./benchmark.ts";
import { startHomeostatProcess, type HomeostatProcess } from "./homeostat.ts";
import { startServer, type BenchServer } from "./server.ts";
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

type Load = { readonly rate: number; readonly latencies: readonly number[] };

const file = (name: string): URL => new URL(`./ingest/${name}.ts`, import.meta.url);

/** Notifications answered with 202 a second, and the latencies of a tenth of them in milliseconds. */
async function load(url: string, seconds: number): Promise<Load> {
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
  const [rounds, seconds] = quick ? [1, 1] : [7, 3];
  const servers = {
    bare: () => startServer(file("bare-express"), []),
    ours: () => startHomeostatProcess(rules),
    ungrouped: () => startHomeostatProcess(rules, { file: file("one-fsync") }),
  };
  const rates: { bare: number; ours: number; ungrouped: number }[] = [];
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Fresh ones each time: alerts that nobody resolves would pile up from round to round.
    const rate = async (start: () => Promise<BenchServer>): Promise<Load> => {
      await using server = await start();
      // Awaited here, or else the server would be gone before.
      const found = await load(server.url, seconds);
      return found;
    };
    const bare = await rate(servers.bare);
    const ours = await rate(servers.ours);
    const ungrouped = await rate(servers.ungrouped);
    rates.push({ bare: bare.rate, ours: ours.rate, ungrouped: ungrouped.rate });
    latencies.push(...ours.latencies);
  }
  await using last = await servers.ours();
  await load(last.url, 1);
  const drained = await drain(last);
  const memory = await last.memory();
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
      ours: a(drained * 10),
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
    "Notifications of ten alerts (4.5 KB), each with fingerprints never seen before, are posted over 50 connections by a process of its own on raw sockets. In turn to: Express 5 that only parses and answers; `homeostat serve` with the SQLite store on disk; the same with commits that wait for one another. A catalog of one rule ignores the alerts. In each round every server is started anew and loaded for three seconds after two seconds of warming up; the ratios are the medians of seven rounds' ratios.",
  missing: () => null,
  run: measure,
};
