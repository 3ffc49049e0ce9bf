import { z } from "zod";
import type { Settings } from "../settings/settings.ts";
import { ask, explainNo, understood } from "./client.ts";
import type { CommandDeps, ExitCode } from "./deps.ts";
import { json, plain, relative } from "./terminal.ts";

const PauseShown = z.looseObject({ scope: z.string(), until: z.number().nullable() });
const ResumeShown = z.looseObject({ resumed: z.string() });

export type PauseOptions = {
  readonly for?: string;
  readonly reason?: string;
  readonly by?: string;
  readonly json?: boolean;
};

export async function pause(
  deps: CommandDeps,
  settings: Settings,
  scope: string,
  options: PauseOptions,
): Promise<ExitCode> {
  const { json: asJson = false, by = deps.user(), ...rest } = options;
  const shown = understood(PauseShown, await ask(deps, settings, "/api/v1/pause", { scope, by, ...rest }));
  if (shown.kind === "refused") return explainNo(deps, asJson, shown);
  const { value } = shown;
  const until = value.until === null ? "until it is resumed" : `it ends ${relative(value.until, deps.now())}`;
  deps.out.write(asJson ? json(value) : `Paused ${plain(value.scope)}; ${until}.\n`);
  return 0;
}

export async function resume(
  deps: CommandDeps,
  settings: Settings,
  scope: string,
  options: Omit<PauseOptions, "for" | "reason">,
): Promise<ExitCode> {
  const { json: asJson = false, by = deps.user() } = options;
  const shown = understood(ResumeShown, await ask(deps, settings, "/api/v1/resume", { scope, by }));
  if (shown.kind === "refused") return explainNo(deps, asJson, shown);
  deps.out.write(asJson ? json(shown.value) : `Resumed ${plain(shown.value.resumed)}.\n`);
  return 0;
}
