import { Engine, type RuleProperties } from "json-rules-engine";
import type { Alert } from "../../src/core/alert.ts";
import type { Catalog } from "../../src/core/catalog.ts";
import { compileCatalog } from "../../src/core/compile.ts";
import { match } from "../../src/core/match.ts";
import type { Benchmark, Result } from "./benchmark.ts";
import { median } from "./statistics.ts";

const few = 10;
const many = 10_000;

/** Three matchers a rule, as people write them: a name, a regular expression, something that must not be. */
const ruleText = (number: number): string => `  - name: rule-${number}
    match: ['alertname="Alert${number}"', 'service=~"shop_[a-z0-9]+"', 'severity!="info"']
    do: [{action: ignore}]
`;

function catalogOf(size: number): Catalog {
  const text = `rules:\n${Array.from({ length: size }, (_, number) => ruleText(number)).join("")}`;
  const compiled = compileCatalog([{ file: "bench.yml", text }]);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults.slice(0, 3)));
  return compiled.catalog;
}

/** Nine of ten are taken by a rule somewhere in the catalog. */
const alertsFor = (size: number): readonly Alert[] =>
  Array.from({ length: 1000 }, (_, index) => ({
    status: "firing",
    labels: {
      alertname: index % 10 === 9 ? "NobodyKnows" : `Alert${(index * 7919) % size}`,
      cluster: "default",
      instance: `10.0.0.${index % 250}:9090`,
      job: "shop",
      service: `shop_${index % 40}`,
      severity: "warning",
    },
    annotations: {},
    startsAt: "2026-03-01T12:00:00Z",
    endsAt: "0001-01-01T00:00:00Z",
    generatorURL: "",
    fingerprint: index.toString(16).padStart(16, "0"),
  }));

/** Nanoseconds an alert. */
function timeOf(catalog: Catalog, alerts: readonly Alert[], passes: number): number {
  let taken = 0;
  const from = performance.now();
  for (let pass = 0; pass < passes; pass += 1) {
    for (const alert of alerts) {
      const found = match(catalog, { alert, now: 0, service: null }, false);
      if (found.kind === "matched") taken += found.rules.length;
    }
  }
  const elapsed = performance.now() - from;
  if (taken !== passes * alerts.length * 0.9) throw new Error(`${taken} alerts were taken`);
  return (elapsed * 1e6) / (passes * alerts.length);
}

function peerOf(size: number): Engine {
  const rules = Array.from({ length: size }, (_, number): RuleProperties => ({
    conditions: {
      all: [
        { fact: "alertname", operator: "equal", value: `Alert${number}` },
        {
          fact: "service",
          operator: "in",
          value: Array.from({ length: 40 }, (_item, index) => `shop_${index}`),
        },
        { fact: "severity", operator: "notEqual", value: "info" },
      ],
    },
    event: { type: `rule-${number}` },
  }));
  return new Engine(rules);
}

/** Nanoseconds an alert. */
async function timeOfPeer(engine: Engine, alerts: readonly Alert[]): Promise<number> {
  const from = performance.now();
  for (const { labels } of alerts) await engine.run(labels);
  return ((performance.now() - from) * 1e6) / alerts.length;
}

async function measure(quick: boolean): Promise<readonly Result[]> {
  const [rounds, passes] = quick ? [5, 20] : [15, 200];
  const [small, large] = [catalogOf(few), catalogOf(many)];
  const [toSmall, toLarge] = [alertsFor(few), alertsFor(many)];
  timeOf(small, toSmall, passes);
  timeOf(large, toLarge, passes);
  const times = Array.from({ length: rounds }, () => ({
    small: timeOf(small, toSmall, passes),
    large: timeOf(large, toLarge, passes),
  }));
  const peer = peerOf(many);
  const peerTimes: number[] = [];
  for (let round = 0; round < 3; round += 1)
    peerTimes.push(await timeOfPeer(peer, toLarge.slice(0, quick ? 1 : 5)));
  const large10000 = median(times.map((time) => time.large));
  const micro = (ns: number): string => `${(ns / 1000).toFixed(2)} µs`;
  return [
    {
      what: `matching an alert with ${many} rules against ${few}`,
      ours: micro(large10000),
      against: micro(median(times.map((time) => time.small))),
      unit: "×",
      value: median(times.map((time) => time.large / time.small)),
      target: { kind: "at-most", value: 1.5 },
    },
    {
      what: `matching an alert with ${many} rules against json-rules-engine`,
      ours: micro(large10000),
      against: micro(median(peerTimes)),
      unit: "× as long",
      value: median(peerTimes) / large10000,
      target: null,
    },
  ];
}

export const matching: Benchmark = {
  name: "matching",
  method:
    "A thousand alerts with six labels each, nine of ten taken by one rule, are matched against catalogs of 10 and of 10,000 rules with three matchers a rule (a name, a regular expression, an inequality), in turn; the ratio is the median of fifteen rounds' ratios. json-rules-engine gets the same rules, its regular expression as a list.",
  missing: () => null,
  run: measure,
};
