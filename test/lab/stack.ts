import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { requireBinary } from "./binaries.ts";
import type { Lab } from "./dockerd.ts";

const project = join(import.meta.dirname, "../..");

/** Seconds, minutes, hours and days of the configurations; 15 s becomes 1 s, so that counts of evaluations still fit. */
const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A text of configuration with every duration divided by 15, at least a second. */
const hastened = (text: string): string =>
  text.replaceAll(
    /(?<=[\s[{(]|^)(\d+)([smhd])(?=[\s\])},]|$)/gm,
    (_, count: string, unit: string) =>
      `${Math.max(1, Math.round((Number(count) * (units[unit] ?? 1)) / 15))}s`,
  );

export type Stack = {
  /** Sets how much is asked of the shop, in requests a second. */
  load(rate: number): Promise<void>;
  /** Runs a command in a running task of a service of the stack; resolves with what it printed. */
  inside(service: string, ...command: string[]): Promise<string>;
};

/** Deploys stack.yml as `homeostat`, with the lab's override, into an engine that has the images. */
export async function deployStack(lab: Lab, image: string): Promise<Stack> {
  const configs = join(lab.directory, "configs");
  const loads = join(lab.directory, "load");
  await Promise.all([configs, loads].map((path) => mkdir(path)));
  const load = (rate: number) => writeFile(join(loads, "rate"), String(rate));
  await load(0);
  for (const path of [
    "alertmanager/prometheus.yml",
    "alertmanager/alerts.yml",
    "alertmanager/alertmanager.yml",
    "rules/10-scaling.yml",
    "rules/20-failing.yml",
  ]) {
    const text = await readFile(join(project, path), "utf8");
    await writeFile(join(configs, path.slice(path.indexOf("/") + 1)), hastened(text));
  }
  for (const secret of ["webhook_token", "admin_token", "slack_bot_token"]) {
    await lab.docker.createSecret({
      Name: `homeostat_${secret}`,
      Data: Buffer.from(`lab-${secret}`).toString("base64"),
    });
  }
  const [node] = await lab.docker.listNodes();
  await lab.client("node", "update", "--label-add", "homeostat.data=yes", node?.ID ?? "");
  const files = ["stack.yml", "test/lab/stack.override.yml"].map(
    (file) => `--compose-file=${join(project, file)}`,
  );
  await promisify(execFile)(
    requireBinary("docker"),
    ["--host", lab.host, "stack", "deploy", "--resolve-image=never", ...files, "homeostat"],
    {
      env: {
        ...process.env,
        HOMEOSTAT_IMAGE: image,
        LAB_CONFIGS: configs,
        LAB_LOAD: loads,
        DOCKER_SOCKET: lab.host.replace("unix://", ""),
      },
    },
  );
  return {
    load,
    async inside(service, ...command) {
      const label = `com.docker.swarm.service.name=homeostat_${service}`;
      const [container] = await lab.docker.listContainers({
        filters: { label: [label], status: ["running"] },
      });
      if (container === undefined) throw new Error(`no task of ${service} runs`);
      return lab.client("exec", container.Id, ...command);
    },
  };
}
