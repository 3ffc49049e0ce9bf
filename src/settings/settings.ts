import { z } from "zod";
import { Duration } from "../core/duration.ts";
import { Listen } from "./listen.ts";
import { Secret } from "./secret.ts";

/*
 * Every setting, once: its key in homeostat.yml, its shape and its default. Each message says what was expected;
 * the loader puts the setting's name before it and what was found behind it. All but lists may come as text,
 * since the environment knows nothing else.
 */

const words: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false,
};

const Flag = z.union([z.boolean(), z.string()], "expected true or false").transform((value, context) => {
  if (typeof value === "boolean") return value;
  const word = value.toLowerCase();
  if (Object.hasOwn(words, word)) return words[word] === true;
  context.addIssue("expected true or false");
  return z.NEVER;
});

/** As Docker's own tools read it: anything but nothing means yes, even `0`. */
const DockerFlag = z.union(
  [z.boolean(), z.string().transform((text) => text !== "")],
  "expected true or false",
);

const Path = z.string("expected a path").min(1, "expected a path");

const webUrl = "expected a URL such as http://host:9090, without a user name or password in it";

const WebUrl = z.string(webUrl).transform((text, context) => {
  const url = URL.parse(text);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== "" ||
    url.password !== "" ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    context.addIssue(webUrl);
    return z.NEVER;
  }
  return url.href.replace(/\/+$/, "");
});

const engineUrl =
  "expected unix:///path/of/docker.sock, tcp://host:2375, http://host:2375 or https://host:2376";

const Token = z
  .string("expected a token of visible ASCII characters")
  .regex(/^[\x21-\x7e]{1,4096}$/, "expected a token of visible ASCII characters")
  .transform((text) => new Secret(text));

const Store = z.string("expected sqlite:<file>").transform((text, context) => {
  const path = /^sqlite:(?!:memory:$)(.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: "sqlite" as const, path };
  const later = /^(etcd|postgres(?:ql)?):/.test(text);
  context.addIssue(
    later
      ? "expected sqlite:<file>; etcd and PostgreSQL are not available in this version"
      : "expected sqlite:<file>",
  );
  return z.NEVER;
});

const hosts = "expected host names, or host:port, separated by commas";
const Host = z.string(hosts).regex(/^(?:[A-Za-z0-9_.-]{1,253}|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/, hosts);

const Hosts = z
  .union(
    [
      z.array(z.string(hosts), hosts),
      z.string(hosts).transform((text) =>
        text
          .split(",")
          .map((part) => part.trim())
          .filter((part) => part !== ""),
      ),
    ],
    hosts,
  )
  .pipe(z.array(Host.transform((host) => host.toLowerCase())));

const bytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const size = "expected a size of at least 1MiB, such as 500MiB or 1GiB";

const Size = z.string(size).transform((text, context) => {
  const parts = /^(\d{1,9}(?:\.\d{1,3})?) ?([KMGT]?i?B)$/.exec(text);
  const value = Number(parts?.[1]) * (bytes[parts?.[2] ?? ""] ?? Number.NaN);
  if (value >= 2 ** 20) return Math.floor(value);
  context.addIssue(size);
  return z.NEVER;
});

const Period = Duration.refine((ms) => ms > 0, "expected a duration longer than 0");

export const Settings = z.strictObject({
  /** Where the routes are served; without a webhook token only loopback is allowed. */
  listen: Listen.default({ host: "127.0.0.1", port: 8080 }),
  /** The folder of rule files. */
  rules: Path.default("rules"),
  store: Store.default({ kind: "sqlite", path: "data/homeostat.db" }),
  /** The cluster's name in targets and journal. */
  cluster: z
    .string("expected a name")
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
      "expected a name of at most 63 letters, digits, '_', '.' and '-'",
    )
    .default("default"),
  dockerHost: z
    .string(engineUrl)
    .regex(/^(?:unix:\/\/\/.+|(?:tcp|https?):\/\/[A-Za-z0-9_.:[\]-]+\/?)$/, engineUrl)
    .default("unix:///var/run/docker.sock"),
  dockerTlsVerify: DockerFlag.default(false),
  /** A folder with ca.pem, cert.pem and key.pem. */
  dockerCertPath: Path.nullable().default(null),
  prometheusUrl: WebUrl.nullable().default(null),
  alertmanagerUrl: WebUrl.nullable().default(null),
  webhookToken: Token.nullable().default(null),
  adminToken: Token.nullable().default(null),
  dryRun: Flag.default(false),
  slackBotToken: Token.nullable().default(null),
  slackChannel: z.string("expected a channel").min(1, "expected a channel").nullable().default(null),
  slackApiUrl: WebUrl.nullable().default(null),
  /** The hosts that `call-webhook` may call; none unless named. */
  callWebhookAllow: Hosts.default([]),
  logLevel: z
    .enum(
      ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
      "expected trace, debug, info, warn, error, fatal or silent",
    )
    .default("info"),
  /** How long a change made by hand is left alone; milliseconds, as all durations here. */
  handsOff: Duration.default(600_000),
  /** How long a hold may last before a person is told. */
  patience: Period.default(300_000),
  /** How long an episode stays open after it was last heard of. */
  episodeTtl: Period.default(12 * 3_600_000),
  /** How long the journal is kept; bounded by `retentionSize`, in bytes, too. */
  retention: Period.default(30 * 24 * 3_600_000),
  retentionSize: Size.default(2 ** 30),
  /** Where the commands reach the running server; from `listen` when null. */
  url: WebUrl.nullable().default(null),
});
export type Settings = z.infer<typeof Settings>;
export type Key = keyof Settings;

/** The environment's name of each setting. */
export const variables = {
  listen: "HOMEOSTAT_LISTEN",
  rules: "HOMEOSTAT_RULES",
  store: "HOMEOSTAT_STORE",
  cluster: "HOMEOSTAT_CLUSTER",
  dockerHost: "DOCKER_HOST",
  dockerTlsVerify: "DOCKER_TLS_VERIFY",
  dockerCertPath: "DOCKER_CERT_PATH",
  prometheusUrl: "HOMEOSTAT_PROMETHEUS_URL",
  alertmanagerUrl: "HOMEOSTAT_ALERTMANAGER_URL",
  webhookToken: "HOMEOSTAT_WEBHOOK_TOKEN",
  adminToken: "HOMEOSTAT_ADMIN_TOKEN",
  dryRun: "HOMEOSTAT_DRY_RUN",
  slackBotToken: "SLACK_BOT_TOKEN",
  slackChannel: "HOMEOSTAT_SLACK_CHANNEL",
  slackApiUrl: "HOMEOSTAT_SLACK_API_URL",
  callWebhookAllow: "HOMEOSTAT_CALL_WEBHOOK_ALLOW",
  logLevel: "HOMEOSTAT_LOG_LEVEL",
  handsOff: "HOMEOSTAT_HANDS_OFF",
  patience: "HOMEOSTAT_PATIENCE",
  episodeTtl: "HOMEOSTAT_EPISODE_TTL",
  retention: "HOMEOSTAT_RETENTION",
  retentionSize: "HOMEOSTAT_RETENTION_SIZE",
  url: "HOMEOSTAT_URL",
} as const satisfies Record<Key, string>;

/** Settings that may also come from a file (`…_FILE`, or the key with `File`) and are never printed. */
export const secrets: ReadonlySet<Key> = new Set<Key>(["webhookToken", "adminToken", "slackBotToken"]);

export const keys = Object.keys(variables) as readonly Key[];
