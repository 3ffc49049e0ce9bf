import { expect, it } from "vitest";
import type { Intent } from "../../src/core/intent.ts";
import type { Pause } from "../../src/core/pause.ts";
import { undoing } from "../../src/core/undo.ts";
import { anIntent, aService, minutes, noon } from "./situations.ts";

const intent = anIntent();
const scaled = aService({ intent: intent.id, replicas: 4, version: 8 });
const paused = (scope: string): ReadonlyMap<string, Pause> =>
  new Map([[scope, { scope, by: "ana", reason: "", until: null, at: noon }]]);

it("takes a scaling back from the service as it is now, and has yet to happen", () => {
  expect(undoing(intent, scaled, new Map(), noon + minutes(3))).toEqual({
    kind: "undo",
    intent: {
      ...intent,
      id: "e/scale-out/1.0/undo",
      action: "undo",
      direction: "down",
      effect: {
        ...intent.effect,
        set: { kind: "replicas", replicas: 2 },
        version: 8,
        before: 4,
        after: 2,
      },
      at: noon + minutes(3),
      deadline: noon + minutes(5),
      // Were it applied, a process that starts between this record and its effect would believe it had happened.
      phase: "intended",
    },
  });
});

it.each([
  ["somebody scaled it meanwhile", intent, { ...scaled, replicas: 6 }, new Map(), "ChangedSince"],
  ["another change of ours came", intent, { ...scaled, intent: "other" }, new Map(), "ChangedSince"],
  ["the service is gone", intent, null, new Map(), "ChangedSince"],
  [
    "a deploy is under way",
    intent,
    { ...scaled, update: { state: "updating" as const, message: "" } },
    new Map(),
    "RolloutInProgress",
  ],
  ["a person paused its direction", intent, scaled, paused("down"), "Paused"],
  [
    "it changed no size",
    { ...intent, effect: { ...intent.effect, set: { kind: "restart" as const } } } as Intent,
    scaled,
    new Map(),
    "NothingToUndo",
  ],
])("leaves it when %s", (_, one, service, pauses, code) => {
  expect(undoing(one, service, pauses, noon)).toMatchObject({ kind: "leave", reason: { code } });
});
