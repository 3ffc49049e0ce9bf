import type { RequestHandler, Response } from "express";
import { z } from "zod";
import type { Controller } from "../core/controller.ts";
import { Duration } from "../core/duration.ts";
import type { Clock } from "../core/ports.ts";
import { answer, refuse } from "./answer.ts";
import { readBytes, readJson, refuseMediaType } from "./body.ts";
import { guarded } from "./alertmanager.ts";
import { checked } from "./query.ts";

export type PauseParts = {
  readonly controller: Pick<Controller, "pause" | "resume">;
  readonly clock: Pick<Clock, "now">;
  /** Completes a bare service name to a target's id. */
  readonly cluster: string;
};

const smallBody = 16_384;

/** `POST /api/v1/pause`: answers the pause as it is in force. */
export const pause = ({ controller, clock, cluster }: PauseParts): RequestHandler[] =>
  posted(PauseRequest, async ({ scope, for: duration, reason, by }, response) => {
    const until = duration === undefined ? null : clock.now() + duration;
    answer(response, 200, await controller.pause({ scope: scopeIn(cluster, scope), by, reason, until }));
  });

/** `POST /api/v1/resume`: 404 when that scope was not paused. */
export const resume = ({ controller, cluster }: PauseParts): RequestHandler[] =>
  posted(ResumeRequest, async (request, response) => {
    const scope = scopeIn(cluster, request.scope);
    if (await controller.resume(scope, request.by)) return answer(response, 200, { resumed: scope });
    refuse(response, { status: 404, code: "NotPaused", message: `${scope} is not paused` });
  });

const scopeIn = (cluster: string, scope: string): string =>
  ["all", "up", "down"].includes(scope) || scope.includes("/") ? scope : `${cluster}/service/${scope}`;

function posted<Schema extends z.ZodObject>(
  schema: Schema,
  handle: (value: z.infer<Schema>, response: Response) => Promise<void>,
): RequestHandler[] {
  const handler: RequestHandler = async (request, response) => {
    const body = await readBytes(request, smallBody);
    if (body.kind === "refused") return refuse(response, body.refusal);
    const json = readJson(body.bytes);
    if (json.kind === "refused") return refuse(response, json.refusal);
    const read = checked(schema, json.value, "BadRequest");
    if (read.kind === "refused") return refuse(response, read.refusal);
    await handle(read.value, response);
  };
  return [guarded(refuseMediaType), handler];
}

const scopeExpected = "expected all, up, down, a service's name or a target such as default/service/shop_web";
const byExpected = "expected who asks for it, in 1 to 100 characters";
const reasonExpected = "expected at most 500 characters";

const Scope = z
  .string(scopeExpected)
  .regex(
    /^(?:[A-Za-z0-9_.-]{1,63}\/service\/)?[A-Za-z0-9_.:-]{1,255}$|^[A-Za-z0-9_.-]{1,63}\/webhook\/[a-z0-9-]{1,100}\/[0-9a-f]{16}$/,
    scopeExpected,
  );
const By = z.string(byExpected).min(1, byExpected).max(100, byExpected);

const PauseRequest = z.strictObject(
  {
    scope: Scope,
    /** Until resumed when left out. */
    for: Duration.refine((ms) => ms > 0, "expected a duration longer than 0").optional(),
    reason: z.string(reasonExpected).max(500, reasonExpected).default(""),
    by: By,
  },
  "expected an object",
);
const ResumeRequest = z.strictObject({ scope: Scope, by: By }, "expected an object");
