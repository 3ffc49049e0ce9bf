import { describe, expect, test } from "vitest";
import { Fault } from "../../src/core/reason.ts";
import type { Step } from "../../src/core/step.ts";
import { noon, service } from "./fake-controller.ts";
import { running, type Running } from "./running.ts";

const scrape = async (server: Running): Promise<string> => (await fetch(`${server.url}/metrics`)).text();

describe("steps are counted", () => {
  test.each<[Step, string]>([
    [
      { kind: "received", accepted: 9, duplicates: 1 },
      'homeostat_alerts_received_total{outcome="accepted"} 9',
    ],
    [
      { kind: "received", accepted: 9, duplicates: 1 },
      'homeostat_alerts_received_total{outcome="duplicate"} 1',
    ],
    [{ kind: "refused", code: "BacklogFull" }, 'homeostat_notifications_refused_total{code="BacklogFull"} 1'],
    [
      { kind: "decided", decision: "hold", code: "CooldownActive", rule: "scale-out" },
      'homeostat_decisions_total{decision="hold",code="CooldownActive",rule="scale-out"} 1',
    ],
    [
      { kind: "acted", action: "scale-service", result: "applied", ms: 7 },
      'homeostat_actions_total{action="scale-service",result="applied"} 1',
    ],
    [
      { kind: "acted", action: "scale-service", result: "applied", ms: 7 },
      'homeostat_action_duration_seconds_bucket{le="0.01",action="scale-service"} 1',
    ],
    [{ kind: "verified", result: "failed", ms: 120_000 }, 'homeostat_verifications_total{result="failed"} 1'],
    [{ kind: "escalated", why: "NotConverged" }, 'homeostat_escalations_total{why="NotConverged"} 1'],
    [{ kind: "delivered", result: "posted" }, 'homeostat_messages_total{result="posted"} 1'],
    [{ kind: "reloaded", ok: false }, "homeostat_catalog_last_reload_successful 0"],
    [{ kind: "reloaded", ok: true }, 'homeostat_catalog_reloads_total{result="loaded"} 1'],
  ])("%j", async (step, line) => {
    await using server = await running();
    server.metrics.observe(step);
    expect((await scrape(server)).split("\n")).toContain(line);
  });

  test("rules beyond the bound are lumped together", async () => {
    await using server = await running();
    for (let rule = 0; rule < 2_000; rule++) {
      server.metrics.observe({
        kind: "decided",
        decision: "act",
        code: "Act",
        rule: `rule-${rule}`,
      });
    }
    const lines = (await scrape(server))
      .split("\n")
      .filter((line) => line.startsWith("homeostat_decisions_total{"));
    expect(lines).toHaveLength(501);
    expect(lines.at(-1)).toBe('homeostat_decisions_total{decision="act",code="Act",rule="other"} 1500');
  });
});

describe("a scrape", () => {
  test("shows services and state as they are now", async () => {
    await using server = await running();
    const lines = (await scrape(server)).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "homeostat_cluster_up 1",
        'homeostat_service_replicas_desired{service="shop_web"} 3',
        'homeostat_service_replicas_running{service="shop_web"} 2',
        'homeostat_service_failed_tasks{service="shop_web"} 1',
        `homeostat_service_updated_timestamp_seconds{service="shop_web"} ${noon / 1000 - 60}`,
        "homeostat_backlog_notifications 4",
        'homeostat_episodes{state="handed_over"} 1',
        'homeostat_escalations{state="undelivered"} 1',
        'homeostat_check_ok{check="store"} 1',
        'homeostat_build_info{version="0.1.0"} 1',
      ]),
    );
  });

  test("everything is named homeostat_", async () => {
    await using server = await running();
    const names = (await scrape(server)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(names.filter((line) => !line.startsWith("homeostat_"))).toEqual([]);
  });

  test.each([
    ["refuses", new Fault("unavailable", "no answer")],
    ["never answers", "hang"],
  ] as const)(
    "while the cluster %s leaves its services out, and says that it is down",
    async (_name, how) => {
      await using server = await running();
      await scrape(server);
      server.controller.failNext("services", how);
      const text = await scrape(server);
      expect(text).toContain("\nhomeostat_cluster_up 0\n");
      expect(text).not.toMatch(/^homeostat_service_/m);
      expect(text).toContain("\nhomeostat_backlog_notifications 4\n");
    },
  );

  test("while the status is not to be had leaves that out instead of reporting zeros", async () => {
    await using server = await running();
    server.controller.failNext("status", new Error("bug"));
    const text = await scrape(server);
    expect(text).not.toMatch(/^homeostat_(backlog|dry_run|pauses|catalog_rules|episodes)/m);
    expect(text).toContain('homeostat_service_replicas_desired{service="shop_web"} 3');
  });

  test("a removed service disappears", async () => {
    await using server = await running();
    await scrape(server);
    server.controller.servicesThere = [service("shop_api")];
    const text = await scrape(server);
    expect(text).not.toContain("shop_web");
    expect(text).toContain('service="shop_api"');
  });
});
