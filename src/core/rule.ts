import { z } from "zod";
import { Duration } from "./duration.ts";

/*
 * The rule format: what an SRE writes. Strict, so that a slip is an error and not a surprise.
 * Texts that may hold `${…}` are `Template`; they are compiled with the catalog (core/compile.ts), which also checks
 * what concerns several fields at once. The descriptions show in editors, through the JSON Schema.
 */

const text = z.string("expected a text").min(1, "expected a text that is not empty");
const Template = text;

const most = 10_000;
const change = `expected a change other than 0 such as +2, -1 or +50%, at most ${most}, and at least -100%`;

/** Far above any sensible step, and far below what arithmetic could get wrong. */
function isModest(by: number | string): boolean {
  const amount = Number.parseInt(String(by), 10);
  return amount !== 0 && Math.abs(amount) <= most && (amount >= -100 || !String(by).endsWith("%"));
}

/** A change relative to today's replicas: `+2`, `-1`, `+50%`; a bare number is absolute growth or shrinkage. */
const By = z
  .union([z.int(change), z.string().regex(/^[+-]\d{1,9}%?$/, change)], change)
  .refine(isModest, change);

const replicas = `expected a whole number of replicas from 0 to ${most}`;
const replicasOrExpression = `${replicas}, or \${…} that gives one`;
const Replicas = z.int(replicas).min(0, replicas).max(most, replicas);

const service = Template.describe(
  "The service's name or id as the Swarm knows it; ${…} holds an expression in CEL, such as ${alert.labels.service}.",
);

const ScaleService = z
  .strictObject({
    action: z.literal("scale-service").describe("Changes how many replicas a service has."),
    service,
    by: By.optional().describe(
      "A change of today's number of replicas: +2, -1, +50%. Exactly one of by and to.",
    ),
    to: z
      .union([Replicas, z.string().regex(/\$\{/, replicasOrExpression)], replicasOrExpression)
      .optional()
      .describe("The number of replicas itself, or ${…} that gives it. Exactly one of by and to."),
    min: Replicas.optional().describe(
      "Never fewer replicas than these. Default: the service's label homeostat.min.",
    ),
    max: Replicas.optional().describe(
      "Never more replicas than these. Default: the service's label homeostat.max. Without bounds anywhere nothing is scaled.",
    ),
  })
  .describe("Changes how many replicas a service has, within its bounds.");

const RestartService = z
  .strictObject({
    action: z.literal("restart-service").describe("Replaces every task of a service."),
    service,
  })
  .describe("Replaces every task of a service by one of the same kind.");

const RollbackService = z
  .strictObject({
    action: z.literal("rollback-service").describe("Takes a service back to its tasks before."),
    service,
  })
  .describe("Takes a service back to the tasks before its last deploy; its replicas stay.");

const CallWebhook = z
  .strictObject({
    action: z.literal("call-webhook").describe("Calls a URL."),
    /** The scheme and host must be literal: an alert's labels may choose the path, never the host. */
    url: Template.describe(
      "http or https, its host written out; ${…} may stand in the path and behind it and is escaped.",
    ),
    method: z.enum(["POST", "PUT", "PATCH", "DELETE", "GET"]).default("POST").describe("The HTTP method."),
    headers: z
      .record(
        z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "expected the name of a header"),
        Template,
        "expected headers, each as name: value",
      )
      .default({})
      .describe("Headers that go along; ${…} holds an expression."),
    /** A file with a bearer token, so that no secret stands in a rule. */
    bearerFile: text
      .optional()
      .describe("A file whose content goes along as a bearer token, read at each call."),
    body: Template.optional().describe("The body; ${…} holds an expression. Default: the alert as JSON."),
  })
  .describe("Calls a URL; an answer from 200 to 299 is a success.");

const Escalate = z
  .strictObject({
    action: z.literal("escalate").describe("Tells a person."),
    message: Template.optional().describe("What to say besides; ${…} holds an expression."),
  })
  .describe("Tells a person, in Slack where it is set up.");

const Ignore = z
  .strictObject({
    action: z.literal("ignore").describe("Does nothing and tells nobody."),
    reason: text.optional().describe("Why nobody needs to know; shows in the journal."),
  })
  .describe("Takes the alert and does nothing.");

export const Action = z.discriminatedUnion(
  "action",
  [ScaleService, RestartService, RollbackService, CallWebhook, Escalate, Ignore],
  { error: (issue) => (issue.input === undefined ? "expected an action" : undefined) },
);
export type Action = z.infer<typeof Action>;

