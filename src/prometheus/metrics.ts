import {
  PrometheusDriver,
  ResponseType,
  type InstantVector,
  type PrometheusConnectionOptions,
  type QueryResult,
} from "prometheus-query";
import { z } from "zod";
import type { Metrics, Sample } from "../core/ports.ts";
import { Fault } from "../core/reason.ts";

type Request = Parameters<NonNullable<PrometheusConnectionOptions["requestInterceptor"]>["onFulfilled"]>[0];
type Response = Parameters<NonNullable<PrometheusConnectionOptions["responseInterceptor"]>["onFulfilled"]>[0];

/** Milliseconds. A verification asks again anyway, and a decision must not wait for a server that hangs. */
const defaultDeadline = 10_000;
/** Bytes; far more than any condition needs. A query for a whole database must not fill our memory. */
const largestAnswer = 8 * 1024 * 1024;
/** Characters; longer queries go by POST, because servers limit the length of a URL. */
const longestUrlQuery = 4000;

/** The library reads values by `parseFloat`, which knows `Infinity` but makes NaN of Prometheus' `+Inf`. */
const spelling = new Map([
  ["+Inf", "Infinity"],
  ["-Inf", "-Infinity"],
]);
const Point = z.tuple([z.number(), z.string().transform((value) => spelling.get(value) ?? value)]);

/** What Prometheus answers to a good query; whatever else answers on this URL is not Prometheus. */
const Answer = z.object({
  status: z.literal("success"),
  data: z.discriminatedUnion("resultType", [
    z.object({
      resultType: z.literal("vector"),
      result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: Point })),
    }),
    z.object({ resultType: z.literal("scalar"), result: Point }),
    z.object({ resultType: z.literal(["matrix", "string"]) }),
  ]),
});

/** How the HTTP client below the library reports a failure: with an answer where there was one. */
const Failure = z.object({
  message: z.string(),
  response: z.object({ status: z.number(), data: z.unknown() }).optional(),
});

/** Prometheus' own words on a query that it does not like. */
const Refusal = z.object({ status: z.literal("error"), error: z.string() });

/** The library rejects with plain objects; what an interceptor threw is inside. */
const Rejection = z.object({ original: z.instanceof(Fault) });

/**
 * Instant queries on Prometheus' HTTP API, or on anything that speaks it.
 * `url` may carry a path; `deadline` is in milliseconds and covers one whole query.
 * Every failure is a Fault; it is `refused` when asking again will not help, as with a query that does not parse.
 */
export function connectPrometheus(options: { url: string; deadline?: number; bearer?: string }): Metrics {
  const { deadline = defaultDeadline } = options;
  // Names the server in messages without the credentials that a URL may hold.
  const server = `Prometheus at ${new URL(options.url).host}`;

  return {
    async query(promql, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(deadline)]);
      // The library takes neither a signal nor a size limit, so each query gets a driver whose interceptors set them.
      const driver = new PrometheusDriver({
        endpoint: options.url,
        timeout: deadline,
        preferPost: promql.length > longestUrlQuery,
        headers: options.bearer === undefined ? {} : { authorization: `Bearer ${options.bearer}` },
        requestInterceptor: { onFulfilled: (request) => bounded(request, limit) },
        responseInterceptor: {
          onFulfilled: (response) => checked(response, server),
          onRejected: (failure: unknown) => Promise.reject(translated(failure, server)),
        },
      });
      try {
        return samples(await driver.instantQuery(promql, undefined, `${deadline}ms`));
      } catch (thrown) {
        if (signal.aborted)
          throw new Fault("unavailable", `${server} was not waited for`, { cause: signal.reason });
        if (limit.aborted) throw new Fault("unavailable", `${server} did not answer within ${deadline} ms`);
        const rejection = Rejection.safeParse(thrown);
        // What is left is the library's own doing: a bug, not a fault of the world.
        throw rejection.success
          ? rejection.data.original
          : new TypeError(`${server}: unexpected rejection`, { cause: thrown });
      }
    },
  };
}

function bounded(request: Request, signal: AbortSignal): Request {
  // The library stamps our clock's time on the query; where clocks differ that asks for data that is not there yet.
  const parts: unknown[] = [request.params, request.data];
  for (const part of parts) if (part instanceof URLSearchParams) part.delete("time");
  // No redirects, lest the bearer token follow one; no proxy from the environment, as nothing else here uses one.
  return Object.assign(request, {
    signal,
    maxContentLength: largestAnswer,
    maxRedirects: 0,
    proxy: false,
  });
}

function checked(response: Response, server: string): Response {
  const answer = Answer.safeParse(response.data);
  if (!answer.success)
    throw new Fault("refused", `${server} answers, but not as Prometheus does; is the URL right?`);
  const { resultType } = answer.data.data;
  if (resultType === "vector" || resultType === "scalar") return { ...response, data: answer.data };
  throw new Fault("refused", `The query gives a ${resultType}; expected one that gives a vector or a scalar`);
}

function translated(failure: unknown, server: string): Fault {
  const { message, response } = Failure.parse(failure);
  if (message.startsWith("maxContentLength")) {
    return new Fault("refused", `${server} answers with more than ${largestAnswer} bytes; ask for less`);
  }
  if (response === undefined) return new Fault("unavailable", `${server} does not answer: ${message}`);
  const { status } = response;
  const words = Refusal.safeParse(response.data);
  const said = words.success ? words.data.error : `HTTP ${status}`;
  if (status === 429) return new Fault("rate-limited", `${server} is asked too much: ${said}`);
  if (status >= 500) return new Fault("unavailable", `${server} fails: ${said}`);
  if (status === 401 || status === 403) return new Fault("refused", `${server} does not let us in: ${said}`);
  return new Fault("refused", `${server} refuses the query: ${said}`);
}

function samples(answer: QueryResult): Sample[] {
  if (answer.resultType === ResponseType.SCALAR)
    return [{ labels: {}, value: Number.parseFloat(answer.result[1]) }];
  const vector: InstantVector[] = answer.result;
  return vector.map((one) => ({ labels: { ...one.metric.labels }, value: one.value.value }));
}
