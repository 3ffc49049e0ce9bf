import { execFile } from "node:child_process";
import {
  access,
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  realpath,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { requireBinary } from "./binaries.ts";

/*
 * Images of real servers without any registry: a binary of this machine, the libraries it is linked to, busybox.
 * `host` is the engine's, as in DOCKER_HOST.
 */

const run = promisify(execFile);
const project = join(import.meta.dirname, "../..");

type Image = {
  readonly tag: string;
  /** Binaries by where they lie in the image. */
  readonly binaries: Readonly<Record<string, string>>;
  /** As in a Dockerfile. */
  readonly changes: readonly string[];
  readonly fill?: (root: string) => Promise<void>;
};

/** A directory that a new volume takes over, and that a server running as nobody may write to. */
async function openTo(everybody: string): Promise<void> {
  await mkdir(everybody, { recursive: true });
  await chmod(everybody, 0o777);
}

/** Debian's Prometheus, Alertmanager and HAProxy as the images that stack.yml expects, under tags of the lab. */
export async function importServers(host: string): Promise<void> {
  await importImage(host, {
    tag: "lab/prometheus:1",
    binaries: { "/bin/prometheus": requireBinary("prometheus") },
    changes: ['ENTRYPOINT ["/bin/prometheus"]', "USER 65534"],
    fill: (root) => openTo(join(root, "prometheus")),
  });
  await importImage(host, {
    tag: "lab/alertmanager:1",
    binaries: { "/bin/alertmanager": requireBinary("prometheus-alertmanager") },
    changes: ['ENTRYPOINT ["/bin/alertmanager"]', "USER 65534"],
    fill: async (root) => {
      await openTo(join(root, "alertmanager"));
      // Debian's reads its templates from files where others have them inside.
      await cp(templates, join(root, templates), { recursive: true });
    },
  });
  await importImage(host, {
    tag: "lab/haproxy:1",
    binaries: { "/bin/haproxy": requireBinary("haproxy") },
    changes: ["CMD haproxy"],
  });
}

const templates = "/usr/share/prometheus/alertmanager";

/** A program of the tests as an image: the first of the files under test/, with the others and packages that they import. */
const importTask = (
  host: string,
  { tag, files, packages = [] }: { tag: string; files: readonly string[]; packages?: readonly string[] },
): Promise<void> =>
  importImage(host, {
    tag,
    binaries: { "/usr/local/bin/node": process.execPath },
    changes: [`CMD ["node", "/app/${files[0]}"]`, "ENV PATH=/usr/local/bin:/bin"],
    fill: async (root) => {
      for (const path of files) {
        await mkdir(join(root, "app", dirname(path)), { recursive: true });
        await copyFile(join(project, "test", path), join(root, "app", path));
      }
      for (const name of packages) {
        const path = join("node_modules", name);
        await cp(join(project, path), join(root, "app", path), { recursive: true });
      }
      await writeFile(join(root, "app/package.json"), '{"type":"module"}');
    },
  });

export const importShop = (host: string): Promise<void> =>
  importTask(host, { tag: "lab/shop:1", files: ["lab/shop-task.ts", "lab/shop.ts"] });

export const importSlack = (host: string): Promise<void> =>
  importTask(host, {
    tag: "lab/slack:1",
    files: ["lab/slack-task.ts", "stand-ins/slack.ts", "stand-ins/slack-blocks.ts"],
    packages: ["zod"],
  });

/**
 * Builds Homeostat's own image from the Dockerfile, with the classic builder and without any network: the base has
 * npm and, where the Dockerfile's npm looks for its cache, the packages of the lock file.
 */
export async function buildHomeostat(host: string, tag: string): Promise<void> {
  await importImage(host, {
    tag: "lab/node:26",
    binaries: { "/usr/local/bin/node": process.execPath },
    changes: ["ENV PATH=/usr/local/bin:/usr/bin:/bin", "ENV npm_config_offline=true"],
    fill: async (root) => {
      const { stdout } = await run("npm", ["root", "--global"]);
      await cp(join(stdout.trim(), "npm"), join(root, "usr/local/lib/node_modules/npm"), {
        recursive: true,
      });
      await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
      await fillCache(join(root, "tmp/npm"));
    },
  });
  const build = ["build", "--network=none", "--build-arg=BASE=lab/node:26", `--tag=${tag}`, project];
  await run(requireBinary("docker"), ["--host", host, ...build], {
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
    maxBuffer: 1e8,
  });
}

async function fillCache(cache: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "homeostat-cache-"));
  try {
    for (const name of ["package.json", "package-lock.json", ".npmrc"])
      await copyFile(join(project, name), join(directory, name));
    const options = [
      "--omit=dev",
      "--omit=optional",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      `--cache=${cache}`,
    ];
    await run("npm", ["ci", ...options], { cwd: directory });
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function importImage(host: string, image: Image): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "homeostat-image-"));
  try {
    const root = join(directory, "rootfs");
    for (const path of ["bin", "etc", "tmp", "usr/bin"]) await mkdir(join(root, path), { recursive: true });
    await chmod(join(root, "tmp"), 0o777);
    await copyFile(requireBinary("busybox"), join(root, "bin/busybox"));
    for (const name of ["sh", "cat", "chown", "ls", "mkdir", "rm", "sleep", "wget"])
      await symlink("busybox", join(root, "bin", name));
    await symlink("/bin/busybox", join(root, "usr/bin/env"));
    for (const [path, binary] of Object.entries(image.binaries)) await copyBinary(binary, root, path);
    await image.fill?.(root);
    const archive = join(directory, "rootfs.tar");
    await run("tar", ["-C", root, "--owner=0", "--group=0", "-c", "-f", archive, "."]);
    const changes = image.changes.flatMap((change) => ["--change", change]);
    await run(requireBinary("docker"), ["--host", host, "import", ...changes, archive, image.tag]);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function copyBinary(binary: string, root: string, path: string): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await copyFile(await realpath(binary), join(root, path));
  const { stdout } = await run("ldd", [binary]);
  const linked = stdout.split("\n").flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  // The C library loads these by name when it looks up hosts, so that no binary is linked to them.
  const libc = linked.find((library) => basename(library) === "libc.so.6");
  const resolvers =
    libc === undefined
      ? []
      : ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"].map((name) => join(dirname(libc), name));
  for (const library of [...linked, ...resolvers]) {
    const there = await access(library).then(
      () => true,
      () => false,
    );
    if (!there) continue;
    await mkdir(join(root, dirname(library)), { recursive: true });
    await copyFile(await realpath(library), join(root, library));
  }
}
