import { Environment, parse } from "@marcbachmann/cel-js";
import { RE2JS } from "re2js";
import type { Labels } from "./alert.ts";
import type { Scope } from "./catalog.ts";
import type { ServiceState } from "./target.ts";

/*
 * What an expression can see and call. Values are handed over as instances of these classes and as Maps, so that
 * an expression reaches the declared fields and nothing behind them, whatever a label is named.
 */

class AlertView {
  readonly status: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly startsAt: Date;
  readonly fingerprint: string;
  readonly generatorURL: string;

  constructor(alert: Scope["alert"]) {
    this.status = alert.status;
    this.labels = mapOf(alert.labels);
    this.annotations = mapOf(alert.annotations);
    this.startsAt = new Date(alert.startsAt);
    this.fingerprint = alert.fingerprint;
    this.generatorURL = alert.generatorURL;
  }
}

/** Every field is missing where there is no service: reading one is an error, and `service == null` is true. */
class ServiceView {
  readonly name: string | undefined;
  readonly mode: string | undefined;
  readonly replicas: bigint | undefined;
  readonly running: bigint | undefined;
  readonly image: string | undefined;
  readonly labels: ReadonlyMap<string, string> | undefined;

  constructor(service: ServiceState | null) {
    if (service === null) return;
    this.name = service.name;
    this.mode = service.mode;
    this.replicas = BigInt(service.replicas);
    this.running = BigInt(service.running);
    this.image = service.image;
    this.labels = mapOf(service.labels);
  }
}

const timestamp = "google.protobuf.Timestamp";
const texts = "map<string, string>";

const alertFields = {
  status: "string",
  labels: texts,
  annotations: texts,
  startsAt: timestamp,
  fingerprint: "string",
  generatorURL: "string",
} as const;

const serviceFields = {
  name: "string",
  mode: "string",
  replicas: "int",
  running: "int",
  image: "string",
  labels: texts,
} as const;

/** The names that an expression starts from, each with its fields where it has any. */
export const names: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["alert", Object.keys(alertFields)],
  ["service", Object.keys(serviceFields)],
  ["now", []],
]);

/** Bounds on one expression, so that no rule can make a decision slow. */
export const mostElements = 100;

/** Patterns by their text: expressions hold few of them, and compiling one costs 100 times a match. */
const patterns = new Map<string, RE2JS>();
const mostPatterns = 10_000;

/** Compiles an RE2 pattern; throws an error that says what is wrong with it. */
export function pattern(text: string): RE2JS {
  const known = patterns.get(text);
  if (known !== undefined) return known;
  const compiled = RE2JS.compile(text);
  if (patterns.size >= mostPatterns) patterns.clear();
  patterns.set(text, compiled);
  return compiled;
}

/** CEL's own int() takes the empty text for 0: a missing number must not become a size. */
function wholeNumber(text: string): bigint {
  const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text) : null;
  if (value === null || BigInt.asIntN(64, value) !== value)
    throw new RangeError(`int() expected a whole number, got ${JSON.stringify(text.slice(0, 40))}`);
  return value;
}

/** CEL's own duration() goes over a text once for every pair of its digits: 64 KiB of them would take it hours. */
const longestDuration = 64;
const celDuration = parse("duration(text)");
function duration(text: string): unknown {
  if (text.length > longestDuration)
    throw new RangeError(`duration() expected at most ${longestDuration} characters, got ${text.length}`);
  const value: unknown = celDuration({ text });
  return value;
}

export const environment: Environment = new Environment({
  limits: {
    maxAstNodes: 500,
    maxDepth: 50,
    maxListElements: mostElements,
    maxMapEntries: mostElements,
    maxCallArguments: 8,
  },
})
  .registerType("Alert", { ctor: AlertView, fields: alertFields })
  .registerType("Service", { ctor: ServiceView, fields: serviceFields })
  // Also gives != and the operands the other way round.
  .registerOperator("Service == null", (service: ServiceView) => service.name === undefined)
  .registerVariable("alert", "Alert")
  .registerVariable("now", timestamp)
  .registerVariable("service", "Service")
  .registerFunction("re(string, string): bool", (text: string, expression: string) =>
    pattern(expression).test(text),
  )
  .registerFunction("int_strict(string): int", wholeNumber)
  .registerFunction("int_strict(int): int", (value: bigint) => value)
  .registerFunction("int_strict(double): int", (value: number) => wholeNumber(String(Math.trunc(value))))
  .registerFunction("duration_strict(string): google.protobuf.Duration", duration)
  .registerFunction(`string(${timestamp}): string`, (at: Date) => at.toISOString());

const nobody = new ServiceView(null);

/** An alert is asked several expressions in a row; it does not change meanwhile. */
const alerts = new WeakMap<Scope["alert"], AlertView>();

/** The values of an expression's names. */
export function context({ alert, now, service }: Scope): Record<string, unknown> {
  let view = alerts.get(alert);
  if (view === undefined) {
    view = new AlertView(alert);
    alerts.set(alert, view);
  }
  return {
    alert: view,
    now: new Date(now),
    service: service === null ? nobody : new ServiceView(service),
  };
}

/** Characters of all labels, or of all annotations. Looking for one in another may cost the product of their lengths. */
const mostText = 262_144;

function mapOf(labels: Labels): ReadonlyMap<string, string> {
  const map = new Map(Object.entries(labels));
  let length = 0;
  for (const [name, value] of map) length += name.length + value.length;
  if (length > mostText)
    throw new RangeError(`the labels or annotations hold more than ${mostText} characters`);
  return map;
}
