import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readClassic } from "../../src/core/matcher/classic.ts";
import { parseMatchers } from "../../src/core/matcher/parse.ts";
import { describeReal, requireBinary } from "../lab/binaries.ts";
import { conditionTexts, matcherTexts, type Condition } from "../matcher/texts.ts";

/*
 * Debian's amtool knows the classic grammar alone, and for every text that the classic grammar knows, its reading is
 * the one that counts. So the pairs are drawn from those texts; the other grammar is held by test/matcher.
 */

const run = promisify(execFile);
const seed = 20_261_121;
const pairs = 10_000;
const texts = 3000;
/** Pairs that one call of amtool decides. Its arguments are limited to 2 MB by the kernel. */
const aCall = 2500;

describeReal("matchers read as Alertmanager's own", ["amtool"], () => {
  it(`agree with amtool on ${pairs} pairs of matchers and labels`, async () => {
    const drawn = fc.sample(conditionTexts, { seed, numRuns: pairs * 2 });
    // A pair each: its labels are nobody else's, so that one set of labels can decide them all.
    const taken = drawn
      .map(({ text, labels }, index) => ({ text: text(`p${index}_`), labels, index }))
      .filter(({ text }) => parseMatchers(text).ok && !knownToUtf8Alone(text))
      .slice(0, pairs);
    expect(taken).toHaveLength(pairs);
    const disagreements: unknown[] = [];
    let matched = 0;
    for (let from = 0; from < pairs; from += aCall) {
      const some = taken.slice(from, from + aCall);
      const theirs = await routesTest(some);
      for (const { text, labels, index } of some) {
        const own = ours(text, labels, `p${index}_`);
        if (own) matched += 1;
        if (own !== theirs.has(`r${index}`)) disagreements.push({ text, labels, own });
      }
    }
    expect(disagreements).toEqual([]);
    // Neither answer is so common that it could be guessed.
    expect(matched).toBeGreaterThan(pairs / 5);
    expect(matched).toBeLessThan((pairs * 4) / 5);
  });

  it(`accept and refuse as amtool does, on ${texts} texts`, async () => {
    const taken = [...new Set(fc.sample(matcherTexts, { seed, numRuns: texts * 2 }))]
      .filter((text) => !knownToUtf8Alone(text))
      .slice(0, texts);
    expect(taken).toHaveLength(texts);
    const theirs = await checkConfig(taken);
    const own = taken.map((text) => parseMatchers(text).ok);
    const disagreements = taken
      .map((text, index) => ({ text, ours: own[index], theirs: theirs[index] }))
      .filter((one) => one.ours !== one.theirs);
    expect(disagreements).toEqual([]);
    expect(own.filter(Boolean).length).toBeGreaterThan(texts / 5);
    expect(own.filter((ok) => !ok).length).toBeGreaterThan(texts / 5);
  });
});

/** Debian's version refuses what the second grammar alone knows. */
function knownToUtf8Alone(text: string): boolean {
  if (!parseMatchers(text).ok) return false;
  try {
    // Quoted, each value that the first grammar read is known to both, so this asks for its regular expressions alone.
    return !readClassic(text).every(
      ({ operator, value }) => parseMatchers(`a${operator}${quoted(value)}`).ok,
    );
  } catch {
    return true;
  }
}

function ours(text: string, labels: Condition["labels"], prefix: string): boolean {
  const parsed = parseMatchers(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`);
  const named = Object.fromEntries(labels.map(([name, value]) => [prefix + name, value]));
  return parsed.matchers.every((matcher) => matcher.matches(named));
}

/** The receivers that one alert with the labels of all pairs goes to: one a pair whose matchers take it. */
async function routesTest(
  some: readonly { text: string; labels: Condition["labels"]; index: number }[],
): Promise<ReadonlySet<string>> {
  return inDirectory(async (directory) => {
    const file = join(directory, "alertmanager.yml");
    await writeFile(file, configuration(some.map(({ text, index }) => ({ text, receiver: `r${index}` }))));
    const labels = some.flatMap((one) =>
      one.labels.map(([name, value]) => `p${one.index}_${name}=${quoted(value)}`),
    );
    const arguments_ = ["config", "routes", "test", `--config.file=${file}`, ...labels];
    const { stdout } = await run(requireBinary("amtool"), arguments_, {
      maxBuffer: 64 << 20,
    }).catch(
      // Its own message would repeat the thousands of arguments.
      ({ stderr }: { stderr: string }) => {
        throw new Error(`amtool: ${stderr}`);
      },
    );
    return new Set(stdout.trim().split(","));
  });
}

/** Whether amtool accepts a configuration with each text, in their order. */
async function checkConfig(given: readonly string[]): Promise<readonly boolean[]> {
  return inDirectory(async (directory) => {
    const files = await Promise.all(
      given.map(async (text, index) => {
        const file = join(directory, `${index}.yml`);
        await writeFile(file, configuration([{ text, receiver: "r" }]));
        return file;
      }),
    );
    // It fails when one file does; what it says of each file is on its output either way.
    const { stdout } = await run(requireBinary("amtool"), ["check-config", ...files], {
      maxBuffer: 64 << 20,
    }).catch((cause: { stdout: string }) => cause);
    const verdicts = new Map(
      [...stdout.matchAll(/^Checking '.*\/(\d+)\.yml' {2}(SUCCESS|FAILED)/gm)].map(([, index, word]) => [
        Number(index),
        word === "SUCCESS",
      ]),
    );
    expect(verdicts.size).toBe(given.length);
    return given.map((_text, index) => verdicts.get(index) === true);
  });
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "homeostat-matchers-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** One route a text; `continue` makes each be tried whatever the others say. */
function configuration(routes: readonly { text: string; receiver: string }[]): string {
  const route = ({ text, receiver }: { text: string; receiver: string }): string =>
    `  - {receiver: ${receiver}, continue: true, matchers: [${yamlText(text)}]}`;
  return [
    "route:",
    "  receiver: none",
    "  routes:",
    ...routes.map(route),
    "receivers:",
    "- {name: none}",
    ...routes.map(({ receiver }) => `- {name: ${receiver}}`),
  ].join("\n");
}

/** Everything but visible ASCII escaped: YAML folds some characters as line breaks and refuses others. */
const yamlText = (text: string): string =>
  `"${[...text]
    .map((char) =>
      /^[ !#-[\]-~]$/.test(char) ? char : `\\U${(char.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`,
    )
    .join("")}"`;

const quoted = (value: string): string =>
  `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
