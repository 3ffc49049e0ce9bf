import type { RequestHandler } from "express";
import { readNotification } from "../core/alert.ts";
import type { Controller } from "../core/controller.ts";
import { answer, refuse } from "./answer.ts";
import type { Guard } from "./auth.ts";
import { readBytes, readJson, refuseMediaType } from "./body.ts";

/** Seconds; Alertmanager has a back-off of its own, others heed this. */
const comeAgain = "5";

/**
 * `POST /webhooks/alertmanager`, cheapest refusal first. 202 means that the notification is durable; 503 that it could
 * not be made so. Whatever becomes of the alerts later is no concern of the sender, who would only send them again.
 */
export const alertmanager = (
  controller: Pick<Controller, "receive">,
  guard: Guard,
  bodyLimit: number,
): RequestHandler[] => [guarded(guard), guarded(refuseMediaType), receive(controller, bodyLimit)];

/** Answers with the guard's refusal, or goes on. */
export const guarded =
  (guard: Guard): RequestHandler =>
  (request, response, next) => {
    const refusal = guard(request);
    if (refusal === null) next();
    else refuse(response, refusal);
  };

const receive =
  (controller: Pick<Controller, "receive">, bodyLimit: number): RequestHandler =>
  async (request, response) => {
    const body = await readBytes(request, bodyLimit);
    if (body.kind === "refused") return refuse(response, body.refusal);
    const json = readJson(body.bytes);
    if (json.kind === "refused") return refuse(response, json.refusal);
    const read = readNotification(json.value);
    if (read.kind === "faulty") {
      const message = "expected an Alertmanager notification, payload version 4";
      return refuse(response, {
        status: 400,
        code: "NotANotification",
        message,
        faults: read.faults,
      });
    }
    const receipt = await controller.receive(read.notification, body.bytes);
    switch (receipt.kind) {
      case "accepted":
        return answer(response, 202, {
          accepted: receipt.accepted,
          duplicates: receipt.duplicates,
        });
      case "unavailable":
        return refuse(response, {
          status: 503,
          ...receipt.reason,
          headers: { "retry-after": comeAgain },
        });
      default:
        return receipt satisfies never;
    }
  };
