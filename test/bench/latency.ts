import type { Benchmark, Result } from "./benchmark.ts";
import { median, quantile } from "./statistics.ts";
import { missingSwarm, startSwarm } from "./swarm.ts";

/** Replicas that a service grows to. */
const size = 20;

async function measure(quick: boolean): Promise<readonly Result[]> {
  const [warmUp, samples] = quick ? [5, 20] : [30, 400];
  await using swarm = await startSwarm();
  let [ours, theirs, name] = ["", "", ""];
  const times: { ours: number; whole: number; theirs: number }[] = [];
  for (let sample = -warmUp; sample < samples; sample += 1) {
    // New ones now and then: services of hundreds of replicas would measure how the engine counts tasks.
    if ((sample + warmUp) % size === 0) {
      name = `ours-${sample + warmUp}`;
      [ours, theirs] = [await swarm.create(name), await swarm.create(`theirs-${sample + warmUp}`)];
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const changed = swarm.updated(ours, 1).then(() => performance.now());
    const posted = performance.now();
    await swarm.alert(name);
    const accepted = performance.now();
    const seen = await changed;

    // The same end for both: the engine's event of the update.
    const other = swarm.updated(theirs, 1).then(() => performance.now());
    const from = performance.now();
    await swarm.grow(theirs);
    const done = await other;
    if (sample >= 0) times.push({ ours: seen - accepted, whole: seen - posted, theirs: done - from });
  }
  const of = (which: "ours" | "whole" | "theirs", q: number): number =>
    quantile(
      times.map((time) => time[which]),
      q,
    );
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const half = { ours: of("ours", 0.5), theirs: of("theirs", 0.5) };
  const late = { ours: of("ours", 0.99), theirs: of("theirs", 0.99) };
  return [
    {
      what: "alert accepted until spec changed, median, against dockerode's inspect + update",
      ours: ms(half.ours),
      against: ms(half.theirs),
      value: half.ours / half.theirs,
      unit: "×",
      target: { kind: "at-most", value: 2 },
    },
    {
      what: "the same, 99 %",
      ours: ms(late.ours),
      against: ms(late.theirs),
      value: late.ours / late.theirs,
      unit: "×",
      target: { kind: "at-most", value: 3 },
    },
    {
      what: "from the first byte of the webhook, median",
      ours: ms(of("whole", 0.5)),
      against: ms(half.theirs),
      value: median(times.map((time) => time.whole / time.theirs)),
      unit: "×",
      target: null,
    },
  ];
}

export const latency: Benchmark = {
  name: "latency",
  method:
    "On a real dockerd in Swarm mode pairs of services stand that no node may run, so that no container disturbs; they grow to twenty replicas each. In turn, 400 times: an alert asks Homeostat to grow the one by a replica, from the moment when its 202 arrives; dockerode reads the other, changes its replicas and writes it back. Both end when the engine's event of the update arrives. A Homeostat of its own process decides, writes its intent to disk, reads the service again and updates it.",
  missing: missingSwarm,
  run: measure,
};
