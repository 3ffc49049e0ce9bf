import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of rule files, removed at the end of the test that uses it. */
export type Folder = AsyncDisposable & {
  readonly path: string;
  /** Writes a file in place. */
  write(name: string, text: string | Uint8Array): Promise<void>;
  /** Writes a file beside and renames it over, as careful editors and deploys do. */
  replace(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
};

export async function folder(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "homeostat-rules-"));
  const made: Folder = {
    path,
    write: (name, text) => writeFile(join(path, name), text),
    async replace(name, text) {
      const beside = `${path}.${name}.new`;
      await writeFile(beside, text);
      await rename(beside, join(path, name));
    },
    remove: (name) => rm(join(path, name)),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
  for (const [name, text] of Object.entries(files)) await made.write(name, text);
  return made;
}

/** A file with one good rule of this name. */
export const ruleNamed = (name: string): string =>
  `rules:\n  - name: ${name}\n    match: ['alertname="${name}"']\n    do: [{ action: ignore }]\n`;
