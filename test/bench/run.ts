import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { isMet, type Benchmark, type Result } from "./benchmark.ts";
import { idle } from "./idle.ts";
import { ingest } from "./ingest.ts";
import { latency } from "./latency.ts";
import { matching } from "./matching.ts";
import { page, table, type Measured } from "./report.ts";
import { startup } from "./startup.ts";
import { storm } from "./storm.ts";

/*
 * `npm run bench -- [--quick] [--write] [name …]`: measures, prints, and with --write puts the results into
 * docs/benchmarks.md. Exits with 1 when a target is missed, except with --quick, whose numbers are too rough for it.
 */

const all: readonly Benchmark[] = [ingest, matching, latency, storm, startup, idle];
const file = new URL("../../docs/benchmarks.md", import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, write: { type: "boolean", default: false } },
});
const names = all.map(({ name }) => name).join(", ");
for (const name of positionals)
  if (!all.some((benchmark) => benchmark.name === name))
    throw new Error(`no benchmark ${name}; there are ${names}`);

const measured: Measured[] = [];
for (const benchmark of all) {
  if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue;
  const missing = benchmark.missing();
  if (missing !== null) console.log(`${benchmark.name}: skipped, ${missing}`);
  const results: readonly Result[] = missing === null ? await benchmark.run(values.quick) : [];
  measured.push({ benchmark, results, missing });
  if (results.length > 0) console.log(`\n${benchmark.name}\n${table(results)}`);
}
if (values.write) await writeFile(file, page(await readFile(file, "utf8"), measured));
const missed = measured.flatMap(({ results }) => results).filter((result) => isMet(result) === false);
if (missed.length > 0 && !values.quick) {
  console.log(`\n${missed.length} targets are missed`);
  process.exitCode = 1;
}
