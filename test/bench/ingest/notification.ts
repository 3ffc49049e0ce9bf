/** Hexadecimal digits of an alert's fingerprint. */
export const fingerprintLength = 16;

const alerts = 10;
const placeholder = "F".repeat(fingerprintLength);

/**
 * A notification of ten alerts as Alertmanager posts it, 4.5 KB, and where in it the fingerprints stand: writing
 * others there makes it news, without building it again.
 */
export function bodyOf(): { readonly bytes: Buffer; readonly fingerprints: readonly number[] } {
  const labels = { alertname: "Noise", cluster: "bench", job: "shop", severity: "info" };
  const text = JSON.stringify({
    receiver: "homeostat",
    status: "firing",
    alerts: Array.from({ length: alerts }, (_, index) => ({
      status: "firing",
      labels: { ...labels, instance: `10.0.${index}.17:9090`, service: `shop_${index}` },
      annotations: {
        summary: `Something of no importance happens on shop_${index}`,
      },
      startsAt: "2026-03-01T12:00:00.000Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "http://prometheus:9090/graph?g0.expr=up%7Bjob%3D%22shop%22%7D+%3D%3D+1&g0.tab=1",
      fingerprint: placeholder,
    })),
    groupLabels: { alertname: "Noise" },
    commonLabels: labels,
    commonAnnotations: {},
    externalURL: "http://alertmanager:9093",
    version: "4",
    groupKey: '{}:{alertname="Noise"}',
    truncatedAlerts: 0,
  });
  const fingerprints: number[] = [];
  for (let at = text.indexOf(placeholder); at !== -1; at = text.indexOf(placeholder, at + 1))
    fingerprints.push(at);
  return { bytes: Buffer.from(text), fingerprints };
}
