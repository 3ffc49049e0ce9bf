import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Status } from "../../src/core/controller.ts";
import type { Decision } from "../../src/core/decide.ts";
import type { Episode } from "../../src/core/episode.ts";
import type { Escalation } from "../../src/core/escalation.ts";
import type { Entry, EntryKind } from "../../src/core/journal.ts";
import type { SlackStandIn } from "../stand-ins/slack.ts";
import { pause } from "./processes.ts";
import { startRelay } from "./relay.ts";

/** Homeostat's settings, as in the environment. */
export type Environment = Readonly<Record<string, string>>;

/** Homeostat as a process of its own, with rules and a store in a temporary directory that outlive it. */
export type HomeostatProcess = {
  /** Its address, the same over all its lives. */
  readonly url: string;
  /** Where Alertmanager posts. */
  readonly webhook: string;
  /** Starts it, with settings over those that it was prepared with; resolves when it is ready, or alive. */
  start(options?: { env?: Environment; main?: string; until?: "ready" | "alive" }): Promise<void>;
  /** Resolves once it has ended: with its exit code, or with the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>;
  /** Asks it to end; rejects unless it ends with code 0. */
  stop(): Promise<void>;
  log(): Promise<string>;
  status(): Promise<Status>;
  /** Open episodes, newest first; at most 1000. */
  episodes(): Promise<Episode[]>;
  escalations(): Promise<Escalation[]>;
  /** The whole journal, or its entries of some kinds, oldest first. */
  journal(...kinds: EntryKind[]): Promise<Entry[]>;
  decisions(): Promise<Decided[]>;
  /** The value of a sample of /metrics by its name and labels as they stand there; 0 where there is none. */
  sample(name: string): Promise<number>;
  /** Ends it and removes what it left. */
  close(): Promise<void>;
};

/** A decision as the journal has it: `act`, or the code of the reason why not. */
type Decided = { readonly rule: string; readonly word: string; readonly episode: string };

const ordinary = join(import.meta.dirname, "../../src/homeostat.js");
/** Journals of tests end before so many pages of 1000. */
const mostPages = 100;

/** Prepares one; nothing runs before `start`, which reads `env`. `rules` is the text of its rule file. */
export async function prepareHomeostat(prepared: {
  rules: string;
  env?: Environment;
}): Promise<HomeostatProcess> {
  const directory = await mkdtemp(join(tmpdir(), "homeostat-process-"));
  const logFile = join(directory, "log");
  await mkdir(join(directory, "rules"));
  await writeFile(join(directory, "rules/rules.yml"), prepared.rules);
  const relay = await startRelay();
  let child: ChildProcess | null = null;
  let url = "";
  const running = () => child !== null && child.exitCode === null && child.signalCode === null;

  async function start({
    env = {},
    main,
    until = "ready",
  }: Parameters<HomeostatProcess["start"]>[0] = {}): Promise<void> {
    const before = (await readFile(logFile, "utf8").catch(() => "")).length;
    const output = await open(logFile, "a");
    const words = main === undefined ? [ordinary, "serve"] : [main];
    child = spawn(process.execPath, words, {
      cwd: directory,
      stdio: ["ignore", output.fd, output.fd],
      env: {
        PATH: process.env["PATH"],
        HOMEOSTAT_LISTEN: "127.0.0.1:0",
        HOMEOSTAT_RULES: join(directory, "rules"),
        HOMEOSTAT_STORE: `sqlite:${join(directory, "homeostat.db")}`,
        ...prepared.env,
        ...env,
      },
    });
    await output.close();
    for (let tries = 0; tries < 1200; tries += 1) {
      const text = (await readFile(logFile, "utf8")).slice(before);
      if (!running()) throw new Error(`Homeostat ended at once; it said:\n${text.slice(-4000)}`);
      url = /"url":"(http:[^"]+)"/.exec(text)?.[1] ?? "";
      if (url !== "" && (await answers(`${url}/${until === "ready" ? "readyz" : "healthz"}`)))
        return relay.leadTo(url);
      await pause(25);
    }
    throw new Error(`Homeostat is not ${until} after 30 s; it said:\n${await log()}`);
  }
  const log = () => readFile(logFile, "utf8");
  async function ended(): Promise<number | NodeJS.Signals> {
    if (child === null) throw new Error("it was never started");
    if (running()) await once(child, "exit");
    return child.signalCode ?? child.exitCode ?? -1;
  }
  async function ask<T>(path: string): Promise<T> {
    const response = await fetch(`${url}/api/v1/${path}`, { signal: AbortSignal.timeout(20_000) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    // Its shape is the API's own matter, which test/http holds it to.
    return (await response.json()) as T;
  }
  async function journal(...kinds: EntryKind[]): Promise<Entry[]> {
    const found: Entry[] = [];
    const wanted = kinds.length === 0 ? "" : `&kind=${kinds.join(",")}`;
    let before = "";
    for (let page = 0; page < mostPages; page += 1) {
      const path = `history?limit=1000${wanted}${before}`;
      const { items, next } = await ask<{ items: Entry[]; next: number | null }>(path);
      found.push(...items);
      if (next === null) return found.reverse();
      before = `&before=${next}`;
    }
    throw new Error(`the journal has more than ${mostPages} pages`);
  }
  const items = async <T>(path: string): Promise<T[]> =>
    (await ask<{ items: T[] }>(`${path}?limit=1000`)).items;

  return {
    url: relay.url,
    webhook: `${relay.url}/webhooks/alertmanager`,
    start,
    ended,
    async stop() {
      child?.kill("SIGTERM");
      const code = await ended();
      if (code !== 0) throw new Error(`it ended with ${code}:\n${(await log()).slice(-4000)}`);
    },
    log,
    status: () => ask<Status>("status"),
    episodes: () => items<Episode>("episodes"),
    escalations: () => items<Escalation>("escalations"),
    journal,
    async decisions() {
      const entries = await journal("decision");
      return entries.map(({ data, episode = "" }) => {
        const { rule, decision } = data as { rule: string; decision: Decision };
        const word = decision.kind === "act" ? "act" : decision.reason.code;
        return { rule, word, episode };
      });
    },
    async sample(name) {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = text.split("\n").find((one) => one.startsWith(`${name} `));
      return Number(line?.slice(name.length) ?? 0);
    },
    async close() {
      child?.kill("SIGKILL");
      if (child !== null) await ended();
      await relay.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const answers = async (url: string): Promise<boolean> => {
  const response = await fetch(url).catch(() => null);
  await response?.body?.cancel();
  return response?.ok === true;
};

/** The settings that make it tell people at a stand-in, in the channel `ops`. */
export const tellingAt = ({ url, token }: Pick<SlackStandIn, "url" | "token">): Environment => ({
  SLACK_BOT_TOKEN: token,
  HOMEOSTAT_SLACK_API_URL: url,
  HOMEOSTAT_SLACK_CHANNEL: "#ops",
});
