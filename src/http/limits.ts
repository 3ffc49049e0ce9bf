import type { Server } from "node:http";

export type Limits = {
  /** The largest notification, in bytes; a group of 10,000 alerts is about 4.3 MB. */
  readonly body: number;
  /** Milliseconds until a request must have arrived whole, and its headers alone. */
  readonly request: number;
  readonly headers: number;
  /** Milliseconds until a question to the controller must be answered. */
  readonly question: number;
  readonly connections: number;
};

export const usualLimits: Limits = {
  body: 16 * 2 ** 20,
  request: 30_000,
  headers: 10_000,
  question: 8_000,
  connections: 1_000,
};

/** A client that sends slowly, or nothing, holds a connection for this long and no longer. */
export function limitServer(server: Server, limits: Limits): void {
  server.requestTimeout = limits.request;
  server.headersTimeout = limits.headers;
  server.maxHeadersCount = 100;
  server.maxConnections = limits.connections;
  // Longer than the 5 minutes after which Alertmanager drops an idle connection: a server that closes first
  // would now and then close on a notification that is just being sent.
  server.keepAliveTimeout = 330_000;
}
