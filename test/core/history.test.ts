import { expect, it } from "vitest";
import { noHistory, notice, withAction, withoutAction } from "../../src/core/history.ts";
import { aService, minutes, noon, shop } from "./situations.ts";

const seen = (replicas: number, intent: string | null) => ({
  ...noHistory(shop),
  seen: { replicas, intent },
});

const rows: [
  name: string,
  before: ReturnType<typeof seen>,
  now: { replicas: number; intent: string | null },
  code: string | undefined,
][] = [
  ["nothing changed", seen(4, "a"), { replicas: 4, intent: "a" }, undefined],
  ["an intent of ours changed it", seen(4, "a"), { replicas: 6, intent: "b" }, undefined],
  ["a person scaled: the label stays", seen(4, "a"), { replicas: 9, intent: "a" }, "ChangedByHand"],
  ["a person scaled what we never touched", seen(4, null), { replicas: 9, intent: null }, "ChangedByHand"],
  [
    "a deploy put the number of the stack file back",
    seen(6, "a"),
    { replicas: 2, intent: null },
    "ResetByDeploy",
  ],
  ["a deploy that kept the number", seen(4, "a"), { replicas: 4, intent: null }, undefined],
];
it.each(rows)("notices: %s", (_name, before, now, code) => {
  const after = notice(before, aService({ ...now, updatedAt: noon - 5000 }));
  expect(after.noticed?.reason.code).toBe(code);
  expect(after.seen).toEqual(now);
  if (code !== undefined) expect(after.noticed?.at).toBe(noon - 5000);
});

it("has nothing to compare with when it sees a service for the first time", () => {
  expect(notice(noHistory(shop), aService()).noticed).toBeNull();
});

it("forgets an action that never took effect, and counts one intent once", () => {
  const action = { at: noon, direction: "up", rule: "r", intent: "i" } as const;
  const once = withAction(withAction(noHistory(shop), action), { ...action, at: noon + 5 });
  expect(once.actions).toHaveLength(1);
  expect(withoutAction(once, "i").actions).toEqual([]);
});

it("stays bounded", () => {
  let history = noHistory(shop);
  for (let n = 0; n < 1100; n += 1) {
    history = withAction(history, { at: noon + n, direction: "up", rule: "r", intent: String(n) });
  }
  expect(history.actions).toHaveLength(1000);
  const later = withAction(history, {
    at: noon + minutes(60 * 24 * 31),
    direction: "up",
    rule: "r",
    intent: "new",
  });
  expect(later.actions).toHaveLength(1);
});
