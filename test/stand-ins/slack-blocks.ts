import { z } from "zod";

/*
 * Block Kit's limits for the blocks that Homeostat sends: https://docs.slack.dev/reference/block-kit/blocks. Where Slack
 * does not say how it counts, the strictest reading holds: escaped text, and for the whole message its JSON.
 */

const words = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((text) => text.trim() !== "", "only white space");

/** `<` begins a mention or a link that is complete; anything else would show as garbage or swallow what follows. */
const wellFormed = (text: string): boolean =>
  [...text.matchAll(/<([^>]*>?)/g)].every(([, inside = ""]) =>
    /^(![a-z]+|@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|https?:\/\/[^|>\s]+(\|[^|>]*)?)>$/.test(inside),
  ) && !/&(?!amp;|lt;|gt;)/.test(text);

const plainText = (most: number) =>
  z.object({ type: z.literal("plain_text"), text: words(most), emoji: z.boolean().optional() });
const markdown = (most: number) =>
  z.object({
    type: z.literal("mrkdwn"),
    text: words(most).refine(wellFormed, "not well formed"),
    verbatim: z.boolean().optional(),
  });

const Block = z.discriminatedUnion("type", [
  z.object({ type: z.literal("header"), text: plainText(150) }),
  z
    .object({
      type: z.literal("section"),
      text: markdown(3000).optional(),
      fields: z.array(markdown(2000)).min(1).max(10).optional(),
    })
    .refine(({ text, fields }) => text !== undefined || fields !== undefined, "neither text nor fields"),
  z.object({ type: z.literal("context"), elements: z.array(markdown(2000)).min(1).max(10) }),
  z.object({ type: z.literal("divider") }),
]);
const Blocks = z.array(Block).max(50);

/** What Slack would say against these blocks; null when it takes them. */
export function faultOfBlocks(
  blocks: unknown,
): { error: "invalid_blocks" | "msg_blocks_too_long"; detail: string } | null {
  const parsed = Blocks.safeParse(blocks);
  if (!parsed.success) return { error: "invalid_blocks", detail: z.prettifyError(parsed.error) };
  const length = JSON.stringify(blocks).length;
  return length > 13_000 ? { error: "msg_blocks_too_long", detail: `${length} characters` } : null;
}

/** Every mention and link that Slack would make of these blocks, as written between `<` and `>`. */
export const livePartsOf = (blocks: unknown): string[] =>
  [...JSON.stringify(blocks).matchAll(/<([^>]*)>/g)].map(([, inside = ""]) => inside);
