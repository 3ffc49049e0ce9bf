import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireBinary } from "./binaries.ts";
import { startProgram, type Program } from "./program.ts";

/** Addresses are `host:port`; the scheme is http. */
type Scrape = {
  readonly job: string;
  readonly targets: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
};

/**
 * Starts a real Prometheus at its fastest: it scrapes and evaluates each second and sends alerts again each second.
 * `rules` are texts of rule files; `alertmanagers` are URLs.
 */
export function startPrometheus(options: {
  scrape?: readonly Scrape[];
  rules?: readonly string[];
  alertmanagers?: readonly string[];
}): Promise<Program> {
  return startProgram({
    binary: requireBinary("prometheus"),
    ready: "/-/ready",
    arguments: async (directory) => {
      await mkdir(join(directory, "rules"));
      for (const [index, text] of (options.rules ?? []).entries()) {
        await writeFile(join(directory, "rules", `${index}.yml`), text);
      }
      // JSON is YAML.
      await writeFile(join(directory, "prometheus.yml"), JSON.stringify(configuration(options)));
      return [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--web.listen-address=127.0.0.1:0",
        "--web.enable-lifecycle",
        "--rules.alert.resend-delay=1s",
      ];
    },
  });
}

const configuration = (options: Parameters<typeof startPrometheus>[0]) => ({
  global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
  rule_files: ["rules/*.yml"],
  scrape_configs: (options.scrape ?? []).map(({ job, targets, labels }) => ({
    job_name: job,
    static_configs: [{ targets, labels: labels ?? {} }],
  })),
  alerting: {
    alertmanagers: [
      {
        static_configs: [{ targets: (options.alertmanagers ?? []).map((url) => new URL(url).host) }],
      },
    ],
  },
});
