import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Refusal } from "./answer.ts";

/** Deeper than any payload; far less than what would exhaust memory while it is parsed. */
const deepest = 64;

export type Json =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export type Bytes =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/**
 * Reads a request's body of at most `limit` bytes. A longer one is refused as soon as that is known, by its declared
 * length or while it streams; what the sender still sends is discarded, so that it gets to read the answer, until the
 * server's request time-out ends it.
 */
export function readBytes(request: IncomingMessage, limit: number): Promise<Bytes> {
  const tooLarge: Refusal = {
    status: 413,
    code: "TooLarge",
    message: `expected at most ${limit} bytes`,
  };
  const refused = (refusal: Refusal): Bytes => ({ kind: "refused", refusal });
  if (Number(request.headers["content-length"] ?? 0) > limit) return Promise.resolve(refused(tooLarge));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else {
        chunks.length = 0;
        resolve(refused(tooLarge));
      }
    });
    const broken: Refusal = {
      status: 400,
      code: "IncompleteBody",
      message: "The body ended too early",
    };
    request.once("end", () => resolve({ kind: "bytes", bytes: Buffer.concat(chunks) }));
    request.once("close", () => resolve(refused(broken)));
    request.once("error", () => resolve(refused(broken)));
  });
}

/** Media types are compared before a body is read. Compressed bodies are refused: a small one could grow without bound. */
export function refuseMediaType(request: IncomingMessage): Refusal | null {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json *(?:; *charset="?utf-8"? *)?;? *$/i.test(type)) {
    return {
      status: 415,
      code: "UnsupportedMediaType",
      message: "expected content-type application/json",
      headers: { accept: "application/json" },
    };
  }
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() === "identity") return null;
  return {
    status: 415,
    code: "UnsupportedEncoding",
    message: "expected a body without content-encoding",
    headers: { "accept-encoding": "identity" },
  };
}

/** A request's bytes as a JSON value; `bytes` is not a buffer when the request had no body. */
export function readJson(bytes: unknown): Json {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0)
    return bad("NotJson", "expected JSON, received an empty body");
  if (!isUtf8(bytes)) return bad("NotUtf8", "expected UTF-8 text, received other bytes");
  // Before parsing: brackets alone would make a few megabytes of text into gigabytes of objects.
  const tooDeep = depthBeyond(bytes, deepest);
  if (tooDeep !== -1)
    return bad(
      "TooDeep",
      `expected at most ${deepest} levels of nesting, received more at position ${tooDeep}`,
    );
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  try {
    return { kind: "value", value: JSON.parse(text) };
  } catch (error) {
    return bad(
      "NotJson",
      `expected JSON, received a fault${placeOf(text)}: ${error instanceof Error ? error.message : "not valid"}`,
    );
  }
}

const bad = (code: string, message: string): Json => ({
  kind: "refused",
  refusal: { status: 400, code, message },
});

/** Where the nesting first exceeds `most`; -1 when it does not. Text in quotes does not count. */
function depthBeyond(bytes: Uint8Array, most: number): number {
  // Both brackets at once. Most bodies do not have enough of them, wherever they stand.
  let brackets = 0;
  for (let at = 0; at < bytes.length; at++) if (((bytes[at] ?? 0) | 0x20) === 0x7b) brackets++;
  if (brackets <= most) return -1;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) at = endOfText(bytes, at);
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > most) return at;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return -1;
}

function endOfText(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x5c) at++;
    else if (byte === 0x22) return at;
  }
  return bytes.length;
}

/**
 * The engine names no position for an unexpected token. The longest beginning that merely ends too early ends there;
 * halving finds it. Only for small bodies, as it parses again and again.
 */
function placeOf(text: string): string {
  if (text.length > 65_536) return "";
  let good = 0;
  let faulty = text.length + 1;
  while (faulty - good > 1) {
    const middle = (good + faulty) >> 1;
    if (isBeginning(text.slice(0, middle))) good = middle;
    else faulty = middle;
  }
  return ` at position ${good}`;
}

function isBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    return (
      message.startsWith("Unexpected end") ||
      message.startsWith("Unterminated") ||
      message.includes(`at position ${text.length} `)
    );
  }
}
