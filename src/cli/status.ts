import { z } from "zod";
import type { Settings } from "../settings/settings.ts";
import { ask, explainNo, understood } from "./client.ts";
import type { CommandDeps, ExitCode } from "./deps.ts";
import { json, painter, plain, relative, roughly, table } from "./terminal.ts";

const StatusShown = z.looseObject({
  version: z.string(),
  startedAt: z.number(),
  dryRun: z.boolean(),
  catalog: z.looseObject({ version: z.string(), rules: z.number(), faults: z.array(z.string()) }),
  pauses: z.array(
    z.looseObject({
      scope: z.string(),
      by: z.string(),
      reason: z.string(),
      until: z.number().nullable(),
    }),
  ),
  backlog: z.number(),
  episodes: z.looseObject({
    open: z.number(),
    held: z.number(),
    verifying: z.number(),
    handedOver: z.number(),
  }),
  escalations: z.looseObject({ open: z.number(), undelivered: z.number() }),
  checks: z.array(z.looseObject({ name: z.string(), ok: z.boolean(), message: z.string() })),
});

/** Yes when every check is fine. */
export async function status(deps: CommandDeps, settings: Settings, asJson: boolean): Promise<ExitCode> {
  const shown = understood(StatusShown, await ask(deps, settings, "/api/v1/status"));
  if (shown.kind === "refused") return explainNo(deps, asJson, shown);
  const { value } = shown;
  const code = value.checks.every((check) => check.ok) && value.catalog.faults.length === 0 ? 0 : 1;
  if (asJson) {
    deps.out.write(json(value));
    return code;
  }
  const paint = painter(deps.out, deps.env);
  const now = deps.now();
  const { episodes, escalations, catalog } = value;
  const dry = value.dryRun ? paint("warn", ", dry run: nothing is changed") : "";
  deps.out.write(
    `${paint("strong", `Homeostat ${plain(value.version)}`)}, up ${roughly(now - value.startedAt)}${dry}\n`,
  );
  const rows = [
    ["rules", `${catalog.rules} in force, version ${catalog.version}`],
    ...catalog.faults.map((fault) => ["  refused", fault]),
    [
      "episodes",
      `${episodes.open} open, ${episodes.held} held, ${episodes.verifying} verifying, ${episodes.handedOver} handed over`,
    ],
    ["escalations", `${escalations.open} open, ${escalations.undelivered} undelivered`],
    ["backlog", `${value.backlog} notifications`],
    ...value.pauses.map((pause) => [
      "paused",
      `${pause.scope} by ${pause.by}, ${pause.until === null ? "until resumed" : `ends ${relative(pause.until, now)}`}${pause.reason === "" ? "" : `: ${pause.reason}`}`,
    ]),
    ...value.checks.map((check) => [check.name, `${check.ok ? "ok" : "NOT OK"}: ${check.message}`]),
  ];
  deps.out.write(table(rows, paint, ["dim"]));
  return code;
}
