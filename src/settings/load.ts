import { shown } from "../core/shown.ts";
import { readSettingsFile, type FileSettings } from "./file.ts";
import { isLoopback } from "./listen.ts";
import { nearest } from "../core/nearest.ts";
import { codeOf, type ReadFile } from "./read-file.ts";
import { keys, secrets, Settings, variables, type Key } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type Loaded =
  | { readonly ok: true; readonly settings: Settings; readonly warnings: readonly string[] }
  /** All faults at once: the setting, what was expected, what was found. No secret is in them. */
  | {
      readonly ok: false;
      readonly faults: readonly string[];
      readonly warnings: readonly string[];
    };

/** One layer's word on one setting: where it stands and what it says, or what is wrong with it. */
type Given = { readonly origin: string; readonly value: unknown } | { readonly fault: string };

/** Settings from the environment, else from the file, else their defaults. */
export function loadSettings(env: Environment, readFile: ReadFile): Loaded {
  const file = readSettingsFile(env["HOMEOSTAT_CONFIG"], readFile);
  const faults = [...file.faults];
  const values: Partial<Record<Key, unknown>> = {};
  const bad = new Set<Key>();
  for (const key of keys) {
    const given = fromEnvironment(key, env, readFile) ?? fromFile(key, file, readFile);
    if (given === undefined) continue;
    const fault = "fault" in given ? given.fault : faultOf(key, given);
    if (fault !== undefined) {
      faults.push(fault);
      bad.add(key);
    } else if ("value" in given) {
      values[key] = given.value;
    }
  }
  const warnings = unknownVariables(env);
  const settings = Settings.parse(values);
  faults.push(...misfits(settings, bad));
  if (faults.length > 0) return { ok: false, faults, warnings };
  if (settings.slackChannel !== null && settings.slackBotToken === null) {
    warnings.push(
      `${variables.slackChannel} is set but ${variables.slackBotToken} is not: nothing is posted to Slack`,
    );
  }
  return { ok: true, settings, warnings };
}

function faultOf(key: Key, given: { readonly origin: string; readonly value: unknown }): string | undefined {
  const read = Settings.shape[key].safeParse(given.value);
  if (read.success) return undefined;
  const found = secrets.has(key)
    ? "something else (not shown, as it is a secret)"
    : shown(withoutCredentials(given.value));
  return `${given.origin}: ${read.error.issues[0]?.message ?? "not valid"}, received ${found}`;
}

const withoutCredentials = (value: unknown): unknown =>
  typeof value === "string" ? value.replace(/\/\/[^/\s]*@/, "//…@") : value;

/** An empty variable counts as absent, as a compose file's `${NAME:-}` makes one. */
function fromEnvironment(key: Key, env: Environment, readFile: ReadFile): Given | undefined {
  const name = variables[key];
  const value = env[name] === "" ? undefined : env[name];
  const path = secrets.has(key) && env[`${name}_FILE`] !== "" ? env[`${name}_FILE`] : undefined;
  if (path !== undefined && value !== undefined)
    return { fault: `${name}: expected it or ${name}_FILE, received both` };
  if (path !== undefined) return fromSecretFile(`${name}_FILE`, path, readFile);
  return value === undefined ? undefined : { origin: name, value };
}

function fromFile(key: Key, file: FileSettings, readFile: ReadFile): Given | undefined {
  const value = file.values.get(key);
  const path = file.values.get(`${key}File`);
  if (path !== undefined && value !== undefined)
    return { fault: `${value.origin}: expected it or ${key}File, received both` };
  if (path === undefined) return value;
  if (typeof path.value === "string" && path.value !== "")
    return fromSecretFile(path.origin, path.value, readFile);
  return { fault: `${path.origin}: expected a path, received ${shown(path.value)}` };
}

function fromSecretFile(origin: string, path: string, readFile: ReadFile): Given {
  try {
    const value = readFile(path).replace(/\r?\n$/, "");
    return value === ""
      ? { fault: `${origin}: expected a token in ${shown(path)}, received an empty file` }
      : { origin, value };
  } catch (error) {
    return {
      fault: `${origin}: expected a readable file, received ${shown(path)} (${codeOf(error)})`,
    };
  }
}

/** What passes alone and does not fit together. Nothing is said of a setting that is at fault by itself. */
function misfits(settings: Settings, bad: ReadonlySet<Key>): string[] {
  const { listen, webhookToken, slackBotToken, slackChannel, dockerHost, dockerTlsVerify, dockerCertPath } =
    settings;
  const faults: [Key, Key, string][] = [];
  if (webhookToken === null && !isLoopback(listen.host)) {
    const found = listen.host === "" ? "every address" : shown(listen.host);
    faults.push([
      "listen",
      "webhookToken",
      `expected a loopback address as no ${variables.webhookToken} is set, received ${found}`,
    ]);
  }
  if (slackBotToken !== null && slackChannel === null) {
    faults.push([
      "slackChannel",
      "slackBotToken",
      `expected a channel as ${variables.slackBotToken} is set, received nothing`,
    ]);
  }
  if (dockerTlsVerify && !dockerHost.startsWith("unix:") && dockerCertPath === null) {
    const expected = `expected a folder with ca.pem, cert.pem and key.pem as ${variables.dockerTlsVerify} is set`;
    faults.push(["dockerCertPath", "dockerHost", `${expected}, received nothing`]);
  }
  return faults
    .filter(([key, other]) => !bad.has(key) && !bad.has(other))
    .map(([key, , fault]) => `${variables[key]}: ${fault}`);
}

const known = [
  "HOMEOSTAT_CONFIG",
  ...keys.flatMap((key) =>
    secrets.has(key) ? [variables[key], `${variables[key]}_FILE`] : [variables[key]],
  ),
];

function unknownVariables(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith("HOMEOSTAT_") && !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      return `${name} is not a setting of this version${near === undefined ? "" : `; did you mean ${near}?`}`;
    });
}
