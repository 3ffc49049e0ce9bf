import type { RequestHandler } from "express";
import type { Check, Controller } from "../core/controller.ts";
import { answer } from "./answer.ts";
import { within } from "./within.ts";

/** Milliseconds; a health check that waits longer has its answer. */
const patience = 2_000;

/** `GET /healthz`: this process runs and answers. Nothing outside is asked: a restart would not help it. */
export const healthz: RequestHandler = (_request, response) => answer(response, 200, { status: "ok" });

/** `GET /readyz`: each part by name; 503 when one is not ready. */
export const readyz =
  (controller: Pick<Controller, "checks">): RequestHandler =>
  async (_request, response) => {
    const checks = await checksOf(controller);
    const ready = checks.every((check) => check.ok);
    answer(response, ready ? 200 : 503, { ready, checks });
  };

async function checksOf(
  controller: Pick<Controller, "checks">,
): Promise<readonly { name: Check["name"] | "controller"; ok: boolean; message: string }[]> {
  try {
    return await within(patience, () => controller.checks());
  } catch {
    return [
      {
        name: "controller",
        ok: false,
        message: `The checks did not answer within ${patience / 1000} s`,
      },
    ];
  }
}
