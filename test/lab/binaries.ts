import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";

/** Where Debian has the servers that the real tests talk to. */
const packages = {
  amtool: "prometheus-alertmanager",
  busybox: "busybox-static",
  docker: "docker.io",
  dockerd: "docker.io",
  haproxy: "haproxy",
  ip: "iproute2",
  iptables: "iptables",
  openssl: "openssl",
  prometheus: "prometheus",
  "prometheus-alertmanager": "prometheus-alertmanager",
  promtool: "prometheus",
} as const;

export type Binary = keyof typeof packages;

function find(name: Binary): string | undefined {
  // Debian's first: its docker is the client that matches its dockerd; and sbin is not on everybody's PATH.
  const directories = ["/usr/bin", "/usr/sbin", ...(process.env["PATH"] ?? "").split(delimiter)];
  return directories
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The path of a server's binary; throws with what to install. */
export function requireBinary(name: Binary): string {
  const path = find(name);
  if (path === undefined) throw new Error(`${name} is missing: apt-get install ${packages[name]}`);
  return path;
}

/** A suite that needs binaries: skipped with what to install where they are missing, failed instead in CI. */
export function describeReal(title: string, binaries: readonly Binary[], suite: () => void): void {
  const lacking = binaries.filter((name) => find(name) === undefined);
  const install = [...new Set(lacking.map((name) => packages[name]))].join(" ");
  const message = `missing ${lacking.join(", ")}: apt-get install ${install}`;
  if (lacking.length > 0 && process.env["CI"] === "true") throw new Error(`${title}: ${message}`);
  const orSkipped = lacking.length === 0 ? describe : describe.skip;
  orSkipped(lacking.length === 0 ? title : `${title} (${message})`, suite);
}
