import { isDeepStrictEqual } from "node:util";
import type { EntryKind } from "../../src/core/journal.ts";
import type { Change } from "../../src/core/ports.ts";
import type { World } from "../../src/world.ts";

type Pattern = { readonly [key: string]: string | null | Pattern };

/** Whether a value has at least what a pattern has. */
const fits = (value: unknown, pattern: Pattern): boolean =>
  Object.entries(pattern).every(([key, wanted]) => {
    const found: unknown = Object(value)[key];
    return typeof wanted === "object" && wanted !== null
      ? fits(found, wanted)
      : isDeepStrictEqual(found, wanted);
  });

const entry =
  (kind: EntryKind, pattern: Pattern = {}) =>
  ({ append = [] }: Change): boolean =>
    append.some((one) => one.kind === kind && fits(one.data, pattern));

/** Commits by what they make durable. */
const commits: Readonly<Record<string, (change: Change) => boolean>> = {
  notification: entry("notification"),
  opening: entry("episode", { event: "opened" }),
  escalation: entry("escalation", { event: "opened" }),
  intent: entry("intent"),
  outcome: entry("outcome"),
  progress: entry("verification", { judgement: { kind: "pending" } }),
  verdict: entry("verification", { judgement: { kind: "verified" } }),
  failure: entry("verification", { judgement: { kind: "failed" } }),
  "intent to undo": entry("intent", { intent: { action: "undo" } }),
  "note that a message is on its way": ({ put = [] }) =>
    put.some(
      ({ key, value }) =>
        key.startsWith("outbox/") && fits(value, { op: "post" }) && !fits(value, { sending: null }),
    ),
  "note that it was posted": entry("message", { event: "posted" }),
  "note that it was edited": entry("message", { event: "updated" }),
  "note that it was answered": entry("message", { event: "replied" }),
  resolution: entry("episode", { event: "resolved" }),
  closing: entry("episode", { event: "closed" }),
};

/**
 * Puts a death into the world: the first time that what `moment` names is about to happen, or has just happened,
 * `die` is called. Besides the commits above it names calls: `update`, `undoing update`, `post`, `edit`, `answer`.
 */
export function mortal(world: World, moment: string, die: () => Promise<never>): World {
  const [, when = "", what = ""] = /^(before|after) the (.+)$/.exec(moment) ?? [];
  const around = async <T>(isIt: boolean, work: () => Promise<T>): Promise<T> => {
    if (!isIt) return work();
    if (when === "before") return die();
    await work();
    return die();
  };
  const { store, swarm, messenger } = world;
  const isIt = commits[what] ?? (() => false);
  const commit = store.commit.bind(store);
  store.commit = (change) => around(isIt(change), () => commit(change));
  const update = swarm.update.bind(swarm);
  swarm.update = (change, signal) => {
    const name = change.intent.endsWith("/undo") ? "undoing update" : "update";
    return around(what === name, () => update(change, signal));
  };
  if (messenger === null) return world;
  const post = messenger.post.bind(messenger);
  messenger.post = (to, ...rest) =>
    around(what === (to.thread === undefined ? "post" : "answer"), () => post(to, ...rest));
  const edit = messenger.update.bind(messenger);
  messenger.update = (...arguments_) => around(what === "edit", () => edit(...arguments_));
  return world;
}
