import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";

/** What a server was asked, and what it says. */
export type Asked = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};
export type Answer = {
  /** True: it takes the request and never answers. */
  readonly hangs?: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | ((response: ServerResponse) => void);
};

/** A server on loopback that says what it was last told to say, and remembers what it was asked. */
export async function startAnswering(): Promise<{
  readonly url: string;
  readonly asked: Asked[];
  says(answer: Answer): void;
  stop(): Promise<void>;
}> {
  let answer: Answer = { body: "" };
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void say(request, response);
  });
  const say = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(Buffer.from(part));
    const url = new URL(request.url ?? "/", "http://server");
    asked.push({
      method: request.method ?? "",
      url,
      headers: request.headers,
      body: Buffer.concat(parts).toString(),
    });
    if (answer.hangs === true) return;
    response.writeHead(answer.status ?? 200, {
      "content-type": "application/json",
      ...answer.headers,
    });
    if (typeof answer.body === "string") response.end(answer.body);
    else answer.body(response);
  };
  await once(server.listen(0, "127.0.0.1"), "listening");
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("it listens on no port");
  return {
    url: `http://127.0.0.1:${at.port}`,
    asked,
    says: (next) => void (answer = next),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An answer's body that never ends by itself, in chunks of 64 KiB. */
export const endless = (response: ServerResponse): void => {
  const chunk = "x".repeat(65_536);
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once("drain", pour);
  };
  pour();
};

/** An answer that begins and then says no more. */
export const stalling = (response: ServerResponse): void => void response.write("{");
