import type { CommandDeps, ExitCode } from "./deps.ts";
import { json, painter, plain } from "./terminal.ts";

/** Loads the rules as the server would, and tells every fault. */
export async function check(deps: CommandDeps, folder: string, asJson: boolean): Promise<ExitCode> {
  const loaded = await deps.loadRules(folder);
  if (loaded.kind === "loaded") {
    const { rules } = loaded.catalog;
    const files = new Set(rules.map((rule) => rule.source.file)).size;
    deps.out.write(
      asJson
        ? json({ ok: true, rules: rules.length, files })
        : `${counted(rules.length, "rule")} in ${counted(files, "file")} ${rules.length === 1 ? "is" : "are"} good\n`,
    );
    return 0;
  }
  const { faults } = loaded;
  if (asJson) deps.out.write(json({ ok: false, faults }));
  else {
    for (const fault of faults) deps.err.write(`${plain(fault)}\n`);
    deps.err.write(
      `${painter(deps.err, deps.env)("bad", `${counted(faults.length, "fault")} in ${folder}`)}\n`,
    );
  }
  return 1;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
