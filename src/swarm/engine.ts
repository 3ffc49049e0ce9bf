import http from "node:http";
import https from "node:https";
import { inspect } from "node:util";
import Dockerode from "dockerode";
import { Fault } from "../core/reason.ts";

export type EngineOptions = {
  /** As in DOCKER_HOST: `unix:///var/run/docker.sock`, `tcp://host:port`. */
  readonly host: string;
  /** PEM texts; with them `tcp://` speaks TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Milliseconds for one request and its answer. */
  readonly deadline: number;
};

export type Answer = {
  readonly status: number;
  readonly text: string;
  /** The API version that the request was made in. */
  readonly asked: string;
  /** The newest API version of the engine that answered; null where something between us hides it. */
  readonly newest: string | null;
};

export type Request = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  /** JSON text. */
  readonly body?: string;
  /** Ask in exactly this API version; default the newest that the engine speaks. */
  readonly version?: string;
};

/** One Docker Engine. A call resolves with whatever HTTP answer came; without one it throws a Fault. */
export type Engine = {
  /** How messages name it. */
  readonly name: string;
  call(request: Request, signal: AbortSignal): Promise<Answer>;
};

/** Bytes; some 50,000 tasks. An answer must not fill our memory. */
const largestAnswer = 256 * 1024 * 1024;
/** Of API 1.x: `status=true` on the list of services came with Engine 20.10. */
const oldestMinor = 41;

/** Every answer is handed to us as it is: the library would lose a failure's text, and parse numbers as doubles. */
const everyStatus: Readonly<Record<number, true>> = Object.fromEntries(
  Array.from({ length: 500 }, (_, index) => [index + 100, true as const]),
);

