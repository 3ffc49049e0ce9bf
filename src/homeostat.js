#!/usr/bin/env node
// Plain JavaScript, so that an older Node can read it: the sources need a newer one, which npm installs beside them.
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const needed = 26;

// Where npm puts the binary.
const installed = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));

// A binary that is itself too old would start itself for ever.
const usable = () => existsSync(installed) && realpathSync(installed) !== realpathSync(process.execPath);

async function launch() {
  if (Number(process.versions.node.split(".")[0]) >= needed) {
    await import("./main.ts");
    return;
  }
  if (!usable()) {
    process.stderr.write(
      `Homeostat needs Node ${needed} or newer; this is ${process.versions.node}.\n` +
        "Run npm ci without --omit=optional, which installs one beside it, or put a newer node on the PATH.\n",
    );
    process.exitCode = 2;
    return;
  }
  // Before there is a child: a signal in between would end this process alone and leave the other one behind.
  let child;
  // A terminal sends its interrupt to both already; a second one would mean "at once".
  const signals = process.stdin.isTTY ? ["SIGTERM", "SIGHUP"] : ["SIGTERM", "SIGHUP", "SIGINT"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  if (process.stdin.isTTY) process.on("SIGINT", () => {});
  child = spawn(installed, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  child.on("error", (error) => {
    process.stderr.write(`${installed} does not start: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on("exit", (code, signal) => {
    // As a shell tells it: 128 and the signal's number.
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

await launch();
