import type { Benchmark, Result } from "./benchmark.ts";
import { median } from "./statistics.ts";
import { missingSwarm, startSwarm } from "./swarm.ts";

const alerts = 50;

async function measure(quick: boolean): Promise<readonly Result[]> {
  const rounds = quick ? 2 : 9;
  await using swarm = await startSwarm();
  const rates: { ours: number; theirs: number }[] = [];
  // The first round is not counted.
  for (let round = -1; round < rounds; round += 1) {
    const name = `ours${round + 1}`;
    const [ours, theirs] = [await swarm.create(name), await swarm.create(`theirs${round + 1}`)];
    const before = await swarm.replicas(ours);
    const all = swarm.updated(ours, alerts);
    let from = performance.now();
    await Promise.all(Array.from({ length: alerts }, () => swarm.alert(name)));
    await all;
    const own = performance.now() - from;
    const grown = (await swarm.replicas(ours)) - before;
    if (grown !== alerts) throw new Error(`${alerts} alerts made ${grown} replicas`);

    from = performance.now();
    for (let count = 0; count < alerts; count += 1) await swarm.grow(theirs);
    const serial = performance.now() - from;
    if (round >= 0) rates.push({ ours: (alerts * 1000) / own, theirs: (alerts * 1000) / serial });
    // The verifications of the round before end, and with them what they ask of the engine.
    await new Promise((resolve) => setTimeout(resolve, quick ? 500 : 11_000));
  }
  const rate = (which: "ours" | "theirs"): string => `${median(rates.map((one) => one[which])).toFixed(0)}/s`;
  return [
    {
      what: `${alerts} alerts at once for one service, against one update after the other`,
      ours: rate("ours"),
      against: rate("theirs"),
      value: median(rates.map((one) => one.ours / one.theirs)),
      unit: "×",
      target: { kind: "at-least", value: 0.6 },
    },
  ];
}

export const storm: Benchmark = {
  name: "storm",
  method:
    "On a real dockerd in Swarm mode fifty alerts in fifty notifications ask at once to grow one service by a replica each; the round ends with the engine's event of the fiftieth update, and the service must be exactly fifty bigger. Against it, in turn: fifty times dockerode's inspect and update, one after the other, of another service. New services in each round; medians of nine rounds.",
  missing: missingSwarm,
  run: measure,
};
