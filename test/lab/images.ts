import { execFile } from "node:child_process";
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { requireBinary } from "./binaries.ts";

const run = promisify(execFile);

const applets = ["sh", "sleep", "test", "touch", "false", "cat", "echo", "wget", "httpd", "id"];

/** Ends at once when told to: as process 1, a bare `sleep` would not hear a polite signal. */
const idling = (first = ""): string =>
  `CMD ["/bin/sh", "-c", "trap 'exit 143' TERM; ${first} sleep 1000000 & wait"]`;

/** Images of the lab, made of busybox without any registry. `2` is another version that does the same. */
const images: Readonly<Record<string, readonly string[]>> = {
  "lab/idle:1": [idling()],
  "lab/idle:2": [idling(), "LABEL version=2"],
  /** Its real health check succeeds half a second after the start. */
  "lab/healthy:1": [
    idling("sleep 0.5; touch /healthy;"),
    "HEALTHCHECK --interval=300ms --timeout=2s --retries=20 CMD test -f /healthy",
  ],
  /** Runs and never becomes healthy. */
  "lab/sick:1": [idling(), "HEALTHCHECK --interval=300ms --timeout=2s --retries=2 CMD false"],
  /** Ends with code 3 as soon as it starts. */
  "lab/crash:1": ['CMD ["/bin/sh", "-c", "echo it does not work >&2; exit 3"]'],
};

/** Imports all of them into the engine at `host`. */
export async function importImages(host: string, directory: string): Promise<void> {
  const root = join(directory, "rootfs");
  const bin = join(root, "bin");
  await Promise.all([bin, join(root, "tmp")].map((path) => mkdir(path, { recursive: true })));
  await copyFile(requireBinary("busybox"), join(bin, "busybox"));
  await Promise.all(applets.map((name) => symlink("busybox", join(bin, name))));
  const archive = join(directory, "rootfs.tar");
  await run("tar", ["-C", root, "-c", "-f", archive, "."]);
  for (const [image, changes] of Object.entries(images)) {
    const options = changes.flatMap((change) => ["--change", change]);
    await run(requireBinary("docker"), ["--host", host, "import", ...options, archive, image]);
  }
}
