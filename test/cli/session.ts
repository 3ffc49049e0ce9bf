import type { CompiledRule, Scope } from "../../src/core/catalog.ts";
import { Rule } from "../../src/core/rule.ts";
import type { ServiceState } from "../../src/core/target.ts";
import type { CommandDeps, ExitCode, LoadedRules } from "../../src/cli/deps.ts";
import { runProgram } from "../../src/cli/program.ts";
import { label, type Alert, type Labels } from "../../src/core/alert.ts";
import type { Settings } from "../../src/settings/settings.ts";
import { noon } from "../http/fake-controller.ts";

export type Said = { code: ExitCode; out: string; err: string };

export type Session = {
  env: Record<string, string>;
  files: Record<string, string>;
  stdin: string;
  rules: LoadedRules;
  services: Record<string, ServiceState>;
  /** What the cluster was asked for. */
  observed: string[];
  served: Settings[];
  isTTY: boolean;
  run(...words: string[]): Promise<Said>;
};

/** Command lines run in this process, with their output captured. */
export function session(): Session {
  const state: Session = {
    env: {},
    files: {},
    stdin: "",
    rules: { kind: "refused", faults: [] },
    services: {},
    observed: [],
    served: [],
    isTTY: false,
    async run(...words) {
      let [out, err] = ["", ""];
      const deps: CommandDeps = {
        version: "0.1.0",
        env: state.env,
        readFile: (path) => {
          const text = state.files[path];
          if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
          return text;
        },
        fetch,
        out: { isTTY: state.isTTY, write: (text) => (out += text) },
        err: { isTTY: false, write: (text) => (err += text) },
        now: () => noon,
        user: () => "ann",
        readStdin: async () => state.stdin,
        loadRules: async () => state.rules,
        matches: equality,
        observe: async (_settings, name) => {
          state.observed.push(name);
          return state.services[name] ?? null;
        },
        serve: async (settings) => {
          state.served.push(settings);
          return 0;
        },
        sandbox: async ({ forever, seconds }) => {
          out += seconds === null ? (forever ? "for ever" : "for a minute") : `for ${seconds} s`;
          return 0;
        },
      };
      return { code: await runProgram(words, deps), out, err };
    },
  };
  return state;
}

/** `name="value"` alone, which is all that these tests write. */
function equality(matcher: string, labels: Labels): boolean {
  const [name = "", value = ""] = matcher.split("=");
  return JSON.stringify(label(labels, name)) === value;
}

type Making = {
  match: string[];
  action?: object;
  when?: (scope: Scope) => boolean;
  needsService?: boolean;
  more?: object;
};

export function rule(name: string, making: Making): CompiledRule {
  const action = making.action ?? {
    action: "scale-service",
    service: "shop_web",
    by: "+2",
    min: 1,
    max: 10,
  };
  const spec = Rule.parse({
    name,
    match: making.match,
    do: [action],
    ...(making.when === undefined ? {} : { when: "…" }),
    ...making.more,
  });
  return {
    name,
    spec,
    source: { file: "rules/shop.yml", line: 3, column: 5 },
    when: making.when ?? null,
    needsService: making.needsService ?? false,
    verifyQuery: () => null,
    steps: () =>
      (spec.do ?? []).map((step) => ({
        spec: step,
        text: (field) => {
          const value: unknown = Object.entries(step).find(([key]) => key === field)?.[1];
          return typeof value === "string" ? value : undefined;
        },
      })),
  };
}

export const rulesOf = (...rules: CompiledRule[]): LoadedRules => ({
  kind: "loaded",
  catalog: {
    version: "v1",
    rules,
    rule: (name) => rules.find((candidate) => candidate.name === name),
    candidates: (alert: Pick<Alert, "labels" | "status">) =>
      rules.filter(
        ({ spec }) =>
          spec.on === alert.status && spec.match.every((matcher) => equality(matcher, alert.labels)),
      ),
  },
});
