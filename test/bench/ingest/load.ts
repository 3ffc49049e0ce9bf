import { connect } from "node:net";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { bodyOf, fingerprintLength } from "./notification.ts";

/*
 * Posts notifications of ten new alerts each over raw sockets, as fast as they are answered, and prints what came of
 * it: `node load.ts <url> <connections> <seconds>`. A process of its own, and no HTTP library, so that as little as
 * possible of the machine goes into asking.
 */

const [url = "", connections = "50", seconds = "3"] = process.argv.slice(2);
const { hostname, port, pathname } = new URL(url);
/** Not counted: connections open, and code gets hot. Milliseconds. */
const warmUp = 2000;

const body = bodyOf();
const head = `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${body.bytes.length}\r\n\r\n`;
// A run's fingerprints are nobody else's: eight random digits, eight that count.
const run = randomBytes(4).toString("hex");
let serial = 0;
let counting = false;
let ending = false;
const counts = { accepted: 0, refused: 0 };
const latencies: number[] = [];

async function client(): Promise<void> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, "connect");
  const request = Buffer.concat([Buffer.from(head), body.bytes]);
  let sent = 0;
  const send = (): void => {
    for (const offset of body.fingerprints) {
      const fingerprint = run + (serial++).toString(16).padStart(fingerprintLength - run.length, "0");
      request.write(fingerprint, head.length + offset, "latin1");
    }
    sent = performance.now();
    socket.write(request);
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    const end = received.indexOf("\r\n\r\n");
    if (end === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
    if (received.length < end + 4 + length) return;
    if (counting) {
      counts[received.startsWith("HTTP/1.1 202") ? "accepted" : "refused"] += 1;
      latencies.push(performance.now() - sent);
    }
    received = "";
    if (ending) {
      socket.end();
      resolve();
    } else send();
  });
  socket.on("error", reject);
  send();
  return promise;
}

const clients = Array.from({ length: Number(connections) }, client);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
await pause(warmUp);
counting = true;
const from = performance.now();
await pause(Number(seconds) * 1000);
counting = false;
const elapsed = performance.now() - from;
ending = true;
await Promise.all(clients);
console.log(
  JSON.stringify({ ...counts, elapsed, latencies: latencies.filter((_, index) => index % 10 === 0) }),
);
