import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { describeReal, requireBinary, type Binary } from "../lab/binaries.ts";

const here = join(import.meta.dirname, "../../alertmanager");

/** What the tool says; rejects, with that, unless it exits 0. */
async function run(binary: Binary, ...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(requireBinary(binary), options, {
    cwd: here,
  });
  return stdout;
}

describeReal("the shipped configuration", ["promtool", "amtool"], () => {
  it("has alert rules that promtool accepts", async () => {
    expect(await run("promtool", "check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")).toContain(
      "SUCCESS",
    );
  });

  it("has alert rules that fire, and stay silent, as their tests say", async () => {
    expect(await run("promtool", "test", "rules", "alerts.test.yml")).toContain("SUCCESS");
  });

  it("has tests that notice: without the guards against missing data one of them fails", async () => {
    const directory = await mkdtemp(join(tmpdir(), "homeostat-"));
    try {
      const rules = await readFile(join(here, "alerts.yml"), "utf8");
      await writeFile(join(directory, "alerts.yml"), rules.replaceAll(/^ +and count_over_time.*$/gm, ""));
      await writeFile(join(directory, "alerts.test.yml"), await readFile(join(here, "alerts.test.yml")));
      const outcome = run("promtool", "test", "rules", join(directory, "alerts.test.yml"));
      await expect(outcome).rejects.toMatchObject({
        stderr: expect.stringContaining("Prometheus comes back after ten minutes"),
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("has a Prometheus configuration that promtool accepts", async () => {
    // Syntax alone: the rule file lies elsewhere in the stack.
    expect(await run("promtool", "check", "config", "--syntax-only", "prometheus.yml")).toContain("SUCCESS");
  });

  it("has an Alertmanager configuration that amtool accepts", async () => {
    expect(await run("amtool", "check-config", "alertmanager.yml")).toContain("SUCCESS");
  });

  it.each([
    ["SlowResponses", "homeostat"],
    ["SomethingNobodyKnows", "homeostat"],
    ["Watchdog", "homeostat"],
    ["HomeostatDown", "people"],
  ])("routes %s to %s", async (alertname, receiver) => {
    const said = await run(
      "amtool",
      "config",
      "routes",
      "test",
      "--config.file=alertmanager.yml",
      `alertname=${alertname}`,
      "service=shop_web",
    );
    expect(said.trim()).toBe(receiver);
  });
});
