import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { formatFault } from "../../src/catalog/fault-text.ts";
import { loadCatalog, type LoadResult } from "../../src/catalog/load.ts";
import { folder, ruleNamed, type Folder } from "./folder.ts";

const told = (loaded: LoadResult, { path }: { readonly path: string }): readonly string[] =>
  loaded.kind === "loaded"
    ? loaded.catalog.rules.map(({ name }) => name)
    : loaded.faults.map((fault) => formatFault(fault).replace(path, "rules"));

it("reads the files in name order, and leaves tests, hidden files and other files alone", async () => {
  await using rules = await folder({
    "20-b.yaml": ruleNamed("b"),
    "10-a.yml": ruleNamed("a"),
    "30-c.yml": ruleNamed("c"),
    "30-c.test.yml": "tests: []",
    "30-c.test.yaml": "tests: []",
    ".#10-a.yml": "a lock file",
    "10-a.yml~": "a backup",
    "README.md": "# Rules",
  });
  const loaded = await loadCatalog(rules.path);
  expect(told(loaded, rules)).toEqual(["a", "b", "c"]);
});

it("follows the symbolic links that mounted configs are made of", async () => {
  await using rules = await folder();
  await mkdir(join(rules.path, "..data"));
  await rules.write("..data/a.yml", ruleNamed("a"));
  await symlink(join("..data", "a.yml"), join(rules.path, "a.yml"));
  expect(told(await loadCatalog(rules.path), rules)).toEqual(["a"]);
});

const bad: {
  readonly what: string;
  readonly make: (rules: Folder) => Promise<unknown>;
  readonly faults: readonly string[];
}[] = [
  {
    what: "no folder",
    make: async (rules) => rules[Symbol.asyncDispose](),
    faults: ["rules:1:1: there is no such folder (expected a folder with rule files)"],
  },
  {
    what: "a folder without rules",
    make: (rules) => rules.write("README.md", "none yet"),
    faults: ["rules:1:1: the folder has no rule files (expected at least one *.yml or *.yaml)"],
  },
  {
    what: "a file that is no text",
    make: (rules) => rules.write("a.yml", Uint8Array.of(0x72, 0xff, 0xfe)),
    faults: ["rules/a.yml:1:1: the file is no valid UTF-8 (expected text in UTF-8)"],
  },
  {
    what: "a device that is named like a file",
    make: (rules) => symlink("/dev/zero", join(rules.path, "a.yml")),
    faults: ["rules/a.yml:1:1: it is no file (expected a file)"],
  },
  {
    what: "a link that leads nowhere",
    make: (rules) => symlink("gone", join(rules.path, "a.yml")),
    faults: ["rules/a.yml:1:1: the file cannot be read (ENOENT) (expected a readable file)"],
  },
  {
    what: "a file that is larger than any catalog",
    make: (rules) => rules.write("a.yml", "#".repeat(4 * 1024 * 1024 + 1)),
    faults: ["rules/a.yml:1:1: the file has 4194305 bytes (expected at most 4194304 bytes)"],
  },
];

it.each(bad)("says what is wrong with $what", async ({ make, faults }) => {
  await using rules = await folder();
  await make(rules);
  const loaded = await loadCatalog(rules.path);
  expect(loaded.kind).toBe("refused");
  expect(told(loaded, rules)).toEqual(faults);
});

it("tells the faults of all files at once, those of reading first", async () => {
  await using rules = await folder({
    "a.yml": "rules: 5\n",
    "b.yml": ruleNamed("good"),
    "c.yml": `${ruleNamed("good")}    whne: true\n`,
  });
  await symlink("gone", join(rules.path, "d.yml"));
  const loaded = await loadCatalog(rules.path);
  const places = told(loaded, rules).map((line) => line.split(": ")[0]);
  expect(places).toEqual(["rules/d.yml:1:1", "rules/a.yml:1:8", "rules/c.yml:2:11", "rules/c.yml:5:5"]);
});

it("has the same hash for the same content, and another one for any other", async () => {
  await using rules = await folder({ "a.yml": ruleNamed("a"), "b.yml": ruleNamed("b") });
  const before = await loadCatalog(rules.path);
  await rules.write("a.yml", ruleNamed("a"));
  expect((await loadCatalog(rules.path)).hash).toBe(before.hash);
  await rules.write("a.yml", ruleNamed("aa"));
  const changed = await loadCatalog(rules.path);
  await rules.remove("a.yml");
  const removed = await loadCatalog(rules.path);
  expect(new Set([before, changed, removed].map(({ hash }) => hash)).size).toBe(3);
});
