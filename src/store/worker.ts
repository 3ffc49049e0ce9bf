import { parentPort, workerData } from "node:worker_threads";
import { Fault } from "../core/reason.ts";
import { Database } from "./database.ts";
import { translated } from "./schema.ts";
import type { Reply, Request, WireFault } from "./wire.ts";

/*
 * The store's own thread: SQLite is synchronous, and waiting for the disk here leaves the other thread free to answer.
 * The first message says whether the file could be opened.
 */

const { path } = workerData as { path: string };
const port = parentPort;
if (port === null) throw new TypeError("this is the store's worker thread; it is not run by itself");

const fault = (cause: unknown): WireFault => {
  const said = translated(cause, path);
  if (said instanceof Fault)
    return { code: said.code === "refused" ? "refused" : "unavailable", message: said.message };
  return {
    code: "refused",
    message: `The store ${path}: ${said instanceof Error ? said.message : String(said)}`,
  };
};

const attempt = (id: number, work: () => unknown): Reply => {
  try {
    return { id, output: work() };
  } catch (cause) {
    return { id, error: fault(cause) };
  }
};

let database: Database | undefined;
port.postMessage(
  attempt(0, () => {
    database = new Database(path);
  }),
);

port.on("message", ({ id, operation, input }: Request) => {
  port.postMessage(
    attempt(id, () => {
      if (database === undefined) throw new Fault("refused", `The store ${path} is not open`);
      // The types of an operation's input and output are held by the sender (sqlite.ts).
      const run = database[operation].bind(database) as (...input: readonly unknown[]) => unknown;
      return run(...input);
    }),
  );
  if (operation === "close") port.close();
});
