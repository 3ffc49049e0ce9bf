import { z } from "zod";

const expected = "expected host:port such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address";

/** Where to listen. An empty host is every address; port 0 lets the system choose. */
export const Listen = z.string(expected).transform((text, context) => {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  if (parts === null || port > 65_535) {
    context.addIssue(expected);
    return z.NEVER;
  }
  return { host: parts[1] ?? parts[2] ?? "", port };
});
export type Listen = z.infer<typeof Listen>;

/** Only what is certain to stay on this machine; a name other than `localhost` could mean anything. */
export const isLoopback = (host: string): boolean =>
  host.toLowerCase() === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);

/** Where a program on the same machine reaches that address. */
export function urlOf(listen: Listen): string {
  const everywhere = listen.host === "" || listen.host === "0.0.0.0" || listen.host === "::";
  const host = everywhere ? "127.0.0.1" : listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  return `http://${host}:${listen.port}`;
}
