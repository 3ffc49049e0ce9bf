import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A way on loopback to a server that comes and goes: its own address stays. */
export type Relay = {
  /** `http://127.0.0.1:port`, or with a path where the first server's address had one. */
  readonly url: string;
  /** Leads there from now on, as after `mend`; connections to another server end. */
  leadTo(url: string): void;
  /** Drops every connection, those of now and those to come. */
  cut(): void;
  mend(): void;
  /** How often somebody came while it was cut or led nowhere. */
  readonly turnedAway: number;
  stop(): Promise<void>;
};

/** `to`: where it leads; nowhere as long as nobody says. */
export async function startRelay(to?: string): Promise<Relay> {
  const sockets = new Set<Socket>();
  let target = to === undefined ? null : new URL(to);
  let open = true;
  let turnedAway = 0;
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (!open || target === null) {
      turnedAway += 1;
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
  const path = target === null || target.pathname === "/" ? "" : target.pathname;
  return {
    url: `http://127.0.0.1:${at.port}${path}`,
    leadTo(url) {
      target = new URL(url);
      open = true;
      drop();
    },
    cut() {
      open = false;
      drop();
    },
    mend: () => void (open = true),
    get turnedAway() {
      return turnedAway;
    },
    async stop() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
