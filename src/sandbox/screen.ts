import { styleText } from "node:util";
import { plain } from "../cli/terminal.ts";
import type { Said, Step } from "./narrator.ts";
import { objective } from "./shop.ts";
import { bar, spark, squares } from "./spark.ts";
import type { Second } from "./meter.ts";

/** Where the sandbox writes. */
export type Terminal = {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
};

/** The shop at one moment, as it is shown. */
export type View = {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly load: number;
  readonly p95: number;
  readonly seconds: readonly Second[];
  readonly web: { readonly running: number; readonly wanted: number; readonly most: number };
  readonly pay: {
    readonly running: number;
    readonly wanted: number;
    readonly tag: string;
    readonly failing: boolean;
  };
};

/** The highest load of the story, requests a second; and where the latency's curve ends, milliseconds. */
const tops = { load: 240, p95: 2 * objective };
/** Without a terminal to draw on, the shop is described anew after this long; milliseconds. */
const describeEvery = 3000;
const narrowest = 60;

type Colour = Parameters<typeof styleText>[0];

const steps: Readonly<Record<Step, { readonly word: string; readonly colour: Colour }>> = {
  shop: { word: "SHOP", colour: "cyan" },
  alert: { word: "ALERT", colour: ["red", "bold"] },
  decided: { word: "DECIDED", colour: "blue" },
  done: { word: "DONE", colour: ["green", "bold"] },
  verified: { word: "VERIFIED", colour: "green" },
  held: { word: "HELD", colour: "yellow" },
  asked: { word: "ASKED", colour: ["magenta", "bold"] },
  over: { word: "OVER", colour: "green" },
  failed: { word: "FAILED", colour: ["red", "bold"] },
};

/**
 * Writes the story line by line. On a terminal the shop's state stands below the last line and is drawn anew in its
 * place; elsewhere nothing is ever taken back, and the state is a line among the others now and then.
 */
export class Screen {
  readonly #out: Terminal;
  readonly #colour: boolean;
  readonly #live: boolean;
  /** Lines of the drawing that stands at the bottom now. */
  #drawn = 0;
  #view: View | null = null;
  #described = -Infinity;

  constructor(out: Terminal, colour: boolean) {
    this.#out = out;
    this.#colour = colour;
    this.#live = out.isTTY === true;
  }

  get width(): number {
    return this.#live ? Math.max(narrowest, Math.min(this.#out.columns ?? 100, 140)) : 100;
  }

  paint(colour: Colour, text: string): string {
    return this.#colour ? styleText(colour, text, { validateStream: false }) : text;
  }

  /** Lines that are no event; they may be painted already. */
  print(lines: readonly string[]): void {
    this.#write(`${lines.join("\n")}\n`);
  }

  say({ at, step, text, frame }: Said): void {
    const { word, colour } = steps[step];
    const [first = "", ...rest] = wrapped(plain(text), this.width - indent.length);
    const lines = [
      `${this.paint("dim", time(at))}  ${this.paint(colour, word.padEnd(8))}  ${first}`,
      ...rest.map((line) => indent + line),
    ];
    this.print(frame === undefined ? lines : [...lines, ...this.#framed(frame)]);
  }

  /** The shop's state now. */
  show(view: View): void {
    this.#view = view;
    if (this.#live) {
      this.#write("");
    } else if (view.at - this.#described >= describeEvery) {
      this.#described = view.at;
      this.print([this.#line(view)]);
    }
  }

  /** Takes the drawing away; nothing is drawn any more. */
  close(): void {
    this.#view = null;
    this.#write("");
  }

  /** In one piece, or it would flicker: the drawing's end, what is to stand above it, and the drawing again. */
  #write(text: string): void {
    const erase = this.#drawn > 0 ? `\u001b[${this.#drawn}A\r\u001b[J` : "";
    const lines = this.#live && this.#view !== null ? this.#drawing(this.#view) : [];
    this.#drawn = lines.length;
    const all = erase + text + lines.map((line) => `${line}\n`).join("");
    if (all !== "") this.#out.write(all);
  }

  /** No line may be longer than the terminal is wide: a wrapped one would be erased by half. */
  #drawing({ load, p95, seconds, web, pay }: View): string[] {
    const room = this.width - 52;
    const recent = seconds.slice(-room);
    const slow = p95 > objective;
    const row = (name: string, curve: string, words: string): string =>
      `  ${name.padEnd(9)} ${curve}${" ".repeat(room - recent.length)}  ${words}`;
    const curve = recent.map((second) => {
      const column = spark([second.p95], tops.p95);
      return this.paint(second.p95 > objective ? "red" : "green", column);
    });
    const speed = `${`${Math.round(p95)} ms`.padEnd(8)}${slow ? ` slow, objective ${objective} ms` : ` within ${objective} ms`}`;
    const counts = `${web.running} of ${web.wanted} run, at most ${web.most}`;
    const mood = pay.failing ? this.paint("red", "failing") : "working";
    return [
      this.paint("dim", "─".repeat(this.width - 1)),
      row(
        "load",
        this.paint(
          "cyan",
          spark(
            recent.map((second) => second.load),
            tops.load,
          ),
        ),
        `${Math.round(load)} requests/s`,
      ),
      row("95 % in", curve.join(""), this.paint(slow ? "red" : "green", speed)),
      row(
        "replicas",
        this.paint(
          "blue",
          spark(
            recent.map(({ running }) => running),
            web.most,
          ),
        ),
        `${squares(web.running, web.wanted, web.most)} ${counts}`,
      ),
      `  ${"shop_pay".padEnd(9)} ${squares(pay.running, pay.wanted, 0)} version ${pay.tag}, ${mood}`,
    ];
  }

  #line({ at, load, p95, web, pay }: View): string {
    const slow = p95 > objective;
    const parts = [
      `load ${bar(load, tops.load, 10)} ${`${Math.round(load)}/s`.padStart(5)}`,
      `95 % in ${bar(p95, tops.p95, 10)} ${`${Math.round(p95)} ms`.padStart(7)}${slow ? " SLOW" : "     "}`,
      `web ${squares(web.running, web.wanted, web.most)}`,
      `pay ${pay.tag}${pay.failing ? " FAILING" : ""}`,
    ];
    return this.paint("dim", `${time(at)}            ${parts.join("  ")}`);
  }

  #framed({ heading, lines }: NonNullable<Said["frame"]>): string[] {
    const most = Math.min(this.width, 110) - indent.length - 4;
    const body = lines.flatMap((line) => wrapped(plain(line), most));
    const bold = wrapped(plain(heading), most).map((line) => this.paint("bold", line));
    const edge = this.paint("magenta", "│");
    return [...bold, ...body].map((line) => `${indent}${edge} ${line}`);
  }
}

const indent = " ".repeat("12:00:00  VERIFIED  ".length);

/** As in Homeostat's own sentences: UTC. */
const time = (at: number): string => new Date(at).toISOString().slice(11, 19);

function wrapped(text: string, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length > most && line !== "") {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
