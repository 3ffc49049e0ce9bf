import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../src/core/decide.ts";
import { noHistory, withAction, withWayBack, type TargetHistory } from "../../src/core/history.ts";
import type { Direction } from "../../src/core/intent.ts";
import { reason } from "../../src/core/reason.ts";
import type { Situation } from "../../src/core/situation.ts";
import type { Pause } from "../../src/core/pause.ts";
import { aCourse, aRule, aService, aSituation, minutes, noon, seeing, shop } from "./situations.ts";

const acted = (direction: Direction, ago: number): { history: TargetHistory } => ({
  history: withAction(noHistory(shop), {
    at: noon - ago,
    direction,
    rule: "earlier",
    intent: `earlier-${ago}`,
  }),
});
const paused = (scope: string, until: number | null = null): { pauses: ReadonlyMap<string, Pause> } => ({
  pauses: new Map([[scope, { scope, by: "ana", reason: "deploy day", at: noon - 1, until }]]),
});
const down: Partial<Situation> = {
  plan: { kind: "scale", service: "shop_web", sizing: { by: "-1" } },
};
const rollback: Partial<Situation> = { plan: { kind: "rollback", service: "shop_web" } };

describe("acts", () => {
  const rows: [name: string, patch: Partial<Situation>, after: number][] = [
    ["a step up", {}, 6],
    ["a step down", down, 3],
    [
      "half as many again, rounded up",
      {
        plan: { kind: "scale", service: "", sizing: { by: "+50%" } },
        ...seeing({ replicas: 5, running: 5 }),
      },
      8,
    ],
    ["a small percentage still moves", { plan: { kind: "scale", service: "", sizing: { by: "-10%" } } }, 3],
    ["an absolute size", { plan: { kind: "scale", service: "", sizing: { to: 9 } } }, 9],
    ["a step beyond the maximum ends at the maximum", seeing({ replicas: 11, running: 11 }), 12],
    [
      "a step beyond the minimum ends at the minimum",
      {
        plan: { kind: "scale", service: "", sizing: { by: "-50%" } },
        ...seeing({ replicas: 3, running: 3 }),
      },
      2,
    ],
    [
      "the rule's bounds outrank the labels",
      { plan: { kind: "scale", service: "", sizing: { by: "+9" }, max: 5 } },
      5,
    ],
    [
      "Docker Flow's labels are bounds too",
      seeing({ labels: { "com.df.scaleMin": "1", "com.df.scaleMax": "5" } }),
      5,
    ],
    ["up while the last change still settles", seeing({ running: 3, updatedAt: noon - 1000 }), 6],
    ["up soon after a down: too little is worse than too much", acted("down", minutes(1)), 6],
    ["up once the cooldown is over", acted("up", minutes(3)), 6],
    ["after a pause has run out", paused("all", noon), 6],
    ["a pause of the other direction does not cover it", paused("down"), 6],
  ];
  it.each(rows)("%s", (_name, patch, after) => {
    const decision = decide(aSituation(patch));
    expect(decision).toMatchObject({ kind: "act", effect: { kind: "service", version: 7, after } });
  });

  it("restarts a global service, whose size it does not touch", () => {
    const decision = decide(
      aSituation({
        plan: { kind: "restart", service: "" },
        ...seeing({ mode: "global", replicas: 0, running: 3 }),
      }),
    );
    expect(decision).toMatchObject({
      kind: "act",
      direction: "none",
      effect: { set: { kind: "restart" } },
    });
  });

  it("rolls back a rollout that the engine has paused", () => {
    const previous = { intent: null, replicas: 4, sameTasks: false, image: "web:1" };
    const decision = decide(
      aSituation({
        ...rollback,
        ...seeing({ update: { state: "paused", message: "update paused" }, previous }),
      }),
    );
    expect(decision).toMatchObject({ kind: "act", effect: { set: { kind: "previous-spec" } } });
  });

  it("rolls back to the image before the deploy when a scaling made the engine forget that spec", () => {
    const deployed = aService({
      image: "web:2",
      previous: { intent: null, replicas: 4, sameTasks: false, image: "web:1" },
    });
    const history = withWayBack(noHistory(shop), deployed);
    const scaled = seeing({
      image: "web:2",
      previous: { intent: null, replicas: 4, sameTasks: true, image: "web:2" },
    });
    expect(decide(aSituation({ ...rollback, ...scaled, history }))).toMatchObject({
      kind: "act",
      effect: { set: { kind: "image", image: "web:1" } },
    });
    const newer = seeing({ image: "web:3", previous: null });
    expect(decide(aSituation({ ...rollback, ...newer, history }))).toMatchObject({
      kind: "hold",
      reason: { code: "NothingToRollBackTo" },
    });
  });

  it("tells the whole arithmetic in its trail, the size included", () => {
    const decision = decide(aSituation());
    expect(decision.trail.map(({ code }) => code)).toContain("Sized");
    expect(decision.reason.message).toBe(
      "shop_web: by +2 from 4 is 6, between 2 (the label homeostat.min) and 12 (the label homeostat.max)",
    );
  });
});

