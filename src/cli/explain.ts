import { Alert, readNotification } from "../core/alert.ts";
import { Fault } from "../core/reason.ts";
import type { Observation } from "../core/situation.ts";
import type { ServiceState } from "../core/target.ts";
import { codeOf } from "../settings/read-file.ts";
import type { Settings } from "../settings/settings.ts";
import type { CommandDeps, ExitCode } from "./deps.ts";
import { explanation, type Asking, type Explanation, type Verdict } from "./explanation.ts";
import { json, painter, plain, table, type Paint } from "./terminal.ts";

export type ExplainOptions = {
  readonly alert?: readonly string[];
  readonly status?: "firing" | "resolved";
  readonly rules?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
};

/** Milliseconds for one look at the cluster. */
const patience = 5_000;
/** How old an observation may be when it is acted on; here they are always new. */
const fresh = 60_000;
/** A group of thousands is explained by its first alerts. */
const mostAlerts = 20;

type Alerts =
  | { readonly kind: "alerts"; readonly alerts: readonly Alert[] }
  | { readonly kind: "misuse"; readonly message: string };

/** Yes when some rule takes every alert. */
export async function explain(
  deps: CommandDeps,
  settings: Settings,
  payload: string | undefined,
  options: ExplainOptions,
): Promise<ExitCode> {
  const read = payload === undefined ? fromLabels(options, deps.now()) : await fromPayload(deps, payload);
  if (read.kind === "misuse") {
    deps.err.write(`${plain(read.message)}\n`);
    return 2;
  }
  const folder = options.rules ?? settings.rules;
  const loaded = await deps.loadRules(folder);
  if (loaded.kind === "refused") {
    if (options.json === true) deps.out.write(json({ faults: loaded.faults }));
    else for (const fault of loaded.faults) deps.err.write(`${plain(fault)}\n`);
    return 1;
  }
  // One moment for all: what is read while explaining must not come from the future of the decision.
  const now = deps.now();
  const asking: Asking = {
    catalog: loaded.catalog,
    matches: deps.matches,
    now,
    cluster: settings.cluster,
    policy: { handsOff: settings.handsOff, fresh },
    observe: options.offline === true ? null : remembering((service) => look(deps, settings, service, now)),
  };
  const explanations: Explanation[] = [];
  for (const alert of read.alerts.slice(0, mostAlerts)) explanations.push(await explanation(alert, asking));
  if (options.json === true)
    deps.out.write(json({ alerts: explanations, left: read.alerts.length - explanations.length }));
  else show(deps, explanations, read.alerts.length, options.offline === true);
  return explanations.every(isTaken) ? 0 : 1;
}

const isTaken = (explained: Explanation): boolean => explained.verdicts.some((verdict) => verdict.takes);

async function look(
  deps: CommandDeps,
  settings: Settings,
  service: string,
  now: number,
): Promise<Observation<ServiceState | null>> {
  try {
    const value = await deps.observe(settings, service, AbortSignal.timeout(patience));
    return { kind: "seen", at: now, value };
  } catch (error) {
    return {
      kind: "failed",
      at: now,
      message: error instanceof Fault ? error.message : "The cluster could not be read",
    };
  }
}

/** Each service is looked at once, however many rules and alerts are about it. */
function remembering<T>(ask: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (name) => {
    const answer = answers.get(name) ?? ask(name);
    answers.set(name, answer);
    return answer;
  };
}

function fromLabels(options: ExplainOptions, now: number): Alerts {
  const given = options.alert ?? [];
  if (given.length === 0)
    return {
      kind: "misuse",
      message: "expected a payload file, - for standard input, or --alert name=value …",
    };
  const pairs = given.map((text) => /^([^=]+)=(.*)$/s.exec(text));
  const bad = given.find((_, index) => pairs[index] === null);
  if (bad !== undefined)
    return {
      kind: "misuse",
      message: `--alert: expected name=value, received ${JSON.stringify(bad)}`,
    };
  const labels = Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""]));
  const at = new Date(now).toISOString();
  const status = options.status ?? "firing";
  const endsAt = status === "firing" ? "0001-01-01T00:00:00Z" : at;
  return {
    kind: "alerts",
    alerts: [Alert.parse({ status, labels, startsAt: at, endsAt, fingerprint: "0".repeat(16) })],
  };
}

async function fromPayload(deps: CommandDeps, path: string): Promise<Alerts> {
  const name = path === "-" ? "standard input" : path;
  let value: unknown;
  try {
    value = JSON.parse(path === "-" ? await deps.readStdin() : deps.readFile(path));
  } catch (error) {
    const why =
      error instanceof SyntaxError
        ? `expected JSON: ${error.message}`
        : `expected a readable file (${codeOf(error)})`;
    return { kind: "misuse", message: `${name}: ${why}` };
  }
  const read = readNotification(value);
  if (read.kind === "faulty") return { kind: "misuse", message: `${name}: ${read.faults.join("; ")}` };
  return { kind: "alerts", alerts: read.notification.alerts };
}

function show(
  deps: CommandDeps,
  explanations: readonly Explanation[],
  total: number,
  offline: boolean,
): void {
  const paint = painter(deps.out, deps.env);
  for (const explained of explanations) {
    deps.out.write(`${paint("strong", titleOf(explained))}\n`);
    for (const verdict of explained.verdicts) deps.out.write(verdictText(verdict, paint));
    if (!isTaken(explained))
      deps.out.write(`${paint("warn", "No rule takes it: it is unknown, and a person would be told.")}\n`);
    for (const { rule, action, decision } of explained.outlooks) {
      const tone = decision.kind === "act" ? "good" : "warn";
      deps.out.write(
        `${rule}, ${action}: ${paint(tone, decision.kind)} ${plain(`${decision.reason.code}: ${decision.reason.message}`)}\n`,
      );
      deps.out.write(
        table(
          decision.trail.map((step) => ["   ", step.code, step.message]),
          paint,
          [null, "dim"],
        ),
      );
    }
    deps.out.write("\n");
  }
  if (total > explanations.length)
    deps.out.write(`${total - explanations.length} more alerts are left out.\n`);
  if (explanations.some(({ outlooks }) => outlooks.length > 0)) {
    deps.out.write(
      `${paint("dim", "Decided as if it were the first try: cooldowns, limits and pauses of the running server are not known here.")}\n`,
    );
  } else if (offline)
    deps.out.write(
      `${paint("dim", "Without --offline the cluster is asked and the decision is worked out.")}\n`,
    );
}

function titleOf({ alert }: Explanation): string {
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return plain(`${alert.status} {${labels.join(", ")}}`);
}

function verdictText(verdict: Verdict, paint: Paint): string {
  const mark = verdict.takes ? paint("good", "takes it") : paint("dim", "does not ");
  const head = `  ${mark}  ${verdict.rule}  ${paint("dim", plain(`${verdict.file}:${verdict.line}`))}  ${plain(verdict.reason.message)}\n`;
  const rows = verdict.matchers.map(({ matcher, fits, value }) => [
    "           ",
    fits ? "fits" : "no",
    matcher,
    value === null ? "" : `the alert has ${JSON.stringify(value)}`,
  ]);
  return head + table(rows, paint, [null, "dim", null, "dim"]);
}
