import type { ErrorRequestHandler, RequestHandler } from "express";
import { Fault } from "../core/reason.ts";
import { refuse, type Refusal } from "./answer.ts";

export type Log = { error(data: object, message: string): void };

export const notFound: RequestHandler = (_request, response) =>
  refuse(response, {
    status: 404,
    code: "NotFound",
    message:
      "There is no such route; GET /api/v1/status, rules, episodes, history, services and escalations, /healthz, /readyz and /metrics are there",
  });

export const methodNotAllowed =
  (allow: string): RequestHandler =>
  (_request, response) =>
    refuse(response, {
      status: 405,
      code: "MethodNotAllowed",
      message: `expected ${allow}`,
      headers: { allow },
    });

/** Whatever a route threw. The sender learns what helps it, the log learns the rest. */
export const failure =
  (log: Log): ErrorRequestHandler =>
  // Express knows an error handler by its four parameters.
  (error: unknown, request, response, _next) => {
    const refusal = refusalOf(error);
    if (refusal.status === 500)
      log.error({ err: error, method: request.method, path: request.path }, "A request failed unexpectedly");
    if (response.headersSent) response.destroy();
    else refuse(response, refusal);
  };

function refusalOf(error: unknown): Refusal {
  if (error instanceof Fault)
    return {
      status: 503,
      code: "Unavailable",
      message: error.message,
      headers: { "retry-after": "5" },
    };
  // A path that cannot be decoded.
  if (error instanceof URIError)
    return { status: 400, code: "BadPath", message: "expected a percent-encoded UTF-8 path" };
  return {
    status: 500,
    code: "Unexpected",
    message: "This is a fault of Homeostat; its log tells more",
  };
}
