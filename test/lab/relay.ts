import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A way on loopback to a server that comes and goes: its own address stays. */
export type Relay = {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Leads to the server at this URL from now on. Before the first call it turns everybody away. */
  leadTo(url: string): void;
  stop(): Promise<void>;
};

export async function startRelay(): Promise<Relay> {
  const sockets = new Set<Socket>();
  let target: URL | null = null;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (target === null) {
      near.destroy();
      return;
    }
    const far = keep(connect(Number(target.port), target.hostname));
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the relay listens on no port");
  return {
    url: `http://127.0.0.1:${at.port}`,
    leadTo: (url) => void (target = new URL(url)),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