export function connectEngine(options: EngineOptions): Engine {
  const { modem } = new Dockerode(connection(options));
  const name = `Docker at ${options.host}`;
  let spoken: string | null = null;

  async function send(request: Request, asked: string, signal: AbortSignal): Promise<Answer> {
    const prefix = asked === "" ? "" : `/v${asked}`;
    const limit = new AbortController();
    const stop = (): void => limit.abort(signal.reason);
    const timer = setTimeout(() => limit.abort(), options.deadline);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      const response = await dial(modem, { ...request, path: prefix + request.path }, limit.signal);
      const text = await read(response, limit.signal, name);
      const newest = response.headers["api-version"];
      return {
        status: response.statusCode ?? 0,
        text,
        asked,
        newest: typeof newest === "string" && newest !== "" ? newest : null,
      };
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      if (signal.aborted)
        throw new Fault("unavailable", `${name} was not waited for`, { cause: signal.reason });
      if (limit.signal.aborted)
        throw new Fault("unavailable", `${name} did not answer within ${options.deadline} ms`);
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new Fault("unavailable", `${name} does not answer: ${said}`, { cause });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  /** The newest version: an older one would hide the fields that came since, and a write would remove them. */
  async function negotiate(signal: AbortSignal): Promise<string> {
    const answer = await send({ method: "GET", path: "/_ping" }, "", signal);
    if (answer.status !== 200) throw refusal(answer, name);
    const minor = /^1\.(\d+)$/.exec(answer.newest ?? "")?.[1];
    if (answer.newest === null || minor === undefined)
      throw new Fault("refused", `${name} does not say which API version it speaks; is it Docker?`);
    if (Number(minor) < oldestMinor) {
      const needed = `1.${oldestMinor} (Engine 20.10) is needed`;
      throw new Fault("refused", `${name} speaks API ${answer.newest}; at least ${needed}`);
    }
    return answer.newest;
  }

  return {
    name,
    async call(request, signal) {
      // Twice at most: behind one address there may now be another engine, of another version.
      for (let last = false; ; last = true) {
        const asked = request.version ?? (spoken ??= await negotiate(signal));
        const answer = await send(request, asked, signal).catch((fault: unknown) => {
          // The other side gave up the idle connection just as it was used again. A write may have arrived.
          if (last || request.method !== "GET" || !wasReset(fault)) throw fault;
          return null;
        });
        if (answer === null) continue;
        const refused = answer.status === 400 && versionRefused.test(answer.text);
        spoken = refused ? null : (answer.newest ?? spoken);
        if (!refused || last || request.version !== undefined) return answer;
      }
    },
  };
}

const wasReset = (fault: unknown): boolean =>
  fault instanceof Fault &&
  fault.cause instanceof Error &&
  "code" in fault.cause &&
  (fault.cause.code === "ECONNRESET" || fault.cause.code === "EPIPE");

const versionRefused = /client version \S+ is too (new|old)/;

/** What an answer outside 2xx comes to, in the engine's own words. */
export function refusal({ status, text }: Answer, name: string): Fault {
  const said = words(text) ?? `HTTP ${status}`;
  if (status === 429) return new Fault("rate-limited", `${name} is asked too much: ${said}`);
  if (status === 401 || status === 403) return new Fault("refused", `${name} does not let us in: ${said}`);
  // 501 stays what it is. A refused version passes once every engine behind the address is of one age.
  const passes = (status >= 500 && status !== 501) || versionRefused.test(text);
  return passes
    ? new Fault("unavailable", `${name} fails: ${said}`)
    : new Fault("refused", `${name} refuses: ${said}`);
}

/** The engine's message; null for what a proxy or another server answers instead. */
export function words(text: string): string | null {
  try {
    const { message }: { message?: unknown } = Object(JSON.parse(text));
    return typeof message === "string" ? message.replaceAll(/\s+/g, " ").slice(0, 300) : null;
  } catch {
    return null;
  }
}

function connection({ host, tls }: EngineOptions) {
  const url = URL.canParse(host) ? new URL(host) : null;
  const local = url?.protocol === "unix:" && url.host === "" && url.pathname.length > 1;
  const remote = ["tcp:", "http:", "https:"].includes(url?.protocol ?? "") && url?.hostname !== "";
  if (url === null || !(local || remote)) {
    const expected = "expected unix:///path/of/docker.sock or tcp://host:port";
    throw new Fault("refused", `The Docker host is ${JSON.stringify(host)}; ${expected}`);
  }
  const secure = remote && (tls !== undefined || url.protocol === "https:");
  const protocol = secure ? ("https" as const) : ("http" as const);
  const port = url.port === "" ? (secure ? "2376" : "2375") : url.port;
  return {
    ...tls,
    protocol,
    agent: keepingAlive(secure),
    // The library fills every gap from the environment (DOCKER_HOST and its companions): none is left.
    pathPrefix: "/",
    timeout: 0,
    socketPath: local ? decodeURIComponent(url.pathname) : "",
    // With its scheme, for the library puts an IPv6 address in brackets only when it parsed one.
    host: local ? "" : `${protocol}://${url.hostname}`,
    port: local ? "" : port,
  };
}

/** The library inspects every request for its debug log, with the agent and all its sockets: longer than the request takes. */
function keepingAlive(secure: boolean): http.Agent {
  const agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 64 });
  return Object.assign(agent, { [inspect.custom]: () => "Agent" });
}

async function dial(
  modem: Dockerode["modem"],
  request: Request,
  abortSignal: AbortSignal,
): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  modem.dial(
    {
      method: request.method,
      path: request.query ? `${request.path}?` : request.path,
      statusCodes: everyStatus,
      isStream: true,
      abortSignal,
      ...(request.query && { options: { _query: request.query } }),
      ...(request.body !== undefined && {
        file: Buffer.from(request.body),
        headers: { "Content-Type": "application/json" },
      }),
    },
    (error, response) => {
      if (response instanceof http.IncomingMessage) resolve(response);
      else reject(error ?? new TypeError("the answer is no stream"));
    },
  );
  return promise;
}

function read(response: http.IncomingMessage, limit: AbortSignal, name: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = (): void => void response.destroy(new Error("not waited for"));
  limit.addEventListener("abort", stop, { once: true });
  if (limit.aborted) stop();
  response
    .on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= largestAnswer) return;
      const most = `more than ${largestAnswer} bytes`;
      response.destroy(new Fault("refused", `${name} answers with ${most}`));
    })
    .on("end", () => resolve(Buffer.concat(chunks).toString()))
    .on("error", reject)
    .on("close", () => reject(new Error("the connection was lost")));
  return promise;
}