describe("holds, and says why", () => {
  const noticed = {
    at: noon - minutes(2),
    byHand: true,
    reason: reason("ChangedByHand", "Somebody scaled shop_web"),
  };
  const busy = (state: "updating" | "paused" | "rollback_started" | "rollback_paused") =>
    seeing({ update: { state, message: "" } });
  const rows: [code: string, name: string, patch: Partial<Situation>][] = [
    ["Paused", "everything is paused", paused("all")],
    ["Paused", "the direction is paused", paused("up")],
    [
      "Paused",
      "the target is paused, for an absolute size as well",
      {
        plan: { kind: "scale", service: "", sizing: { to: 9 } },
        ...paused("default/service/shop_web"),
      },
    ],
    [
      "Paused",
      "the direction of an absolute size is paused",
      { plan: { kind: "scale", service: "", sizing: { to: 9 } }, ...paused("up") },
    ],
    [
      "Paused",
      "the service's own label says so",
      seeing({ labels: { ...aService().labels, "homeostat.pause": "up" } }),
    ],
    [
      "Paused",
      "a label that nobody understands is read as the stronger wish",
      seeing({ labels: { ...aService().labels, "homeostat.pause": "yes" } }),
    ],
    [
      "ObservationFailed",
      "the cluster did not answer",
      { service: { kind: "failed", at: noon, message: "no answer in 10s" } },
    ],
    [
      "ObservationStale",
      "what is known is old",
      { service: { kind: "seen", at: noon - 5001, value: aService() } },
    ],
    [
      "ObservationStale",
      "the clock was set back since",
      { service: { kind: "seen", at: noon + 60_000, value: aService() } },
    ],
    ["ServiceUnknown", "the label names no service", { service: { kind: "seen", at: noon, value: null } }],
    ["ModeUnsupported", "a global service has no size", seeing({ mode: "global" })],
    [
      "ModeUnsupported",
      "an update would run a job again",
      { plan: { kind: "restart", service: "" }, ...seeing({ mode: "replicated-job" }) },
    ],
    ["RolloutInProgress", "a deploy is under way", busy("updating")],
    ["RolloutInProgress", "a deploy is stuck", busy("paused")],
    ["RolloutInProgress", "the engine rolls back", busy("rollback_started")],
    ["RolloutInProgress", "the engine's rollback is stuck", busy("rollback_paused")],
    ["ChangedByHand", "a person scaled it a moment ago", { history: { ...noHistory(shop), noticed } }],
    ["NoBounds", "neither the rule nor the service has any", seeing({ labels: {} })],
    ["NoBounds", "there is only one", seeing({ labels: { "homeostat.max": "9" } })],
    [
      "BoundsInvalid",
      "a label is no number",
      seeing({ labels: { "homeostat.min": "2", "homeostat.max": "lots" } }),
    ],
    [
      "BoundsInvalid",
      "a label overflows",
      seeing({ labels: { "homeostat.min": "2", "homeostat.max": "99999999999999999999" } }),
    ],
    [
      "BoundsInvalid",
      "the minimum is above the maximum",
      seeing({ labels: { "homeostat.min": "5", "homeostat.max": "3" } }),
    ],
    ["AtMaximum", "it cannot grow", seeing({ replicas: 12, running: 12 })],
    ["AboveMaximum", "up would shrink it", seeing({ replicas: 20, running: 20 })],
    [
      "AboveMaximum",
      "down would snap it into its bounds",
      { ...down, ...seeing({ replicas: 20, running: 20 }) },
    ],
    ["AtMinimum", "it cannot shrink", { ...down, ...seeing({ replicas: 2, running: 2 }) }],
    [
      "AtMinimum",
      "below its minimum it does not shrink either",
      { ...down, ...seeing({ replicas: 1, running: 1 }) },
    ],
    ["SwitchedOff", "somebody set it to nothing", seeing({ replicas: 0, running: 0 })],
    ["AlreadyThere", "it has the size", { plan: { kind: "scale", service: "", sizing: { to: 4 } } }],
    ["NotConverged", "down while not all run", { ...down, ...seeing({ running: 3 }) }],
    [
      "NotConverged",
      "up when the last size was never reached",
      seeing({ running: 3, updatedAt: noon - minutes(3) }),
    ],
    ["CooldownActive", "it was scaled up just now", acted("up", minutes(3) - 1)],
    ["CooldownActive", "it was scaled down just now", { ...down, ...acted("down", minutes(10) - 1) }],
    ["Flapping", "down soon after up", { ...down, ...acted("up", minutes(9)) }],
    ["ConflictingDirections", "another alert wants it bigger", { ...down, wantedUpAt: noon - 1000 }],
    [
      "LimitReached",
      "it was changed too often",
      { rule: aRule({ limit: { actions: 1, per: minutes(60) } }), ...acted("up", minutes(59)) },
    ],
    ["NothingToRollBackTo", "no earlier spec is known", rollback],
    [
      "NothingToRollBackTo",
      "only the size changed last",
      {
        ...rollback,
        ...seeing({ previous: { intent: "x", replicas: 2, sameTasks: true, image: "web:2" } }),
      },
    ],
  ];
  it("ConflictingDirections ends with the rule's own down cooldown where that is shorter than a minute", () => {
    const rule = aRule({ cooldown: { up: 5000, down: 10_000 } });
    const wanted = (ago: number) => decide(aSituation({ ...down, rule, wantedUpAt: noon - ago })).reason.code;
    expect([wanted(9999), wanted(10_000)]).toEqual(["ConflictingDirections", "Sized"]);
  });

  it.each(rows)("%s: %s", (code, _name, patch) => {
    const decision = decide(aSituation(patch));
    expect(decision).toMatchObject({ kind: "hold", reason: { code } });
    expect(decision.trail.at(-1)?.code).toBe(code);
  });

  it("names the time when a hold ends", () => {
    expect(decide(aSituation(acted("up", minutes(1))))).toMatchObject({
      until: noon + minutes(2),
      expected: true,
    });
    expect(decide(aSituation({ history: { ...noHistory(shop), noticed } }))).toMatchObject({
      until: noon + minutes(8),
    });
  });

  it("lets a hold that nobody expects be told to a person", () => {
    expect(decide(aSituation(seeing({ replicas: 12, running: 12 })))).toMatchObject({
      expected: false,
    });
    expect(decide(aSituation({ ...down, ...seeing({ replicas: 2, running: 2 }) }))).toMatchObject({
      expected: true,
    });
  });
});

