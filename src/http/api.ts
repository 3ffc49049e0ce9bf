import type { Request, RequestHandler } from "express";
import { z } from "zod";
import type { Controller } from "../core/controller.ts";
import { serialOf } from "../core/escalation.ts";
import { entryKinds } from "../core/journal.ts";
import { answer, refuse } from "./answer.ts";
import { readQuery } from "./query.ts";
import { within } from "./within.ts";

/** The GET routes under /api/v1. Lists read `{items, next}`: pass `next` as `before` for what is older, null at the end. */
export function readRoutes(
  controller: Controller,
  deadline: number,
): Readonly<Record<string, RequestHandler>> {
  const soon = <T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> => within(deadline, ask);
  return {
    status: async (request, response) => {
      const query = readQuery(request, NoQuery);
      if (query.kind === "refused") return refuse(response, query.refusal);
      answer(response, 200, await soon(() => controller.status()));
    },
    rules: listed(PageQuery, (page) => numbered(controller.rules(), page)),
    episodes: listed(PageQuery, (page) =>
      paged(controller.episodes(page), page, (episode) => episode.serial),
    ),
    history: listed(HistoryQuery, async ({ kind, ...query }) => {
      const entries = await soon(() =>
        controller.history({ ...query, ...(kind === undefined ? {} : { kinds: kind }) }),
      );
      return paged(entries, query, (entry) => entry.seq);
    }),
    services: listed(PageQuery, async (page) =>
      numbered(await soon((signal) => controller.services(signal)), page),
    ),
    escalations: listed(PageQuery, (page) => paged(controller.escalations(page), page, serialOf)),
  };
}

type List = { readonly items: readonly object[]; readonly next: number | null };

function listed<Schema extends z.ZodObject>(
  schema: Schema,
  list: (query: z.infer<Schema>) => List | Promise<List>,
): RequestHandler {
  return async (request: Request, response) => {
    const query = readQuery(request, schema);
    if (query.kind === "refused") return refuse(response, query.refusal);
    answer(response, 200, await list(query.value));
  };
}

const paged = <T extends object>(
  items: readonly T[],
  page: { limit: number },
  cursor: (item: T) => number,
): List => {
  const last = items.length < page.limit ? undefined : items.at(-1);
  return { items, next: last === undefined ? null : cursor(last) };
};

/** For lists that have no order in time: their places count down, so that `before` means "further down" here too. */
function numbered(all: readonly object[], { limit, before }: { limit: number; before?: number }): List {
  const start = before === undefined ? 0 : Math.max(0, all.length - before + 1);
  const items = all.slice(start, start + limit);
  const end = start + items.length;
  return { items, next: end < all.length ? all.length - end + 1 : null };
}

const wholeNumber = (expected: string): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,16}$/, expected)
    .transform(Number);

const limitExpected = "expected a whole number from 1 to 1000";

const NoQuery = z.strictObject({});
const PageQuery = z.strictObject({
  limit: wholeNumber(limitExpected)
    .refine((limit) => limit >= 1 && limit <= 1000, limitExpected)
    .default(100),
  before: wholeNumber("expected a whole number").exactOptional(),
});

const kindsExpected = `expected some of ${entryKinds.join(", ")}, separated by commas`;
const Text = z.string().min(1, "expected a text").max(1000, "expected at most 1000 characters");

const HistoryQuery = PageQuery.extend({
  kind: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(entryKinds, kindsExpected), kindsExpected))
    .exactOptional(),
  episode: Text.exactOptional(),
  target: Text.exactOptional(),
});
