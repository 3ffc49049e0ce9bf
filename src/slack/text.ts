/*
 * Slack's text syntax. Only `&`, `<` and `>` mean something to it once `verbatim` is set, so only they are escaped;
 * lengths are counted as the message travels: escaped, and inside JSON.
 */

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** How many characters a code point takes on its way. */
const cost = (shown: string): number =>
  shown === '"' || shown === "\\" || shown === "\n" ? 2 : shown.length;

/** Room for `… (1234567 more characters)`. */
const noteRoom = 40;

/** Escapes a text so that it shows as it is, and cuts it so that it takes at most `most` characters on its way. */
export function plain(text: string, most: number): string {
  const wanted = readable(text);
  const whole: string[] = [];
  let used = 0;
  /** As far as the text may go when it is cut. */
  let kept = 0;
  for (const point of wanted) {
    const shown = escapes[point] ?? point;
    used += cost(shown);
    if (used > most) {
      const rest = [...wanted].length - kept;
      const note = most > noteRoom ? `… (${rest} more characters)` : "…";
      return whole.slice(0, kept).join("") + note;
    }
    whole.push(shown);
    if (used <= most - (most > noteRoom ? noteRoom : 1)) kept = whole.length;
  }
  return whole.join("");
}

/** Slack refuses empty texts, and control characters show as nothing: no text is ever without a visible character. */
function readable(text: string): string {
  const clean = text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => (character === "\n" ? "\n" : " "));
  return clean.trim() === "" ? "(empty)" : clean;
}

/** How much of a budget a finished text takes. */
export const taken = (text: string): number => JSON.stringify(text).length;

const mostMentions = 8;

/**
 * A mention as people write it in rules: `@here`, `@channel`, `@everyone`, a user's or a user group's id. Anything
 * else stays text: Slack does not let an app mention by name.
 */
export function mention(text: string): string {
  return text
    .split(/[\s,]+/)
    .filter((word) => word !== "")
    .slice(0, mostMentions)
    .map((word) => {
      const name = word.replace(/^<?[@!]?(?:subteam\^)?/, "").replace(/>$/, "");
      if (name === "here" || name === "channel" || name === "everyone") return `<!${name}>`;
      if (/^[UW][A-Z0-9]{5,20}$/.test(name)) return `<@${name}>`;
      if (/^S[A-Z0-9]{5,20}$/.test(name)) return `<!subteam^${name}>`;
      return plain(word, 80);
    })
    .join(" ");
}

const longestUrl = 2400;

/** `<url|text>`; where the address is not of the web, or is too long to survive, it is shown as text. */
export function link({ text, url }: { text: string; url: string }): string {
  const parsed = URL.parse(url);
  const web = parsed !== null && (parsed.protocol === "https:" || parsed.protocol === "http:");
  const href = web ? parsed.href.replaceAll("|", "%7C").replaceAll("&", "&amp;") : "";
  const safe = href !== "" && href.length <= longestUrl && !/[<>\s]/.test(href);
  return safe
    ? `<${href}|${plain(text.replaceAll(/[|\n]/g, " "), 75)}>`
    : `${plain(text, 75)}: ${plain(url, 300)}`;
}
