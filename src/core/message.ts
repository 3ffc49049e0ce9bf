/**
 * What is told to people, without any chat system's markup: the adapter renders it.
 * All texts are plain and unescaped; lengths are unbounded here, adapters cut to their limits.
 */
export type Message = {
  /** One line; also the notification text. */
  readonly title: string;
  readonly mood: "problem" | "resolved" | "info";
  /** Who to call, as the chat system writes it: `@here`, `@channel`, a user or group id. */
  readonly mention?: string;
  readonly paragraphs: readonly string[];
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  readonly links: readonly { readonly text: string; readonly url: string }[];
  /** Ordered trail: what was considered and why nothing (more) was done. */
  readonly trail: readonly string[];
  readonly footer?: string;
};
