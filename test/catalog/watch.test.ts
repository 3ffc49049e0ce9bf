import { rename, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { loadCatalog, type LoadResult } from "../../src/catalog/load.ts";
import { watchCatalog, type CatalogWatch } from "../../src/catalog/watch.ts";
import { fakeClock, type FakeClock } from "../stand-ins/clock.ts";
import { folder, ruleNamed, type Folder } from "./folder.ts";

type Watching = AsyncDisposable & {
  readonly rules: Folder;
  readonly clock: FakeClock;
  readonly watch: CatalogWatch;
  /** What was reported, in order: the rules' names, or how many faults. */
  readonly told: string[];
  /** The reports that fail from now on. */
  failNext(count: number): void;
};

const soon = { timeout: 10_000, interval: 5 };
const settle = 100;
const poll = 10_000;

async function watching(files = { "a.yml": ruleNamed("a") }): Promise<Watching> {
  const rules = await folder(files);
  const clock = fakeClock();
  const ending = new AbortController();
  const told: string[] = [];
  let failing = 0;
  const watch = watchCatalog(rules.path, {
    signal: ending.signal,
    clock,
    current: (await loadCatalog(rules.path)).hash,
    async onResult(result) {
      if (failing-- > 0) throw new Error("the store is away");
      told.push(inShort(result));
    },
  });
  // It looks once at the start, then waits.
  await vi.waitFor(() => expect(clock.sleepers()).toBe(1), soon);
  return {
    rules,
    clock,
    watch,
    told,
    failNext: (count) => {
      failing = count;
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await rules[Symbol.asyncDispose]();
    },
  };
}

const inShort = (result: LoadResult): string =>
  result.kind === "loaded"
    ? result.catalog.rules.map(({ name }) => name).join(" ")
    : `refused: ${result.faults.length}`;

/** The poll sleeps always; a second sleeper waits for a change to settle. */
const noticed = ({ clock }: Watching): Promise<void> =>
  vi.waitFor(() => expect(clock.sleepers()).toBe(2), soon);

it("reports a file that was replaced by a rename, and the next one, and the next one", async () => {
  await using it = await watching();
  const expected: string[] = [];
  for (const name of ["b", "c", "d"]) {
    await it.rules.replace("a.yml", ruleNamed(name));
    await noticed(it);
    await it.clock.advance(settle);
    await expect.poll(() => it.told, soon).toEqual(expected.concat(name));
    expected.push(name);
  }
});

it("reports a bad catalog as refused, and the good one that follows", async () => {
  await using it = await watching();
  await it.rules.replace("a.yml", "rules: [\n");
  await noticed(it);
  await it.clock.advance(settle);
  await expect.poll(() => it.told, soon).toEqual([expect.stringMatching(/^refused/)]);
  await it.rules.replace("a.yml", ruleNamed("b"));
  await noticed(it);
  await it.clock.advance(settle);
  await expect.poll(() => it.told.slice(1), soon).toEqual(["b"]);
});

it("reports several files that change together once", async () => {
  await using it = await watching();
  await it.rules.write("b.yml", ruleNamed("b"));
  await it.rules.write("c.yml", ruleNamed("c"));
  await it.rules.remove("a.yml");
  await noticed(it);
  await it.clock.advance(settle);
  await expect.poll(() => it.told, soon).toEqual(["b c"]);
});

it("reports nothing when a file is only touched", async () => {
  await using it = await watching();
  await utimes(join(it.rules.path, "a.yml"), 1, 1);
  await noticed(it);
  await it.clock.advance(settle);
  // A reload stands in the same line, so that the look before it is over.
  await it.watch.reload();
  expect(it.told).toEqual(["a"]);
});

it("finds by itself what changed without a sign, such as a folder that was replaced as a whole", async () => {
  await using it = await watching();
  await using other = await folder({ "z.yml": ruleNamed("z") });
  await rm(it.rules.path, { recursive: true });
  await rename(other.path, it.rules.path);
  await it.clock.advance(poll);
  await expect.poll(() => it.told, soon).toEqual(["z"]);
  // The watch has moved to the new folder.
  await vi.waitFor(() => expect(it.clock.sleepers()).toBe(1));
  await it.rules.replace("z.yml", ruleNamed("y"));
  await noticed(it);
  await it.clock.advance(settle);
  await expect.poll(() => it.told, soon).toEqual(["z", "y"]);
});

it("reads again when it is asked to, changed or not", async () => {
  await using it = await watching();
  await it.watch.reload();
  await it.watch.reload();
  expect(it.told).toEqual(["a", "a"]);
});

it("reports again at the next look what could not be put in force", async () => {
  await using it = await watching();
  it.failNext(1);
  await it.rules.replace("a.yml", ruleNamed("b"));
  await it.watch.reload();
  expect(it.told).toEqual([]);
  await it.clock.advance(poll);
  await expect.poll(() => it.told, soon).toEqual(["b"]);
});

it("is silent once it has ended", async () => {
  const it = await watching();
  await it[Symbol.asyncDispose]();
  await it.watch.reload();
  expect(it.told).toEqual([]);
  expect(it.clock.sleepers()).toBe(0);
});
