import { parentPort } from "node:worker_threads";

/* A store's thread that opens well and dies at the first thing asked of it. */

parentPort?.postMessage({ id: 0, output: undefined }, []);
parentPort?.on("message", () => {
  throw new Error("as if by a bug");
});
