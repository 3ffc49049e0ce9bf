import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isLoopback } from "../settings/listen.ts";
import type { Secret } from "../settings/secret.ts";
import type { Refusal } from "./answer.ts";

/** Null lets the request through. */
export type Guard = (request: IncomingMessage) => Refusal | null;

const digest = (text: string): Buffer => hash("sha256", text, "buffer");

/** Equal digests mean equal tokens; comparing digests takes the same time whatever was sent, and however long. */
function matches(token: Secret): (given: string) => boolean {
  const wanted = digest(token.reveal());
  return (given) => timingSafeEqual(digest(given), wanted);
}

const bearer = (header: string): string | undefined => /^Bearer +([^ ]+) *$/i.exec(header)?.[1];

/** The password of basic authentication; the user name is Alertmanager's own business. */
function password(header: string): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon === -1 ? undefined : decoded.slice(colon + 1);
}

const unauthorized = (challenge: string): Refusal => ({
  status: 401,
  code: "Unauthorized",
  message: "A valid token is needed",
  // Closing keeps strangers from holding connections open.
  headers: { "www-authenticate": challenge, connection: "close" },
});

/** Alertmanager may send the token as bearer or as the password of basic authentication. */
export function webhookGuard(token: Secret | null): Guard {
  if (token === null) return fromThisMachine;
  const isToken = matches(token);
  const refusal = unauthorized('Bearer realm="homeostat", Basic realm="homeostat"');
  return (request) => {
    const header = request.headers.authorization ?? "";
    const given = bearer(header) ?? password(header);
    return given !== undefined && isToken(given) ? null : refusal;
  };
}

/** What changes something needs the admin token, or where none is set a server that only this machine reaches. */
export function adminGuard(token: Secret | null, listensOnLoopback: boolean): Guard {
  if (token === null) return listensOnLoopback ? fromThisMachine : () => noAdminToken;
  const isToken = matches(token);
  const refusal = unauthorized('Bearer realm="homeostat"');
  return (request) => {
    const given = bearer(request.headers.authorization ?? "");
    return given !== undefined && isToken(given) ? null : refusal;
  };
}

/** Reading is free on loopback. */
export const readerGuard = (token: Secret | null, listensOnLoopback: boolean): Guard =>
  listensOnLoopback ? fromThisMachine : adminGuard(token, listensOnLoopback);

const noAdminToken: Refusal = {
  status: 403,
  code: "NoAdminToken",
  message:
    "This server is reachable from other machines and has no admin token; set HOMEOSTAT_ADMIN_TOKEN to use this route",
};

/**
 * Without a token the address is what protects. A browser on this machine could be led here under a foreign name
 * that was made to resolve to loopback, so the name that was asked for must be a loopback one too.
 */
function fromThisMachine(request: IncomingMessage): Refusal | null {
  const host = (request.headers.host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (isLoopback(host)) return null;
  return {
    status: 403,
    code: "ForeignHost",
    message:
      "Without a token this server answers only to localhost, 127.0.0.1 and [::1]; set a token to reach it under another name",
  };
}
