import { copyFile, open, readFile, readdir, rename, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { filled, inFolder, readAll } from "./file.ts";

describe("a file that is no whole store", () => {
  let path: string;
  let folder: string;
  let remove: () => Promise<void>;
  beforeEach(async () => ({ path, folder, remove } = await inFolder()));
  afterEach(() => remove());

  const damages: [name: string, damage: () => Promise<void>, message: RegExp][] = [
    [
      "an empty file",
      () => truncate(path, 0),
      /no Homeostat store, or a damaged one \(0 bytes\); see docs\/operations\.md#a-damaged-store/,
    ],
    [
      "a file that is something else",
      () => writeFile(path, "a letter to my aunt ".repeat(100)),
      /no Homeostat store/,
    ],
    [
      "a file cut in the middle",
      async () => truncate(path, Math.floor((await readFile(path)).length / 8192) * 4096 - 100),
      /damaged/,
    ],
    [
      "a schema page full of noise",
      async () => {
        const file = await open(path, "r+");
        await file.write(Buffer.alloc(3000, 0xaa), 0, 3000, 100);
        await file.close();
      },
      /damaged|refused|store/,
    ],
  ];
  it.each(damages)("is not taken for a new one: %s", async (_name, damage, message) => {
    await filled(path, 300);
    await damage();
    await expect(readAll(path)).rejects.toThrow(message);
  });
  it("is refused when another program's SQLite file is in its place", async () => {
    const foreign = join(folder, "foreign.db");
    const database = new DatabaseSync(foreign);
    database.exec("CREATE TABLE t (a); PRAGMA application_id = 42");
    database.close();
    await expect(openStore(foreign)).rejects.toThrow(/SQLite file of something else/);
  });

  it("is refused when a newer Homeostat wrote it", async () => {
    await filled(path, 100);
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    await expect(openStore(path)).rejects.toThrow(/newer Homeostat \(schema 99, this one knows 1\)/);
  });

  it("is refused when a folder is in its place", async () => {
    await expect(openStore(folder)).rejects.toMatchObject({ name: "Fault" });
  });

  it("is not made anew while the log of a missing one lies there", async () => {
    const store = await openStore(path);
    await store.commit({ put: [{ key: "a", value: 1 }] });
    await copyFile(`${path}-wal`, `${path}-kept`);
    await store.close();
    await rename(path, `${path}.aside`);
    await rename(`${path}-kept`, `${path}-wal`);
    await expect(openStore(path)).rejects.toThrow(/is missing, but .*-wal holds a part of it/);
    expect(await readdir(dirname(path))).toEqual(["homeostat.db-wal", "homeostat.db.aside"]);
  });

  it.runIf(process.platform === "linux")(
    "says which file it could not make, where nothing can be written",
    async () => {
      // /proc takes no files, not even from root.
      await expect(openStore("/proc/homeostat.db")).rejects.toThrow(
        /The store \/proc\/homeostat\.db cannot be made/,
      );
    },
  );
});
