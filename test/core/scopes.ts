import type { Labels } from "../../src/core/alert.ts";
import type { Scope } from "../../src/core/catalog.ts";
import type { ServiceState } from "../../src/core/target.ts";

/** An alert that began ten minutes ago, about a service that is well unless told otherwise. */
export function scopeOf(given: {
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly service?: Partial<ServiceState> | null;
}): Scope {
  return {
    alert: {
      status: "firing",
      labels: given.labels ?? {},
      annotations: given.annotations ?? {},
      startsAt: "2026-01-15T12:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "",
      fingerprint: "0123456789abcdef",
    },
    now: Date.UTC(2026, 0, 15, 12, 10, 0),
    service:
      given.service === null
        ? null
        : {
            id: "s1",
            name: "shop_web",
            version: 1,
            mode: "replicated",
            replicas: 2,
            running: 2,
            image: "shop:1",
            labels: {},
            intent: null,
            updatedAt: 0,
            update: null,
            previous: null,
            ...given.service,
          },
  };
}
