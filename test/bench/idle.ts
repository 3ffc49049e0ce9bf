import type { Benchmark, Result } from "./benchmark.ts";
import { startHomeostatProcess } from "./homeostat.ts";
import { bodyOf } from "./ingest/notification.ts";

const rules = `rules:
  - name: noise
    match: ['alertname="Noise"']
    do: [{action: ignore}]
`;

/** Of the alerts posted. */
let id = 1;

async function measure(quick: boolean): Promise<readonly Result[]> {
  const seconds = quick ? 4 : 20;
  await using homeostat = await startHomeostatProcess(rules);
  await fetch(`${homeostat.url}/webhooks/alertmanager`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: bodyOf()
      .bytes.toString()
      .replaceAll(/F{16}/g, () => (id++).toString(16).padStart(16, "0")),
  });
  // The start itself is not idle.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const before = await homeostat.busy();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const busy = (await homeostat.busy()) - before;
  return [
    {
      what: `idle for ${seconds} s with ten open episodes`,
      ours: `${busy} ms of a processor, ${(await homeostat.memory()).toFixed(0)} MiB resident`,
      against: `${seconds * 1000} ms`,
      value: (busy / (seconds * 1000)) * 100,
      unit: "%",
      target: { kind: "at-most", value: 1 },
    },
  ];
}

export const idle: Benchmark = {
  name: "idle",
  method:
    "Homeostat with ten open episodes is left alone for twenty seconds; what the kernel counts as its time on a processor, and its resident memory, are read before and after. The kernel counts in hundredths of a second.",
  missing: () => null,
  run: measure,
};
