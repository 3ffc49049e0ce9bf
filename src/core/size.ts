import type { Bounds } from "./bounds.ts";
import type { Direction } from "./intent.ts";
import { reason, type Reason } from "./reason.ts";

/** What a rule wants of a service's size: a change or a number. */
export type Sizing = { readonly by: number | string } | { readonly to: number };

export type Sized =
  | {
      readonly kind: "size";
      readonly replicas: number;
      readonly direction: "up" | "down";
      readonly reason: Reason;
    }
  /** `expected`: nobody needs to hear of it. */
  | {
      readonly kind: "hold";
      readonly direction: Direction;
      readonly reason: Reason;
      readonly expected: boolean;
    };

/** The number that a sizing asks for, before any bound. Percentages round away from standing still: at least 1. */
function asked(sizing: Sizing, replicas: number): number {
  if ("to" in sizing) return sizing.to;
  const by = String(sizing.by);
  const amount = Number.parseInt(by, 10);
  if (!by.endsWith("%")) return replicas + amount;
  const part = (replicas * Math.abs(amount)) / 100;
  return amount > 0 ? replicas + Math.max(1, Math.ceil(part)) : replicas - Math.max(1, Math.floor(part));
}

/** The direction a rule has in mind before the service is known; none for an absolute size. */
export const directionOf = (sizing: Sizing): Direction => {
  if ("to" in sizing) return "none";
  return Number.parseInt(String(sizing.by), 10) > 0 ? "up" : "down";
};

/**
 * The new size, always within the bounds and always in the direction that was asked for: a service that stands
 * outside its bounds is never moved the other way, and one above its maximum was put there by somebody.
 */
export function size(sizing: Sizing, replicas: number, { min, max }: Bounds): Sized {
  const wanted = asked(sizing, replicas);
  const direction = wanted > replicas ? "up" : wanted < replicas ? "down" : "none";
  const hold = (code: string, message: string, expected: boolean): Sized => ({
    kind: "hold",
    direction,
    reason: reason(code, message),
    expected,
  });
  if (direction === "none") return hold("AlreadyThere", `It has ${replicas} replicas already`, true);
  if (replicas > max) {
    return hold(
      "AboveMaximum",
      `${replicas} replicas are above the maximum of ${max}; somebody set that`,
      false,
    );
  }
  if (replicas === 0 && min > 0) {
    return hold(
      "SwitchedOff",
      `It has 0 replicas, below the minimum of ${min}; somebody switched it off`,
      false,
    );
  }
  if (direction === "up" && replicas === max) return hold("AtMaximum", `${replicas} is the maximum`, false);
  if (direction === "down" && replicas <= min)
    return hold("AtMinimum", `${replicas} is at the minimum of ${min}`, true);
  const bounded = Math.min(max, Math.max(min, wanted));
  const asks =
    "to" in sizing
      ? `to ${sizing.to}`
      : `by ${typeof sizing.by === "number" && sizing.by > 0 ? "+" : ""}${sizing.by}`;
  const clamped = bounded === wanted ? "" : `, bounded to ${bounded}`;
  return {
    kind: "size",
    replicas: bounded,
    direction,
    reason: reason("Sized", `${asks} from ${replicas} is ${wanted}${clamped}`),
  };
}
