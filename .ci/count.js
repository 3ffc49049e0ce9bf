// Sums up vitest's JSON reports in a folder: `node count.js <folder> <failed steps>`. Plain JavaScript, as it also
// runs where nothing could be installed. Exits 0 when tests ran, all of them, and none failed.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder = "", failedSteps = "0"] = process.argv.slice(2);
let passed = 0;
let failed = Number(failedSteps);

const names = new Set(readdirSync(folder).map((name) => name.replace(/\.(json|failed)$/, "")));
for (const name of names) {
  const path = join(folder, name);
  const report = existsSync(`${path}.json`)
    ? JSON.parse(readFileSync(`${path}.json`, "utf8"))
    : { testResults: [] };
  const before = failed;
  for (const file of report.testResults) {
    const bad = file.assertionResults.filter((test) => test.status !== "passed");
    passed += file.assertionResults.length - bad.length;
    // A file that could not even be loaded has no tests to report.
    failed += bad.length === 0 && file.status !== "passed" ? 1 : bad.length;
    for (const { status, fullName } of bad) process.stderr.write(`${status}: ${file.name}: ${fullName}\n`);
  }
  // It ended too early, or an error happened outside of any test.
  if (failed === before && existsSync(`${path}.failed`)) failed += 1;
}

if (passed === 0 && failed === 0) failed = 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
