import type { CompiledAction, Scope } from "./catalog.ts";
import type { WebhookCall } from "./intent.ts";
import type { Sizing } from "./size.ts";

/** An action of a rule with its expressions worked out for one alert. */
export type Plan =
  | {
      readonly kind: "scale";
      readonly service: string;
      readonly sizing: Sizing;
      readonly min?: number | undefined;
      readonly max?: number | undefined;
    }
  | { readonly kind: "restart"; readonly service: string }
  | { readonly kind: "rollback"; readonly service: string }
  | WebhookCall
  | { readonly kind: "escalate"; readonly message: string | null }
  | { readonly kind: "ignore"; readonly message: string | null };

/** The service that an action is about; null where it is about none. Throws ExpressionError. */
export const serviceOf = (action: CompiledAction, scope: Scope): string | null =>
  "service" in action.spec ? (action.text("service", scope) ?? null) : null;

function sizingOf(action: CompiledAction, scope: Scope): Sizing {
  if (action.spec.action !== "scale-service") throw new TypeError("only scale-service has a size");
  if (action.spec.by !== undefined) return { by: action.spec.by };
  if (typeof action.spec.to === "number") return { to: action.spec.to };
  const text = action.text("to", scope) ?? "";
  // An expression that gives no whole number must not become NaN, which compares as neither more nor less.
  if (!/^\d{1,5}$/.test(text))
    throw new RangeError(`to: expected a whole number from 0 to 99999, got ${JSON.stringify(text)}`);
  return { to: Number(text) };
}

/** Works an action's expressions out. Throws ExpressionError or RangeError, which name the field. */
export function plan(action: CompiledAction, scope: Scope): Plan {
  const { spec } = action;
  const service = serviceOf(action, scope) ?? "";
  switch (spec.action) {
    case "scale-service":
      return {
        kind: "scale",
        service,
        sizing: sizingOf(action, scope),
        min: spec.min,
        max: spec.max,
      };
    case "restart-service":
      return { kind: "restart", service };
    case "rollback-service":
      return { kind: "rollback", service };
    case "call-webhook":
      return {
        kind: "webhook",
        url: action.text("url", scope) ?? "",
        method: spec.method,
        headers: Object.fromEntries(
          Object.keys(spec.headers).map((name) => [name, action.text(`headers.${name}`, scope) ?? ""]),
        ),
        bearerFile: spec.bearerFile ?? null,
        // Without a body of its own the receiver gets the alert, which is what it is told about.
        body: action.text("body", scope) ?? JSON.stringify(scope.alert),
      };
    case "escalate":
      return { kind: "escalate", message: action.text("message", scope) ?? null };
    case "ignore":
      return { kind: "ignore", message: spec.reason ?? null };
    default:
      return spec satisfies never;
  }
}
