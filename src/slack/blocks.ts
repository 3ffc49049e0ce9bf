import type { Message } from "../core/message.ts";
import { link, mention, plain, taken } from "./text.ts";

type Markdown = { type: "mrkdwn"; text: string; verbatim: true };
type Section = { type: "section"; text: Markdown } | { type: "section"; fields: Markdown[] };
type Block =
  | Section
  | { type: "header"; text: { type: "plain_text"; text: string; emoji: true } }
  | { type: "context"; elements: Markdown[] };

/** `text` is what a notification shows; the blocks are the message. */
type Rendered = { readonly text: string; readonly blocks: Block[] };

/** Slack's limits: https://docs.slack.dev/reference/block-kit/blocks, the last one from its error `msg_blocks_too_long`. */
const limits = {
  blocks: 50,
  header: 150,
  section: 3000,
  fields: 10,
  field: 2000,
  characters: 13_000,
};

/** What is left free below the limit on all characters, because Slack does not say how it counts. */
const reserve = 500;
/** So that no part crowds out those after it, in characters. */
const shares = {
  paragraphs: 4000,
  fields: 3000,
  field: 300,
  links: 3000,
  trail: 3000,
  footer: 250,
};
const mostFields = 30;
const mostLinks = 10;

const moods: Readonly<Record<Message["mood"], string>> = {
  problem: "🔴",
  resolved: "✅",
  info: "ℹ️",
};

/**
 * Renders a message within all of Slack's limits. What a sender wrote never becomes a mention or a link: it is
 * escaped, and `verbatim` keeps Slack from finding addresses and names in it.
 */
export function render(message: Message): Rendered {
  const title = `${moods[message.mood]} ${plain(oneLine(message.title), limits.header - 10)}`;
  const called = mention(message.mention ?? "");
  const call = called === "" ? [] : [section(called)];
  const head: Block[] = [{ type: "header", text: { type: "plain_text", text: title, emoji: true } }, ...call];
  const tail: Block[] = [...links(message), ...footer(message)];
  const body = [...paragraphs(message), ...fields(message), ...trail(message)];
  const text = called === "" ? title : `${called} ${title}`;
  return { text, blocks: [...head, ...fit(body, [...head, ...tail]), ...tail] };
}

/** Drops from the end of the body what does not fit beside the rest, and says so. */
function fit(body: readonly Block[], rest: readonly Block[]): Block[] {
  const size = (block: Block): number => JSON.stringify(block).length + 1;
  let room = limits.characters - reserve - rest.reduce((sum, block) => sum + size(block), 2);
  let blocks = limits.blocks - rest.length - 1;
  const kept: Block[] = [];
  for (const block of body) {
    room -= size(block);
    blocks -= 1;
    if (room < 0 || blocks < 0) {
      const missing = body.length - kept.length;
      return [...kept, section(`… (${missing} more ${missing === 1 ? "part" : "parts"})`)];
    }
    kept.push(block);
  }
  return kept;
}

const markdown = (text: string): Markdown => ({ type: "mrkdwn", text, verbatim: true });
const section = (text: string): Section => ({ type: "section", text: markdown(text) });
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

function paragraphs(message: Message): Section[] {
  const all = message.paragraphs.filter((text) => text.trim() !== "");
  const texts = within(all, shares.paragraphs, (text, room) =>
    plain(text, Math.min(room, limits.section - 100)),
  );
  return texts.kept.map(section).concat(left(texts.missing, "paragraph"));
}

function fields(message: Message): Section[] {
  const texts = within(message.fields.slice(0, mostFields), shares.fields, ({ name, value }, room) => {
    const most = Math.min(room / 2, shares.field);
    return `*${plain(oneLine(name), Math.min(most, 100))}*\n${plain(value, most)}`;
  });
  const blocks: Section[] = [];
  for (let start = 0; start < texts.kept.length; start += limits.fields) {
    const chunk = texts.kept.slice(start, start + limits.fields);
    blocks.push({ type: "section", fields: chunk.map(markdown) });
  }
  return blocks.concat(left(texts.missing + Math.max(0, message.fields.length - mostFields), "field"));
}

function links(message: Message): Section[] {
  const texts = within(message.links.slice(0, mostLinks), shares.links, (item, room) => {
    const text = link(item);
    return taken(text) <= room ? text : plain(item.text, 75);
  });
  const missing = texts.missing + Math.max(0, message.links.length - mostLinks);
  const lines = missing === 0 ? texts.kept : [...texts.kept, `… (${missing} more links)`];
  // One section a link that is long, and those that are short together: a section holds 3000 characters.
  const blocks: Section[] = [];
  let line = "";
  for (const text of lines) {
    if (line !== "" && line.length + text.length + 3 > limits.section) {
      blocks.push(section(line));
      line = "";
    }
    line += line === "" ? text : ` · ${text}`;
  }
  return line === "" ? blocks : [...blocks, section(line)];
}

function trail(message: Message): Section[] {
  if (message.trail.length === 0) return [];
  const heading = "*What was considered*";
  let number = 0;
  const texts = within(message.trail, shares.trail - 100, (step, room) => {
    number += 1;
    return `${number}. ${plain(oneLine(step), Math.min(room, 500))}`;
  });
  const more = texts.missing === 0 ? [] : [`… (${texts.missing} more steps)`];
  return [section([heading, ...texts.kept, ...more].join("\n"))];
}

function footer(message: Message): Block[] {
  if (message.footer === undefined) return [];
  return [{ type: "context", elements: [markdown(plain(oneLine(message.footer), shares.footer))] }];
}

/** Takes items as long as there is room worth having; the rest is counted. */
function within<T>(
  items: readonly T[],
  most: number,
  write: (item: T, room: number) => string,
): { kept: string[]; missing: number } {
  const worthHaving = 60;
  const kept: string[] = [];
  let room = most;
  for (const item of items) {
    if (room < worthHaving) break;
    const text = write(item, room);
    room -= taken(text);
    kept.push(text);
  }
  return { kept, missing: items.length - kept.length };
}

const left = (count: number, what: string): Section[] =>
  count === 0 ? [] : [section(`… (${count} more ${what}${count === 1 ? "" : "s"})`)];
