import { z } from "zod";
import { Duration } from "./duration.ts";

/*
 * The rule format: what an SRE writes. Strict, so that a slip is an error and not a surprise.
 * Texts that may hold `${…}` are `Template`; they are compiled with the catalog (core/catalog.ts).
 */

const Template = z.string().min(1);

/** A change relative to today's replicas: `+2`, `-1`, `+50%`; a bare number is absolute growth or shrinkage. */
export const By = z
  .union([z.int(), z.string().regex(/^[+-]\d{1,9}%?$/, "expected +N, -N, +N% or -N%")])
  .refine((by) => Number.parseInt(String(by), 10) !== 0, "expected a change other than 0");

const Replicas = z.int().min(0).max(10_000);

const ScaleService = z
  .strictObject({
    action: z.literal("scale-service"),
    service: Template,
    by: By.optional(),
    to: z.union([Replicas, Template]).optional(),
    min: Replicas.optional(),
    max: Replicas.optional(),
  })
  .refine((a) => (a.by === undefined) !== (a.to === undefined), "expected exactly one of by and to")
  .refine((a) => (a.min ?? 0) <= (a.max ?? Infinity), "expected min to be at most max");

const RestartService = z.strictObject({ action: z.literal("restart-service"), service: Template });

const RollbackService = z.strictObject({
  action: z.literal("rollback-service"),
  service: Template,
});

const CallWebhook = z.strictObject({
  action: z.literal("call-webhook"),
  /** The scheme and host must be literal: an alert's labels may choose the path, never the host. */
  url: Template,
  method: z.enum(["POST", "PUT", "PATCH", "DELETE", "GET"]).default("POST"),
  headers: z.record(z.string(), Template).default({}),
  /** A file with a bearer token, so that no secret stands in a rule. */
  bearerFile: z.string().min(1).optional(),
  body: Template.optional(),
});

const Escalate = z.strictObject({ action: z.literal("escalate"), message: Template.optional() });

const Ignore = z.strictObject({
  action: z.literal("ignore"),
  reason: z.string().min(1).optional(),
});

export const Action = z.discriminatedUnion("action", [
  ScaleService,
  RestartService,
  RollbackService,
  CallWebhook,
  Escalate,
  Ignore,
]);
export type Action = z.infer<typeof Action>;

const Steps = z.array(Action).min(1).max(20);

const Cooldown = z.union([
  Duration.transform((ms) => ({ up: ms, down: ms })),
  z.strictObject({ up: Duration.default(180_000), down: Duration.default(600_000) }),
]);

export const Rule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,99}$/, "expected lower-case letters, digits and hyphens"),
    summary: z.string().min(1).max(500).optional(),
    match: z.array(z.string().min(1)).min(1).max(50),
    on: z.enum(["firing", "resolved"]).default("firing"),
    when: z.string().min(1).optional(),
    do: Steps.optional(),
    ladder: z.array(Steps).min(1).max(20).optional(),
    continue: z.boolean().default(false),
    cooldown: Cooldown.default({ up: 180_000, down: 600_000 }),
    repeat: z.enum(["while-firing", "once"]).default("while-firing"),
    limit: z
      .strictObject({ actions: z.int().min(1).max(1000), per: Duration })
      .default({ actions: 10, per: 3_600_000 }),
    attempts: z.int().min(1).max(100).default(3),
    verify: z
      .strictObject({
        within: Duration.default(120_000),
        /** A PromQL condition as in an alert rule: it holds when the query returns a sample that is a number. `${…}` is allowed. */
        query: z.string().min(1).optional(),
        /** How long an alert must stay resolved before earlier tries are forgotten. */
        healthy: Duration.default(300_000),
      })
      .default({ within: 120_000, healthy: 300_000 }),
    otherwise: z.enum(["escalate", "rollback", "ignore"]).default("escalate"),
    escalate: z
      .strictObject({
        channel: z.string().min(1).optional(),
        mention: z.string().min(1).optional(),
      })
      .default({}),
  })
  .refine(
    (r) => (r.do === undefined) !== (r.ladder === undefined),
    "expected exactly one of do and ladder",
  );
export type Rule = z.infer<typeof Rule>;

export const RuleFile = z.strictObject({ rules: z.array(Rule).max(20_000) });
export type RuleFile = z.infer<typeof RuleFile>;
