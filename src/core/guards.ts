import { formatAge, formatDuration } from "./duration.ts";
import { rememberedImage } from "./history.ts";
import type { Direction } from "./intent.ts";
import { labelPause, pauseFor } from "./pause.ts";
import { reason, type Reason } from "./reason.ts";
import { observed, type Situation } from "./situation.ts";
import { isRollingOut, targetId } from "./target.ts";

/** A guard's answer. A pass says what it looked at, so that the trail reads as the arithmetic of the decision. */
export type Verdict =
  | { readonly kind: "pass"; readonly reason: Reason }
  | {
      readonly kind: "hold";
      readonly reason: Reason;
      readonly until: number | null;
      readonly expected: boolean;
    };

export type Guard = (situation: Situation, direction: Direction) => Verdict;

const pass = (code: string, message: string): Verdict => ({
  kind: "pass",
  reason: reason(code, message),
});
const hold = (
  code: string,
  message: string,
  options: { until?: number; expected?: boolean } = {},
): Verdict => ({
  kind: "hold",
  reason: reason(code, message),
  until: options.until ?? null,
  expected: options.expected ?? false,
});

const time = (at: number): string => new Date(at).toISOString().slice(11, 19);

const notPaused: Guard = ({ pauses, target, now }, direction) => {
  const pause = pauseFor(pauses, targetId(target), direction, now);
  if (pause === undefined) return pass("NotPaused", "No pause covers it");
  const end = pause.until === null ? "until resumed" : `until ${time(pause.until)}`;
  const message = `${pause.by} paused ${pause.scope} ${end}${pause.reason ? `: ${pause.reason}` : ""}`;
  return hold("Paused", message, {
    expected: true,
    ...(pause.until === null ? {} : { until: pause.until }),
  });
};

const wasObserved: Guard = ({ service, now, policy }) => {
  if (service === null) return pass("NothingToObserve", "The action changes no service");
  if (service.kind === "failed") return hold("ObservationFailed", service.message);
  const age = now - service.at;
  // A clock that jumped back makes an observation come from the future: as unknown as one too old.
  if (age > policy.fresh || age < 0) {
    return hold(
      "ObservationStale",
      `It was observed ${formatAge(Math.abs(age))} ${age < 0 ? "in the future" : "ago"}`,
    );
  }
  return pass("Observed", `Read at ${time(service.at)}`);
};

const isKnown: Guard = ({ service, target }) =>
  service?.kind === "seen" && service.value === null
    ? hold("ServiceUnknown", `The cluster has no service named ${target.name}`)
    : pass("ServiceKnown", `${target.name} exists`);

const isReplicated: Guard = (situation) => {
  if (situation.service === null) return pass("ModeFits", "The action changes no service");
  const { mode, name } = observed(situation);
  const changesSize = situation.plan.kind === "scale";
  if (mode === "replicated" || (!changesSize && mode === "global"))
    return pass("ModeFits", `${name} is ${mode}`);
  // Updating a job runs it again, so no action is harmless there.
  return hold(
    "ModeUnsupported",
    `${name} is a ${mode} service, which ${changesSize ? "has no replicas to scale" : "an update would run again"}`,
  );
};

const obeysLabel: Guard = (situation, direction) => {
  const labels = situation.service === null ? {} : observed(situation).labels;
  const wish = labelPause(labels, direction);
  return wish === undefined
    ? pass("NoPauseLabel", `No label homeostat.pause covers ${direction === "none" ? "it" : direction}`)
    : hold("Paused", `The service's label homeostat.pause is ${JSON.stringify(wish)}`, { expected: true });
};

/** Every update clears UpdateStatus and replaces PreviousSpec: acting now would take the rollout's way back away. */
const noRollout: Guard = (situation) => {
  if (situation.service === null) return pass("NoRollout", "The action changes no service");
  const service = observed(situation);
  const { update, name } = service;
  if (update === null || !isRollingOut(service)) return pass("NoRollout", `${name} is not being rolled out`);
  // A rollback is what ends a rollout that the engine itself has paused.
  if (update.state === "paused" && situation.plan.kind === "rollback")
    return pass("NoRollout", "The rollout is paused");
  return hold(
    "RolloutInProgress",
    `The rollout of ${name} is ${update.state}${update.message ? `: ${update.message}` : ""}`,
  );
};

const handsOff: Guard = ({ history, now, policy }) => {
  const { noticed } = history;
  if (noticed === null || !noticed.byHand) return pass("NotChangedByHand", "Nobody else changed it lately");
  const until = noticed.at + policy.handsOff;
  if (now >= until)
    return pass("NotChangedByHand", `The last change by hand was ${formatAge(now - noticed.at)} ago`);
  return hold("ChangedByHand", `${noticed.reason.message}; left alone until ${time(until)}`, {
    until,
    expected: true,
  });
};

