import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { loadSettings } from "../settings/load.ts";
import type { Settings } from "../settings/settings.ts";
import { check } from "./check.ts";
import type { CommandDeps, ExitCode } from "./deps.ts";
import { explain, type ExplainOptions } from "./explain.ts";
import { history, type HistoryOptions } from "./history.ts";
import { pause, resume, type PauseOptions } from "./pauses.ts";
import { ruleFileSchema } from "./schema.ts";
import { status } from "./status.ts";
import { json, painter, plain } from "./terminal.ts";

/**
 * The command line. Each command hands its exit code to `exit`; misuse and help throw CommanderError, and nothing
 * here ends the process.
 */
function buildProgram(deps: CommandDeps, exit: (code: ExitCode) => void): Command {
  const program = new Command("homeostat")
    .description(
      "Keeps a Docker Swarm in the state its people want: alerts in, guarded and verified actions out",
    )
    .version(deps.version)
    .showHelpAfterError("(--help tells how)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => deps.out.write(text),
      writeErr: (text) => deps.err.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });

  /** Runs with the settings of the file and the environment, or says all that is wrong with them. */
  const withSettings = async (
    change: Readonly<Record<string, string | undefined>>,
    run: (settings: Settings) => Promise<ExitCode>,
  ): Promise<void> => {
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    const loaded = loadSettings({ ...deps.env, ...Object.fromEntries(given) }, deps.readFile);
    const paint = painter(deps.err, deps.env);
    for (const warning of loaded.warnings) deps.err.write(`${paint("warn", "warning")}: ${plain(warning)}\n`);
    if (loaded.ok) return exit(await run(loaded.settings));
    for (const fault of loaded.faults) deps.err.write(`${paint("bad", "setting")}: ${plain(fault)}\n`);
    exit(2);
  };
  const command = (usage: string, description: string, example: string): Command =>
    program
      .command(usage)
      .description(description)
      .addHelpText("after", `\nExample:\n  $ homeostat ${example}`);
  const asJson = (): Option => new Option("--json", "print JSON");
  const url = (): Option =>
    new Option("--url <url>", "where the server runs (default: HOMEOSTAT_URL, else from HOMEOSTAT_LISTEN)");

  command("serve", "run the server; settings come from homeostat.yml and the environment", "serve")
    .addOption(new Option("--dry-run", "decide on the real world and change nothing"))
    .addOption(asJson().hideHelp())
    .action((options: { dryRun?: boolean }) =>
      withSettings({ HOMEOSTAT_DRY_RUN: options.dryRun === true ? "true" : undefined }, (settings) =>
        deps.serve(settings),
      ),
    );

  command("check", "load the rules and tell every fault", "check rules")
    .argument("[folder]", "the folder of rule files (default: HOMEOSTAT_RULES)")
    .addOption(asJson())
    .action((folder: string | undefined, options: { json?: boolean }) =>
      folder === undefined
        ? withSettings({}, (settings) => check(deps, settings.rules, options.json === true))
        : check(deps, folder, options.json === true).then(exit),
    );

  command(
    "explain",
    "say why each rule takes an alert or does not, and what would follow; it never acts",
    "explain --alert alertname=SlowResponses --alert service=shop_web",
  )
    .argument("[payload]", "a notification as Alertmanager posts it: a JSON file, or - for standard input")
    .option("--alert <name=value...>", "labels of an alert, in place of a payload")
    .addOption(
      new Option("--status <status>", "of the alert that --alert makes").choices(["firing", "resolved"]),
    )
    .option("--rules <folder>", "the folder of rule files (default: HOMEOSTAT_RULES)")
    .option("--offline", "do not ask the cluster")
    .addOption(asJson())
    .action((payload: string | undefined, options: ExplainOptions) =>
      withSettings({}, (settings) => explain(deps, settings, payload, options)),
    );

  command(
    "status",
    "how the running server is; 1 when something is not as it should be",
    "status --url http://127.0.0.1:8080",
  )
    .addOption(url())
    .addOption(asJson())
    .action((options: { url?: string; json?: boolean }) =>
      withSettings({ HOMEOSTAT_URL: options.url }, (settings) =>
        status(deps, settings, options.json === true),
      ),
    );

  command(
    "history",
    "the newest entries of the journal, the newest last",
    "history --kind decision,intent --target default/service/shop_web",
  )
    .option("--limit <number>", "at most so many, up to 1000")
    .option("--before <seq>", "only entries older than this one")
    .option("--kind <kinds>", "only these kinds, separated by commas")
    .option("--episode <id>", "only one episode")
    .option("--target <id>", "only one target, such as default/service/shop_web")
    .addOption(url())
    .addOption(asJson())
    .action(({ url: where, ...options }: HistoryOptions & { url?: string }) =>
      withSettings({ HOMEOSTAT_URL: where }, (settings) => history(deps, settings, options)),
    );

  const scope = "all, up, down, a service's name, or a target such as default/service/shop_web";
  command(
    "pause",
    "hold all actions, one direction, or one target",
    'pause down --for 2h --reason "sale until noon"',
  )
    .argument("<scope>", scope)
    .option("--for <duration>", "such as 30m or 2h (default: until resumed)")
    .option("--reason <text>", "why, for those who wonder later")
    .option("--by <name>", "who asks for it (default: the system's user)")
    .addOption(url())
    .addOption(asJson())
    .action((target: string, { url: where, ...options }: PauseOptions & { url?: string }) =>
      withSettings({ HOMEOSTAT_URL: where }, (settings) => pause(deps, settings, target, options)),
    );

  command("resume", "end a pause", "resume down")
    .argument("<scope>", scope)
    .option("--by <name>", "who asks for it (default: the system's user)")
    .addOption(url())
    .addOption(asJson())
    .action((target: string, { url: where, ...options }: PauseOptions & { url?: string }) =>
      withSettings({ HOMEOSTAT_URL: where }, (settings) => resume(deps, settings, target, options)),
    );

  command("schema", "print the JSON Schema of a rule file, for editors", "schema > rules.schema.json")
    .addOption(asJson())
    .action(() => {
      deps.out.write(json(ruleFileSchema()));
      exit(0);
    });

  command("sandbox", "see the whole loop work on an embedded cluster that is not real", "sandbox")
    .option("--forever", "go on until stopped")
    .option("--seconds <number>", "end after so many seconds (default: when its story is over)", wholeSeconds)
    .addOption(asJson().hideHelp())
    .action(async ({ forever = false, seconds = null }: { forever?: boolean; seconds?: number | null }) =>
      exit(await deps.sandbox({ forever, seconds })),
    );

  return program;
}

function wholeSeconds(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number of seconds.");
}

/** Runs one command line, without the program's own name, and gives its exit code. */
export async function runProgram(words: readonly string[], deps: CommandDeps): Promise<ExitCode> {
  let code: ExitCode = 0;
  try {
    await buildProgram(deps, (given) => {
      code = given;
    }).parseAsync(words, { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const asked = error.code === "commander.helpDisplayed" || error.code === "commander.version";
    return asked ? 0 : 2;
  }
}
