import { Fault } from "../../src/core/reason.ts";
import { openStore } from "../../src/store/open.ts";

/*
 * Writes numbers into a store, many at a time, and prints each once it is acknowledged, until its test kills it. What
 * the store refuses it prints as well, and goes on with the next number.
 */

const [, , path = ""] = process.argv;
const store = await openStore(path);
let next = 0;
const write = async (): Promise<void> => {
  for (;;) {
    const number = next++;
    try {
      await store.commit({ append: [{ at: number, kind: "notification", data: number }] });
      process.stdout.write(`${number}\n`);
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      process.stdout.write(`${number} ${cause.code}: ${cause.message}\n`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};
await Promise.all(Array.from({ length: 20 }, write));