const canRollBack: Guard = (situation) => {
  if (situation.plan.kind !== "rollback") return pass("NoRollbackNeeded", "The action is no rollback");
  const service = observed(situation);
  const { previous, name } = service;
  if (previous !== null && !previous.sameTasks) {
    return pass("CanRollBack", `The earlier spec of ${name} runs ${previous.image}`);
  }
  const remembered = rememberedImage(situation.history, service);
  if (remembered !== null) {
    return pass("CanRollBack", `Before the scaling that came after the deploy, ${name} ran ${remembered}`);
  }
  return previous === null
    ? hold("NothingToRollBackTo", `The engine remembers no earlier spec of ${name}`)
    : hold(
        "NothingToRollBackTo",
        `The earlier spec of ${name} runs the same tasks: only its size or labels were changed last`,
      );
};

/** Few running of many wanted: less would hit the few, and more would not start either. */
const isConverged: Guard = (situation, direction) => {
  if (situation.plan.kind !== "scale") return pass("Converged", "The action changes no size");
  const { replicas, running, updatedAt, name } = observed(situation);
  const counts = `${running} of ${replicas} replicas of ${name} run`;
  const settling = situation.now - updatedAt <= situation.rule.verify.within;
  if (running >= replicas || (direction === "up" && settling)) return pass("Converged", counts);
  return hold(
    "NotConverged",
    `${counts}${settling ? "" : `, ${formatAge(situation.now - updatedAt)} after the last change`}`,
  );
};

const cooldownOf = ({ rule }: Situation, direction: Direction): number =>
  direction === "none" ? Math.max(rule.cooldown.up, rule.cooldown.down) : rule.cooldown[direction];

const hasCooledDown: Guard = (situation, direction) => {
  const last = situation.history.actions.findLast((action) => action.direction === direction);
  if (last === undefined) return pass("CooledDown", "No earlier action in this direction is known");
  const until = last.at + cooldownOf(situation, direction);
  if (situation.now >= until)
    return pass("CooledDown", `The last action in this direction was at ${time(last.at)}`);
  return hold("CooldownActive", `${last.rule} acted at ${time(last.at)}; cooldown until ${time(until)}`, {
    until,
    expected: true,
  });
};

/** Down soon after up is flapping. Up is never blocked by a down: too little is worse than too much. */
const isSteady: Guard = (situation, direction) => {
  if (direction !== "down") return pass("Steady", "Only a scale-in can be a flap");
  const { history, now, rule, wantedUpAt } = situation;
  const up = history.actions.findLast((action) => action.direction === "up");
  if (up !== undefined && now < up.at + rule.cooldown.down) {
    const until = up.at + rule.cooldown.down;
    return hold("Flapping", `It was scaled up at ${time(up.at)}; not down again before ${time(until)}`, {
      until,
      expected: true,
    });
  }
  // A minute spans the pauses between a held rule's looks; a rule that may flap sooner need not wait longer for it.
  const memory = Math.min(60_000, rule.cooldown.down);
  if (wantedUpAt !== null && now < wantedUpAt + memory) {
    const until = wantedUpAt + memory;
    return hold("ConflictingDirections", `Another alert wanted it bigger at ${time(wantedUpAt)}`, {
      until,
      expected: true,
    });
  }
  return pass("Steady", "Nothing wants it bigger");
};

const isWithinLimit: Guard = ({ rule, history, now }) => {
  const { actions, per } = rule.limit;
  const recent = history.actions.filter((action) => action.at > now - per);
  const counts = `${recent.length} of ${actions} actions within ${formatDuration(per)}`;
  const oldest = recent.at(-actions);
  if (oldest === undefined) return pass("WithinLimit", counts);
  return hold("LimitReached", `${counts}; the next at ${time(oldest.at + per)}`, {
    until: oldest.at + per,
  });
};

/** Does the world allow it? Before the size is worked out. */
export const worldGuards: readonly Guard[] = [
  notPaused, //     a person outranks everything
  wasObserved, //   unknown blocks
  isKnown, //       a typo in a label must not look like success
  obeysLabel, //    a person's brake on the service itself
  isReplicated, //  global services and jobs have no size
  noRollout, //     a deploy ends first
  handsOff, //      a change by hand is not fought
  canRollBack, //   a rollback needs somewhere to go
];

/** Is it the time for it? Once the direction is certain. */
export const paceGuards: readonly Guard[] = [
  notPaused, //      an absolute size has a direction only now
  obeysLabel, //
  isConverged, //    one step at a time
  hasCooledDown, //  let the last action show
  isSteady, //       never up and down in turn
  isWithinLimit, //  no faster than allowed
];
