import { Fault } from "../../src/core/reason.ts";
import { openStore } from "../../src/store/open.ts";

/*
 * Writes numbers into a store, many at a time, and prints each once it is acknowledged: until its test kills it, or
 * with `stop-at-fault` until the store fails, which it prints last.
 */

const [, , path = "", mode] = process.argv;
const store = await openStore(path);
let next = 0;
const write = async (): Promise<void> => {
  for (;;) {
    const number = next++;
    await store.commit({ append: [{ at: number, kind: "notification", data: number }] });
    process.stdout.write(`${number}\n`);
  }
};
try {
  await Promise.all(Array.from({ length: 20 }, write));
} catch (cause) {
  if (mode !== "stop-at-fault" || !(cause instanceof Fault)) throw cause;
  process.stdout.write(`${cause.code}: ${cause.message}\n`);
  process.exit(0);
}
