import type { ServerResponse } from "node:http";

/** Every JSON answer of this server: not cached, not sniffed. */
export function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(text),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    })
    .end(text);
}

export type Refusal = {
  readonly status: number;
  /** CamelCase, as all reasons. */
  readonly code: string;
  readonly message: string;
  readonly faults?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
};

export function refuse(response: ServerResponse, refusal: Refusal): void {
  const { status, code, message, faults, headers } = refusal;
  answer(
    response,
    status,
    { error: { code, message, ...(faults === undefined ? {} : { faults }) } },
    headers,
  );
}
