import { createServer as createHttpServer, type Server } from "node:http";
import express, { type RequestHandler } from "express";
import type { Controller } from "../core/controller.ts";
import type { Clock } from "../core/ports.ts";
import { isLoopback } from "../settings/listen.ts";
import type { Settings } from "../settings/settings.ts";
import { alertmanager, guarded } from "./alertmanager.ts";
import { readRoutes } from "./api.ts";
import { adminGuard, readerGuard, webhookGuard } from "./auth.ts";
import { failure, methodNotAllowed, notFound, type Log } from "./failure.ts";
import { healthz, readyz } from "./health.ts";
import { limitServer, usualLimits, type Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import { pause, resume } from "./pauses.ts";

export type ServerParts = {
  readonly controller: Controller;
  readonly settings: Pick<Settings, "listen" | "cluster" | "webhookToken" | "adminToken">;
  readonly metrics: Pick<Metrics, "answered" | "scrape" | "registry">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
};

/** Everything that is served, as one list. The server does not listen yet. */
export function createServer(parts: ServerParts): Server {
  const { controller, settings, metrics, clock, log } = parts;
  const limits = { ...usualLimits, ...parts.limits };
  const onLoopback = isLoopback(settings.listen.host);
  const sender = webhookGuard(settings.webhookToken);
  const admin = guarded(adminGuard(settings.adminToken, onLoopback));
  const reader = guarded(readerGuard(settings.adminToken, onLoopback));
  const pauseParts = { controller, clock, cluster: settings.cluster };

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.disable("query parser");
  const get = (path: string, ...handlers: RequestHandler[]): void => {
    app
      .route(path)
      .get(...handlers)
      .all(methodNotAllowed("GET, HEAD"));
  };
  const post = (path: string, ...handlers: RequestHandler[]): void => {
    app
      .route(path)
      .post(...handlers)
      .all(methodNotAllowed("POST"));
  };

  // First, as it is the one that must be quick.
  post("/webhooks/alertmanager", counted(metrics), ...alertmanager(controller, sender, limits.body));
  // Free for all: the probes of an orchestrator and Prometheus carry no token.
  get("/healthz", healthz);
  get("/readyz", readyz(controller));
  get("/metrics", async (_request, response) => {
    const text = await metrics.scrape(controller);
    response.set("content-type", metrics.registry.contentType).set("cache-control", "no-store").end(text);
  });
  for (const [name, route] of Object.entries(readRoutes(controller, limits.question)))
    get(`/api/v1/${name}`, reader, route);
  post("/api/v1/pause", admin, ...pause(pauseParts));
  post("/api/v1/resume", admin, ...resume(pauseParts));
  app.use(notFound);
  app.use(failure(log));

  const server = createHttpServer(app);
  limitServer(server, limits);
  return server;
}

const counted =
  (metrics: Pick<Metrics, "answered">): RequestHandler =>
  (_request, response, next) => {
    response.once("finish", () => metrics.answered(response.statusCode));
    next();
  };
