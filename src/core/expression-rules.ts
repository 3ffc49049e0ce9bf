import type { TextFault } from "./expression.ts";
import { mostElements, names, pattern } from "./expression-world.ts";
import { nearest } from "./nearest.ts";

/** Functions and methods that expressions may call: each runs in about the time that its arguments are long. */
const functions = ["has", "size", "string", "int", "double", "bool", "timestamp", "duration", "re"];
const methods = [
  "size startsWith endsWith contains indexOf lastIndexOf substring lowerAscii upperAscii trim split join",
  "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear",
  "getHours getMinutes getSeconds getMilliseconds",
].flatMap((line) => line.split(" "));
/** Loops over a list. One within another would multiply their lengths. */
const loops = ["all", "exists", "exists_one", "map", "filter"];

type Node = { op: string; args: unknown; start?: number; pos?: number };

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "op" in value && "args" in value;

/**
 * Looks through a parsed expression for what the type check lets pass and shall not: functions that can be made slow,
 * loops in loops, misspelt fields under has(). Turns int() and duration() into the stricter ones.
 */
export function inspect(ast: unknown): {
  readonly faults: readonly TextFault[];
  readonly needsService: boolean;
} {
  const faults: TextFault[] = [];
  let needsService = false;

  const refuse = (node: Node, message: string, expected?: string): void => {
    faults.push({
      message,
      offset: node.start ?? node.pos ?? 0,
      ...(expected === undefined ? {} : { expected }),
    });
  };

  const visit = (value: unknown, looping: boolean): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, looping);
      return;
    }
    if (!isNode(value)) return;
    if (value.op === "id") {
      if (value.args === "service") needsService = true;
      if (value.args === "cel" || value.args === "google")
        refuse(value, `Unknown variable: ${value.args}`, [...names.keys()].join(", "));
    } else if (value.op === "." && Array.isArray(value.args)) {
      visitField(value, value.args, refuse);
    } else if ((value.op === "call" || value.op === "rcall") && Array.isArray(value.args)) {
      const loop = value.op === "rcall" && loops.includes(String(value.args[0]));
      if (loop && looping) refuse(value, "one loop within another is not offered");
      visitCall(value, value.args, refuse);
      visit(value.args, looping || loop);
      return;
    }
    visit(value.args, looping);
  };

  visit(ast, false);
  return { faults, needsService };
}

type Refuse = (node: Node, message: string, expected?: string) => void;

function visitField(node: Node, [of, field]: unknown[], refuse: Refuse): void {
  if (!isNode(of) || of.op !== "id") return;
  const fields = names.get(String(of.args));
  if (fields === undefined || fields.includes(String(field))) return;
  refuse(node, `${String(of.args)} has no field ${String(field)}`, wordsNear(String(field), fields));
}

function visitCall(node: Node, args: unknown[], refuse: Refuse): void {
  const [name] = args;
  const given: unknown = args.at(-1);
  const list: unknown[] = Array.isArray(given) ? given : [];
  const offered = node.op === "call" ? functions : [...methods, ...loops];
  if (name === "matches") {
    refuse(node, "matches() is not offered, as some patterns take it forever", "re(text, pattern)");
  } else if (!offered.includes(String(name))) {
    refuse(node, `${String(name)}() is not offered`, wordsNear(String(name), offered));
  } else if ((name === "int" || name === "duration") && node.op === "call") {
    args[0] = `${name}_strict`;
  } else if (name === "re" && list.length === 2) {
    refusePattern(node, list[1], refuse);
  } else if (name === "split" && !isCount(list[1])) {
    refuse(
      node,
      "split() needs the most parts as its second argument",
      `split(separator, number from 1 to ${mostElements})`,
    );
  }
}

const isCount = (value: unknown): boolean =>
  isNode(value) &&
  value.op === "value" &&
  typeof value.args === "bigint" &&
  value.args >= 1n &&
  value.args <= BigInt(mostElements);

function refusePattern(node: Node, second: unknown, refuse: Refuse): void {
  if (!isNode(second) || second.op !== "value" || typeof second.args !== "string") {
    refuse(node, "the pattern of re() is worked out from something else", "a pattern in quotes");
    return;
  }
  try {
    pattern(second.args);
  } catch (error) {
    refuse(second, error instanceof Error ? error.message : String(error), "an RE2 pattern");
  }
}

function wordsNear(word: string, words: readonly string[]): string {
  const near = nearest(word, words);
  if (near !== undefined) return near;
  return words.length === 0 ? "no field" : `one of ${words.join(", ")}`;
}
