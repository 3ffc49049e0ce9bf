import { noHistory } from "../../src/core/history.ts";
import type { Intent } from "../../src/core/intent.ts";
import type { Course } from "../../src/core/episode.ts";
import type { Rule } from "../../src/core/rule.ts";
import type { Situation } from "../../src/core/situation.ts";
import type { ServiceState, Target } from "../../src/core/target.ts";

export const noon = Date.parse("2026-03-01T12:00:00Z");
export const minutes = (count: number): number => count * 60_000;
export const shop: Target = { cluster: "default", kind: "service", name: "shop_web" };

export const aRule = (patch: Partial<Rule> = {}): Rule => ({
  name: "scale-out",
  match: ['alertname="SlowResponses"'],
  on: "firing",
  continue: false,
  cooldown: { up: minutes(3), down: minutes(10) },
  repeat: "while-firing",
  limit: { actions: 10, per: minutes(60) },
  attempts: 3,
  verify: { within: minutes(2), healthy: minutes(5) },
  otherwise: "escalate",
  escalate: {},
  ...patch,
});

export const aService = (patch: Partial<ServiceState> = {}): ServiceState => ({
  id: "svc1",
  name: "shop_web",
  version: 7,
  mode: "replicated",
  replicas: 4,
  running: patch.replicas ?? 4,
  image: "web:2",
  labels: { "homeostat.min": "2", "homeostat.max": "12" },
  intent: null,
  updatedAt: noon - minutes(60),
  update: null,
  previous: null,
  ...patch,
});

export const aCourse = (patch: Partial<Course> = {}): Course => ({
  rule: "scale-out",
  phase: "waiting",
  tries: 0,
  step: 0,
  nextAt: noon,
  intent: null,
  hold: null,
  ...patch,
});

/** The intent that took the shop from two replicas to four. */
export const anIntent = (patch: Partial<Intent> = {}): Intent => ({
  id: "e/scale-out/1.0",
  episode: "e",
  rule: "scale-out",
  action: "scale-service",
  target: shop,
  direction: "up",
  effect: {
    kind: "service",
    set: { kind: "replicas", replicas: 4 },
    serviceId: "svc1",
    version: 7,
    before: 2,
    after: 4,
  },
  at: noon,
  deadline: noon + minutes(2),
  phase: "applied",
  ...patch,
});

/** A service of four replicas that is slow, with everything else as it should be. */
export const aSituation = (patch: Partial<Situation> = {}): Situation => ({
  now: noon,
  rule: aRule(),
  plan: { kind: "scale", service: "shop_web", sizing: { by: "+2" } },
  course: aCourse(),
  target: shop,
  history: noHistory(shop),
  pauses: new Map(),
  service: { kind: "seen", at: noon, value: aService() },
  wantedUpAt: null,
  policy: { handsOff: minutes(10), fresh: 5000 },
  ...patch,
});

export const seeing = (patch: Partial<ServiceState>): Pick<Situation, "service"> => ({
  service: { kind: "seen", at: noon, value: aService(patch) },
});