const steps = "expected a list of 1 to 20 actions";
const Steps = z.array(Action, steps).min(1, steps).max(20, steps);

const Cooldown = z.union([
  Duration.transform((ms) => ({ up: ms, down: ms })),
  z.strictObject({
    up: Duration.prefault("3m").describe("After a growth, before the next one. Default 3m."),
    down: Duration.prefault("10m").describe(
      "After any change of size, before the next shrinkage. Default 10m.",
    ),
  }),
]);

const flag = z.boolean("expected true or false");
const within = (min: number, max: number): z.ZodInt => {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.int(error).min(min, error).max(max, error);
};
const matchers = "expected a list of 1 to 50 matchers";
const rungs = "expected a list of 1 to 20 lists of actions";

export const Rule = z.strictObject({
  name: z
    .string("expected a name")
    .regex(/^[a-z0-9][a-z0-9-]{0,99}$/, "expected at most 100 lower-case letters, digits and hyphens")
    .describe("What the rule is called in the journal, the metrics and messages; unique."),
  summary: text
    .max(500, "expected at most 500 characters")
    .optional()
    .describe("What it is for, in a sentence."),
  match: z
    .array(text, matchers)
    .min(1, matchers)
    .max(50, matchers)
    .describe(
      'Alertmanager\'s matchers, all of which must fit: alertname="SlowResponses". A missing label equals the empty text.',
    ),
  on: z
    .enum(["firing", "resolved"])
    .default("firing")
    .describe("Whether it acts on an alert that fires or on one that is over."),
  when: text.optional().describe("A condition in CEL over alert, now and service, asked after the matchers."),
  do: Steps.optional().describe(
    "What is done, step by step, each once the one before is verified. Exactly one of do and ladder.",
  ),
  ladder: z
    .array(Steps, rungs)
    .min(1, rungs)
    .max(20, rungs)
    .optional()
    .describe("Stronger and stronger remedies, one rung a try. Exactly one of do and ladder."),
  continue: flag.default(false).describe("Whether later rules may take the alert as well."),
  cooldown: Cooldown.prefault({ up: "3m", down: "10m" }).describe(
    "How long a target is left alone after a change: one duration, or one for each direction. Default 3m up, 10m down.",
  ),
  repeat: z
    .enum(["while-firing", "once"])
    .default("while-firing")
    .describe("Whether it decides again after the cooldown while the alert fires."),
  limit: z
    .strictObject({
      actions: within(1, 1000).describe("So many actions at most,"),
      per: Duration.describe("within this time."),
    })
    .prefault({ actions: 10, per: "1h" })
    .describe("How often one target may be changed. Default 10 in 1h."),
  attempts: within(1, 100)
    .default(3)
    .describe("Tries within one episode before a person is asked. Default 3."),
  verify: z
    .strictObject({
      within: Duration.prefault("2m").describe("How long success may take. Default 2m."),
      /** A PromQL condition as in an alert rule: it holds when the query returns a sample that is a number. */
      query: text
        .optional()
        .describe(
          'A PromQL condition; it holds when it returns a sample. ${…} stands within quotes: {service="${alert.labels.service}"}. Default: all replicas run.',
        ),
      /** How long an alert must stay resolved before earlier tries are forgotten. */
      healthy: Duration.prefault("5m").describe(
        "How long the alert must stay resolved before tries are forgotten. Default 5m.",
      ),
    })
    .prefault({ within: "2m", healthy: "5m" })
    .describe("How success is known."),
  otherwise: z
    .enum(["escalate", "rollback", "ignore"])
    .default("escalate")
    .describe("What follows a failure."),
  escalate: z
    .strictObject({
      channel: text.optional().describe("The Slack channel. Default: the one of the settings."),
      mention: text.optional().describe("Who is called: @here, or a Slack user or group."),
    })
    .default({})
    .describe("Where and to whom this rule's escalations go."),
});
export type Rule = z.infer<typeof Rule>;

/** So many rules a file: more is a generator gone wrong. */
export const mostRules = 20_000;

export const RuleFile = z.strictObject({
  rules: z
    .array(Rule, "expected a list of rules")
    .max(mostRules, `expected at most ${mostRules} rules in a file`)
    .describe("In order: the first rule that fits takes the alert, unless it says continue."),
});
export type RuleFile = z.infer<typeof RuleFile>;
