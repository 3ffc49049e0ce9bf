import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { runSandbox, type SandboxOptions } from "../../src/sandbox/run.ts";

/** Far more than the story needs: it ends by itself, and a busy machine is slow. */
const patience = 150_000;

async function running(patch: Partial<SandboxOptions>, reading: (text: string) => void = () => {}) {
  const written: string[] = [];
  const code = await runSandbox({
    seconds: null,
    forever: false,
    colour: false,
    signal: new AbortController().signal,
    out: {
      write(text) {
        written.push(text);
        reading(text);
      },
    },
    ...patch,
  });
  return { code, text: written.join("") };
}

/** The steps that the lines about something tell, in order. */
const steps = (text: string, about: RegExp): string[] =>
  text
    .split("\n")
    .filter((line) => about.test(line))
    .map((line) => line.slice(10, 20).trim());

describe("the sandbox", () => {
  it(
    "closes the loop: scales out, holds, asks, rolls back, scales in, says so and ends with 0",
    { timeout: patience },
    async () => {
      const { code, text } = await running({});
      expect(text).toContain("The loop closed");
      expect(code).toBe(0);
      expect(text).toContain("shop_web: 2 → 4 replicas, verified");
      expect(text).toContain("shop_web: 4 → 2 replicas, verified");
      expect(steps(text, /shop_pay (?:fails|from|goes)|shop_pay: 2 of 2/)).toEqual([
        "ALERT",
        "DECIDED",
        "DONE",
        "VERIFIED",
      ]);
      expect(text).toContain("│ CertificateExpiresSoon on shop.example:443: no rule knows this alert");
      expect(steps(text, /\(AtMaximum\)/)).toContain("HELD");
    },
  );

  it(
    "ends at once when it is told to, with the summary, and leaves nothing behind",
    { timeout: patience },
    async () => {
      const before = await readdir(tmpdir());
      const stop = new AbortController();
      const { code, text } = await running({ forever: true, signal: stop.signal }, (line) => {
        if (line.includes("load ")) stop.abort();
      });
      expect(code).toBe(0);
      expect(text).toContain("What happened in");
      expect(text).toContain("It was ended before the story was over");
      const left = (await readdir(tmpdir())).filter((name) => name.startsWith("homeostat-sandbox-"));
      expect(left.filter((name) => !before.includes(name))).toEqual([]);
    },
  );
});
