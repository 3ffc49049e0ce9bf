import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNotification } from "../../src/core/alert.ts";
import { conditions } from "../../src/sandbox/conditions.ts";
import { fingerprint } from "../../src/sandbox/fingerprint.ts";
import { notificationOf } from "../../src/sandbox/payload.ts";

/** What Alertmanager 0.25.0 sent to a webhook. */
const real = {
  labels: {
    alertname: "AlwaysOn",
    cluster: "test",
    instance: "127.0.0.1:19099",
    job: "fake",
    service: "web",
    severity: "critical",
  },
  annotations: {
    runbook_url: "http://example.invalid/rb",
    summary: "gauge is 9 on 127.0.0.1:19099",
  },
  expression: 'test_gauge{job="fake"} > 5',
  startsAt: Date.parse("2026-11-21T09:12:22.119Z"),
};
const url = "http://monitor:19093";

describe("a fingerprint", () => {
  it.each([
    ["six labels, as Alertmanager 0.25.0 has it", real.labels, "4b888d7e74b10b0b"],
    [
      "three labels, as Alertmanager 0.25.0 has it",
      { alertname: "Vector1", cluster: "test", severity: "info" },
      "fa43725e1b189e3d",
    ],
    ["no labels: the hash's own start", {}, "cbf29ce484222325"],
  ])("of %s", (_name, labels, wanted) => expect(fingerprint(labels)).toBe(wanted));

  it("does not depend on the order in which labels were written down", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (labels) => {
        const turned = Object.fromEntries(Object.entries(labels).reverse());
        expect(fingerprint(turned)).toBe(fingerprint(labels));
      }),
    );
  });

  it("tells names from values", () => expect(fingerprint({ ab: "c" })).not.toBe(fingerprint({ a: "bc" })));
});

describe("a notification", () => {
  it("is what Alertmanager would have sent", () => {
    expect(notificationOf({ ...real, endsAt: null }, url)).toMatchObject({
      version: "4",
      status: "firing",
      groupKey: '{}:{alertname="AlwaysOn", service="web"}',
      groupLabels: { alertname: "AlwaysOn", service: "web" },
      commonLabels: real.labels,
      commonAnnotations: real.annotations,
      truncatedAlerts: 0,
      alerts: [
        {
          status: "firing",
          startsAt: "2026-11-21T09:12:22.119Z",
          endsAt: "0001-01-01T00:00:00Z",
          fingerprint: "4b888d7e74b10b0b",
        },
      ],
    });
  });

  it("of an alert that is over keeps its start and says when it ended", () => {
    const ended = notificationOf({ ...real, endsAt: Date.parse("2026-11-21T09:12:30.119Z") }, url);
    expect(ended.status).toBe("resolved");
    expect(ended.alerts[0]).toMatchObject({
      status: "resolved",
      startsAt: "2026-11-21T09:12:22.119Z",
      endsAt: "2026-11-21T09:12:30.119Z",
    });
  });

  it.each(conditions.map((condition) => [condition.labels["alertname"], condition] as const))(
    "of %s is accepted by Homeostat's own reader, and every link is a URL",
    (_name, { labels, expression, annotations }) => {
      const firing = {
        labels,
        expression,
        annotations: annotations(6),
        startsAt: real.startsAt,
        endsAt: null,
      };
      const sent = notificationOf(firing, url);
      expect(readNotification(JSON.parse(JSON.stringify(sent)))).toEqual({
        kind: "notification",
        notification: sent,
      });
      expect(URL.canParse(sent.alerts[0]?.generatorURL ?? "")).toBe(true);
    },
  );
});
