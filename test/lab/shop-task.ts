import { resolve4 } from "node:dns/promises";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { answering, shopMetrics } from "./shop.ts";

/*
 * One replica of the shop inside a Swarm, on port 9898. How much is asked of all replicas together, in requests a
 * second, stands in the file LOAD_FILE, which tests write; how many replicas share it, in the network's names.
 */

let load = 0;
let replicas = 1;

async function look(): Promise<void> {
  const text = await readFile(process.env["LOAD_FILE"] ?? "/load/rate", "utf8").catch(() => "0");
  load = Number(text) || 0;
  replicas = (await resolve4("tasks.shop").catch(() => [])).length || 1;
}

setInterval(() => void look(), 500);
const metrics = shopMetrics({ load: () => load / replicas, replicas: () => 1 });
createServer(answering(metrics)).listen(9898);
process.once("SIGTERM", () => process.exit(0));
