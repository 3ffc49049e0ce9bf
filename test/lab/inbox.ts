import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";

export type Delivery = {
  /** The path it was posted to, to tell senders apart. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly json: unknown;
};

/** A webhook receiver on loopback that keeps what it is sent. */
export async function startInbox(): Promise<{
  readonly url: string;
  readonly deliveries: readonly Delivery[];
  /** Resolves with the first delivery, past or future, that fits; rejects after 30 s. */
  find(fits: (delivery: Delivery) => boolean): Promise<Delivery>;
  stop(): Promise<void>;
}> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, response) => {
    void keep(request, response);
  });
  const keep = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(Buffer.from(part));
    deliveries.push({
      path: request.url ?? "",
      headers: request.headers,
      json: JSON.parse(Buffer.concat(parts).toString()),
    });
    response.writeHead(202).end();
  };
  await once(server.listen(0, "127.0.0.1"), "listening");
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the inbox listens on no port");
  return {
    url: `http://127.0.0.1:${at.port}/`,
    deliveries,
    find: async (fits) => {
      for (let tries = 0; tries < 600; tries++) {
        const found = deliveries.find(fits);
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`nothing that fits came within 30 s; what came: ${JSON.stringify(deliveries)}`);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
