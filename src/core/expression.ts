import type { Scope } from "./catalog.ts";
import { context, environment } from "./expression-world.ts";
import { inspect } from "./expression-rules.ts";

/** An expression that could not be worked out for this alert. Its message names the expression. */
export class ExpressionError extends Error {
  readonly expression: string;

  constructor(expression: string, message: string, options: { cause?: unknown } = {}) {
    super(`${expression}: ${message}`, options);
    this.name = "ExpressionError";
    this.expression = expression;
  }
}

export type Expression = {
  readonly source: string;
  /** CEL's name of the result's type; `dyn` where only the value can tell. */
  readonly type: string;
  /** Whether it reads `service`. */
  readonly needsService: boolean;
  /** Throws ExpressionError. */
  readonly evaluate: (scope: Scope) => unknown;
};

/** What is wrong with a text, at which character of it (from 0). */
export type TextFault = {
  readonly message: string;
  readonly offset: number;
  readonly expected?: string;
};

export type Compiled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly TextFault[] };

/** Longer ones are programs, and a rule is none. Characters. */
const longest = 4096;

/** Compiles CEL; unknown names, wrong types and what is not offered are faults now and not surprises later. */
export function compileExpression(source: string): Compiled<Expression> {
  if (source.trim() === "") return fault("the expression is empty", 0, "an expression in CEL");
  if (source.length > longest) {
    return fault(`the expression has ${source.length} characters`, 0, `at most ${longest} characters`);
  }
  try {
    const parsed = environment.parse(source);
    const inspected = inspect(parsed.ast);
    const checked = parsed.check();
    const faults = [...inspected.faults];
    if (!checked.valid) {
      const mistyped = told(checked.error);
      // Where both have a word on one place, ours says what to write instead.
      if (!faults.some(({ offset }) => offset === mistyped.offset)) faults.push(mistyped);
    }
    if (faults.length > 0) return { ok: false, faults };
    const evaluate = (scope: Scope): unknown => {
      try {
        const value: unknown = parsed(context(scope));
        return value;
      } catch (cause) {
        const { message } = told(cause);
        const why =
          inspected.needsService && scope.service === null
            ? `${message}; there is no service to look at`
            : message;
        throw new ExpressionError(source, why, { cause });
      }
    };
    return {
      ok: true,
      value: {
        source,
        type: checked.type ?? "dyn",
        needsService: inspected.needsService,
        evaluate,
      },
    };
  } catch (error) {
    const { message, offset } = told(error);
    return fault(message, Math.min(offset, source.length));
  }
}

/** Compiles a condition: an expression that is true or false. */
export function compileCondition(
  source: string,
): Compiled<{ readonly needsService: boolean; holds(scope: Scope): boolean }> {
  const compiled = compileExpression(source);
  if (!compiled.ok) return compiled;
  const { type, needsService, evaluate } = compiled.value;
  if (type !== "bool" && type !== "dyn") return fault(`the condition gives ${type}`, 0, "true or false");
  const holds = (scope: Scope): boolean => {
    const value = evaluate(scope);
    if (typeof value !== "boolean")
      throw new ExpressionError(source, `expected true or false, got ${typeName(value)}`);
    return value;
  };
  return { ok: true, value: { needsService, holds } };
}

const fault = (
  message: string,
  offset: number,
  expected?: string,
): { ok: false; faults: readonly TextFault[] } => ({
  ok: false,
  faults: [{ message, offset, ...(expected === undefined ? {} : { expected }) }],
});

/** The library's errors carry a drawing of the place behind their summary, which is of no use within one line. */
function told(error: unknown): { message: string; offset: number } {
  const { summary, range, message } = error as {
    summary?: unknown;
    range?: { start?: unknown };
    message?: unknown;
  };
  const text = typeof summary === "string" ? summary : String(message);
  return {
    message: text.replaceAll(/\b(int|duration)_strict\(/g, "$1("),
    offset: typeof range?.start === "number" ? range.start : 0,
  };
}

/** How a value's type is called towards people. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "bigint" || typeof value === "number") return "a number";
  return typeof value === "string" ? "a text" : typeof value === "boolean" ? "a bool" : "a map";
}
