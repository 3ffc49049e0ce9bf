import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { Controller } from "../core/controller.ts";
import type { Step } from "../core/step.ts";
import { createGauges } from "./gauges.ts";

/** Values of a label that the outside can influence are counted up to a number, and lumped together after it. */
const mostRules = 500;
const mostCodes = 200;

export type Metrics = {
  readonly registry: Registry;
  /** Counts a step of the way through; never throws, never waits. */
  observe(step: Step): void;
  /** Counts an answer of the webhook by its status code. */
  answered(status: number): void;
  /** The text of a scrape. What the cluster does not tell in time is left out, never reported as zero. */
  scrape(source: Pick<Controller, "status" | "services">): Promise<string>;
};

export function createMetrics(): Metrics {
  const registry = new Registry();
  // The defaults sample the event loop 100 times a second, which keeps an idle process from idling.
  collectDefaultMetrics({
    register: registry,
    prefix: "homeostat_",
    eventLoopMonitoringPrecision: 100,
    eventLoopUtilizationTimeout: 10_000,
  });
  const counter = <Label extends string>(
    name: string,
    help: string,
    ...labelNames: Label[]
  ): Counter<Label> => new Counter({ name: `homeostat_${name}`, help, labelNames, registers: [registry] });
  const seconds = <Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: Label[]
  ): Histogram<Label> =>
    new Histogram({
      name: `homeostat_${name}_seconds`,
      help,
      buckets,
      labelNames,
      registers: [registry],
    });

  const requests = counter("webhook_requests_total", "Answers of POST /webhooks/alertmanager", "status");
  const alerts = counter(
    "alerts_received_total",
    "Alerts of notifications that were made durable",
    "outcome",
  );
  const refused = counter(
    "notifications_refused_total",
    "Notifications that could not be made durable",
    "code",
  );
  const decisions = counter(
    "decisions_total",
    "Decisions, with the code of their reason",
    "decision",
    "code",
    "rule",
  );
  const actions = counter("actions_total", "Actions by what became of them", "action", "result");
  const acting = seconds(
    "action_duration",
    "Time from the decision to the answer of what was changed",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    "action",
  );
  const verifications = counter("verifications_total", "Judgements of actions", "result");
  const verifying = seconds(
    "verification_duration",
    "Time from an action to its judgement",
    [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
    "result",
  );
  const escalations = counter(
    "escalations_total",
    "Times that a person was asked, by the code of why",
    "why",
  );
  const messages = counter("messages_total", "Messages to people", "result");
  const reloads = counter("catalog_reloads_total", "Loads of the rule files", "result");
  const loaded = new Gauge({
    name: "homeostat_catalog_last_reload_successful",
    help: "1 when the rule files on disk are the rules in force",
    registers: [registry],
  });
  // Nothing is served without a good catalog.
  loaded.set(1);

  const ruleLabel = bounded(mostRules);
  const codeLabel = bounded(mostCodes);
  const gauges = createGauges(registry);

  return {
    registry,
    observe(step) {
      switch (step.kind) {
        case "received":
          alerts.inc({ outcome: "accepted" }, step.accepted);
          alerts.inc({ outcome: "duplicate" }, step.duplicates);
          return;
        case "refused":
          refused.inc({ code: codeLabel(step.code) });
          return;
        case "decided":
          decisions.inc({
            decision: step.decision,
            code: codeLabel(step.code),
            rule: ruleLabel(step.rule),
          });
          return;
        case "acted":
          actions.inc({ action: step.action, result: step.result });
          acting.observe({ action: step.action }, step.ms / 1000);
          return;
        case "verified":
          verifications.inc({ result: step.result });
          verifying.observe({ result: step.result }, step.ms / 1000);
          return;
        case "escalated":
          escalations.inc({ why: codeLabel(step.why) });
          return;
        case "delivered":
          messages.inc({ result: step.result });
          return;
        case "reloaded":
          reloads.inc({ result: step.ok ? "loaded" : "refused" });
          loaded.set(step.ok ? 1 : 0);
          return;
        default:
          step satisfies never;
      }
    },
    answered(status) {
      requests.inc({ status: String(status) });
    },
    async scrape(source) {
      await gauges.collect(source);
      return registry.metrics();
    },
  };
}

/** The first `most` different values as they are, later ones as `other`. */
function bounded(most: number): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= most) return "other";
    seen.add(value);
    return value;
  };
}
