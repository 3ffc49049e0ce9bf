import type { Deed, Ledger } from "./ledger.ts";
import type { Bad, Meter } from "./meter.ts";
import type { Screen } from "./screen.ts";
import { objective } from "./shop.ts";
import { spark } from "./spark.ts";
import { bounds, type Verdict } from "./story.ts";

/** What happened, as few lines as tell it: what fired, what was done, held and asked, and what it was good for. */
export function summary(
  { ledger, meter, verdict, seconds }: { ledger: Ledger; meter: Meter; verdict: Verdict; seconds: number },
  screen: Pick<Screen, "paint" | "width">,
): string[] {
  const paint: Screen["paint"] = (colour, text) => screen.paint(colour, text);
  const row = (name: string, items: readonly string[]): string[] =>
    (items.length === 0 ? ["nothing"] : items).map(
      (item, index) => `  ${(index === 0 ? name : "").padEnd(10)}${item}`,
    );
  return [
    "",
    paint("bold", `What happened in ${Math.round(seconds)} seconds`),
    ...row("fired", fired(ledger)),
    ...row("done", counted([...ledger.deeds.values()].map(deedLine))),
    ...row("held", holds(ledger)),
    ...row(
      "asked",
      counted(
        [...ledger.asked.values()].map(
          ({ title, resolved }) => `${title}${resolved ? ", resolved since" : ", still open"}`,
        ),
      ),
    ),
    "",
    ...curves(meter, Math.max(20, screen.width - 26)).map(([name, curve]) => `  ${name.padEnd(22)}${curve}`),
    "",
    `  shop_web was slow for ${compared(meter.slow, paint)}`,
    ...(meter.failing.alone === 0 ? [] : [`  shop_pay failed for ${compared(meter.failing, paint)}`]),
    "",
    ...judgement(verdict, paint),
    "  Next: README.md, to let it watch your own Swarm, in a dry run at first.",
  ];
}

/** Each kind of alert once, with how often it fired. */
const fired = ({ alerts }: Ledger): string[] =>
  counted(
    [...alerts.values()].map(({ labels }) =>
      [labels["alertname"], labels["service"] ?? labels["instance"]].join(" on "),
    ),
  );

/** What goes on for ever says the same again and again. */
function counted(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => line + times(count));
}

function deedLine({ intent, result }: Deed): string {
  const { target, effect } = intent;
  const what =
    effect.kind === "service" && effect.set.kind === "replicas"
      ? `${effect.before} → ${effect.after} replicas`
      : intent.action.replace("-service", "");
  return `${target.name}: ${what}, ${result}`;
}

/** Each reason once, in the words it had first. */
function holds({ holds: all }: Ledger): string[] {
  const counts = new Map<string, { text: string; count: number }>();
  for (const { reason, rule } of all) {
    const key = `${rule} ${reason.code}`;
    const known = counts.get(key);
    counts.set(key, {
      text: known?.text ?? `${reason.code}: ${reason.message}`,
      count: (known?.count ?? 0) + 1,
    });
  }
  return [...counts.values()].map(({ text, count }) => text + times(count));
}

const times = (count: number): string => (count === 1 ? "" : ` (${count} times)`);

function curves({ seconds }: Meter, room: number): [string, string][] {
  const shown = seconds.slice(-room);
  const top = 2 * objective;
  return [
    [
      "load",
      spark(
        shown.map(({ load }) => load),
        240,
      ),
    ],
    [
      "replicas",
      spark(
        shown.map(({ running }) => running),
        bounds.max,
      ),
    ],
    [
      "95 %, with Homeostat",
      spark(
        shown.map(({ p95 }) => p95),
        top,
      ),
    ],
    [
      "95 %, without",
      spark(
        shown.map(({ p95Alone }) => p95Alone),
        top,
      ),
    ],
  ];
}

const time = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** `alone` is worked out from the same load, with the replicas and the deploy left as they were. */
const compared = ({ kept, alone }: Bad, paint: Screen["paint"]): string =>
  `${paint("bold", time(kept))}; with nobody there, under the same load, it would have been ${time(alone)}.`;

function judgement({ missing, unseen }: Verdict, paint: Screen["paint"]): string[] {
  if (missing.length > 0)
    return [
      paint(["red", "bold"], "  The loop did not close. This was to be seen and was not:"),
      ...missing.map((text) => `    ${text}`),
    ];
  if (unseen.length > 0)
    return [
      "  It was ended before the story was over. Still to come:",
      ...unseen.map((text) => `    ${text}`),
    ];
  return [
    paint(
      ["green", "bold"],
      "  The loop closed: measured, decided, acted, verified; and asked where no rule knew.",
    ),
  ];
}