describe("asks a person", () => {
  it("when the tries of the episode are used up, even while nothing can be observed", () => {
    const course = aCourse({ tries: 3 });
    const service = { kind: "failed", at: noon, message: "gone" } as const;
    expect(decide(aSituation({ course, service }))).toMatchObject({
      kind: "escalate",
      reason: { code: "AttemptsExhausted" },
    });
  });

  it("not in the middle of a try: its later steps belong to it", () => {
    expect(decide(aSituation({ course: aCourse({ tries: 3, step: 1 }) }))).toMatchObject({
      kind: "act",
    });
  });

  it("when the rule says so", () => {
    expect(decide(aSituation({ plan: { kind: "escalate", message: null } }))).toMatchObject({
      kind: "escalate",
    });
  });
});

it("ignores what the rule ignores", () => {
  expect(decide(aSituation({ plan: { kind: "ignore", message: "noise" } }))).toMatchObject({
    kind: "ignore",
    reason: { message: "noise" },
  });
});

describe("for any situation", () => {
  const sizing = fc.oneof(
    fc.record({ by: fc.integer({ min: -999_999_999, max: 999_999_999 }).filter((by) => by !== 0) }),
    fc.record({
      by: fc
        .integer({ min: 1, max: 999_999_999 })
        .chain((n) => fc.constantFrom(`+${n}`, `-${n}`, `+${n}%`, `-${n}%`)),
    }),
    fc.record({ to: fc.nat(10_000) }),
  );
  const world = fc.record({
    sizing,
    min: fc.nat(40),
    max: fc.nat(40),
    replicas: fc.nat(60),
    running: fc.nat(60),
    tries: fc.nat(4),
    ups: fc.array(
      fc.record({
        ago: fc.nat(minutes(90)),
        direction: fc.constantFrom<Direction>("up", "down", "none"),
      }),
      { maxLength: 12 },
    ),
    wantedUp: fc.option(fc.nat(minutes(3)), { nil: null }),
  });

  it("an act stays in its bounds, goes the way that was asked, and keeps the pace", () => {
    let acts = 0;
    fc.assert(
      fc.property(world, ({ sizing, min, max, replicas, running, tries, ups, wantedUp }) => {
        const history = ups.reduce(
          (so, { ago, direction }, index) =>
            withAction(so, { at: noon - ago, direction, rule: "r", intent: String(index) }),
          noHistory(shop),
        );
        const decision = decide(
          aSituation({
            plan: { kind: "scale", service: "shop_web", sizing, min, max },
            history: { ...history, actions: history.actions.toSorted((a, b) => a.at - b.at) },
            course: aCourse({ tries }),
            wantedUpAt: wantedUp === null ? null : noon - wantedUp,
            ...seeing({ replicas, running }),
          }),
        );
        if (decision.kind !== "act" || decision.effect.kind !== "service") return;
        acts += 1;
        const { after } = decision.effect;
        expect(after).toBeGreaterThanOrEqual(min);
        expect(after).toBeLessThanOrEqual(max);
        const asked =
          "to" in sizing
            ? Math.sign(sizing.to - replicas)
            : Math.sign(Number.parseInt(String(sizing.by), 10));
        expect(Math.sign(after - replicas)).toBe(asked);
        const sameWay = ups.filter(({ direction }) => direction === decision.direction);
        for (const { ago } of sameWay)
          expect(ago).toBeGreaterThanOrEqual(asked > 0 ? minutes(3) : minutes(10));
        expect(ups.filter(({ ago }) => ago < minutes(60)).length).toBeLessThan(10);
        expect(tries).toBeLessThan(3);
      }),
      { numRuns: 3000 },
    );
    expect(acts).toBeGreaterThan(50);
  });

  it("a failed observation never acts", () => {
    fc.assert(
      fc.property(world, ({ sizing, min, max }) => {
        const plan = { kind: "scale", service: "", sizing, min, max } as const;
        const decision = decide(aSituation({ plan, service: { kind: "failed", at: noon, message: "" } }));
        expect(decision.kind).toBe("hold");
      }),
    );
  });
});
