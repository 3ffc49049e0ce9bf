import type { Condition } from "./evaluator.ts";
import { comfortable, objective } from "./shop.ts";

/** What the shop's monitoring sees at one moment. */
export type Seen = {
  /** 95 % of the web service's answers come within so many milliseconds. */
  readonly p95: number;
  /** The part of payments that fail, from 0 to 1. */
  readonly failing: number;
  /** Days until the shop's certificate expires. */
  readonly certificateDays: number;
};

const p95Of = (service: string): string =>
  `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{service="${service}"}[1m])))`;

const ms = (value: number): string => `${Math.round(value)} ms`;

/** The shop's alert rules. Three of them have a rule in Homeostat's catalog; of certificates nobody wrote one. */
export const conditions: readonly Condition<Seen>[] = [
  {
    labels: { alertname: "SlowResponses", service: "shop_web", severity: "warning" },
    expression: `${p95Of("shop_web")} > ${objective / 1000}`,
    for: 1500,
    value: ({ p95 }) => p95,
    bad: (value) => value > objective,
    annotations: (value) => ({
      summary: `shop_web answers slowly: 95 % within ${ms(value)}, the objective is ${ms(objective)}`,
    }),
  },
  {
    labels: { alertname: "FastResponses", service: "shop_web", severity: "info" },
    expression: `${p95Of("shop_web")} < ${comfortable / 1000}`,
    for: 1500,
    value: ({ p95 }) => p95,
    bad: (value) => value < comfortable,
    annotations: (value) => ({
      summary: `shop_web has little to do: 95 % within ${ms(value)}`,
    }),
  },
  {
    labels: { alertname: "HighErrorRateAfterDeploy", service: "shop_pay", severity: "critical" },
    expression:
      'sum(rate(http_requests_total{service="shop_pay",code=~"5.."}[1m])) / sum(rate(http_requests_total{service="shop_pay"}[1m])) > 0.05',
    for: 1000,
    value: ({ failing }) => failing,
    bad: (value) => value > 0.05,
    annotations: (value) => ({
      summary: `shop_pay fails ${Math.round(value * 100)} % of its requests since it was deployed`,
    }),
  },
  {
    labels: {
      alertname: "CertificateExpiresSoon",
      instance: "shop.example:443",
      severity: "warning",
    },
    expression: "(probe_ssl_earliest_cert_expiry - time()) / 86400 < 14",
    for: 0,
    value: ({ certificateDays }) => certificateDays,
    bad: (value) => value < 14,
    annotations: (value) => ({
      summary: `The certificate of shop.example expires in ${value} days`,
      runbook_url: "https://runbooks.example/certificates",
    }),
  },
];
