import { inspect } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadSettings } from "../../src/settings/load.ts";
import { isLoopback, urlOf } from "../../src/settings/listen.ts";
import type { Settings } from "../../src/settings/settings.ts";

type Files = Readonly<Record<string, string>>;

/** A disk that holds only these files. */
const disk =
  (files: Files = {}) =>
  (path: string): string => {
    const text = Object.hasOwn(files, path) ? files[path] : undefined;
    if (text === "(forbidden)") throw Object.assign(new Error(`EACCES: ${path}`), { code: "EACCES" });
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return text;
  };

const settingsOf = (env: Record<string, string>, files: Files = {}): Settings => {
  const loaded = loadSettings(env, disk(files));
  if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
  return loaded.settings;
};

const faultsOf = (env: Record<string, string>, files: Files = {}): readonly string[] => {
  const loaded = loadSettings(env, disk(files));
  return loaded.ok ? [] : loaded.faults;
};

test("without anything the defaults hold", () => {
  expect(settingsOf({})).toEqual({
    listen: { host: "127.0.0.1", port: 8080 },
    rules: "rules",
    store: { kind: "sqlite", path: "data/homeostat.db" },
    cluster: "default",
    dockerHost: "unix:///var/run/docker.sock",
    dockerTlsVerify: false,
    dockerCertPath: null,
    prometheusUrl: null,
    alertmanagerUrl: null,
    webhookToken: null,
    adminToken: null,
    dryRun: false,
    slackBotToken: null,
    slackChannel: null,
    slackApiUrl: null,
    callWebhookAllow: [],
    logLevel: "info",
    handsOff: 600_000,
    patience: 300_000,
    episodeTtl: 43_200_000,
    retention: 2_592_000_000,
    retentionSize: 1_073_741_824,
    url: null,
  });
});

describe("a setting from the environment", () => {
  test.each<[string, string, keyof Settings, unknown]>([
    ["HOMEOSTAT_LISTEN", "localhost:0", "listen", { host: "localhost", port: 0 }],
    ["HOMEOSTAT_LISTEN", "[::1]:9000", "listen", { host: "::1", port: 9000 }],
    ["HOMEOSTAT_RULES", "/etc/homeostat/rules", "rules", "/etc/homeostat/rules"],
    [
      "HOMEOSTAT_STORE",
      "sqlite:/var/lib/homeostat.db",
      "store",
      { kind: "sqlite", path: "/var/lib/homeostat.db" },
    ],
    ["DOCKER_HOST", "tcp://proxy:2375", "dockerHost", "tcp://proxy:2375"],
    ["DOCKER_HOST", "", "dockerHost", "unix:///var/run/docker.sock"],
    ["DOCKER_TLS_VERIFY", "", "dockerTlsVerify", false],
    // As Docker's own tools have it.
    ["DOCKER_TLS_VERIFY", "0", "dockerTlsVerify", true],
    ["HOMEOSTAT_PROMETHEUS_URL", "http://prometheus:9090/", "prometheusUrl", "http://prometheus:9090"],
    [
      "HOMEOSTAT_ALERTMANAGER_URL",
      "https://alerts.example/am/",
      "alertmanagerUrl",
      "https://alerts.example/am",
    ],
    ["HOMEOSTAT_DRY_RUN", "true", "dryRun", true],
    ["HOMEOSTAT_DRY_RUN", "0", "dryRun", false],
    ["HOMEOSTAT_DRY_RUN", "Yes", "dryRun", true],
    [
      "HOMEOSTAT_CALL_WEBHOOK_ALLOW",
      "Hooks.example, 10.0.0.1:8080,",
      "callWebhookAllow",
      ["hooks.example", "10.0.0.1:8080"],
    ],
    ["HOMEOSTAT_LOG_LEVEL", "debug", "logLevel", "debug"],
    ["HOMEOSTAT_HANDS_OFF", "0s", "handsOff", 0],
    ["HOMEOSTAT_PATIENCE", "90s", "patience", 90_000],
    ["HOMEOSTAT_RETENTION_SIZE", "500MB", "retentionSize", 500_000_000],
    ["HOMEOSTAT_RETENTION_SIZE", "1.5 GiB", "retentionSize", 1_610_612_736],
    ["HOMEOSTAT_CLUSTER", "eu-west_1.a", "cluster", "eu-west_1.a"],
    ["HOMEOSTAT_URL", "http://homeostat:8080/", "url", "http://homeostat:8080"],
  ])("%s=%s", (name, value, key, expected) => {
    expect(settingsOf({ [name]: value })[key]).toEqual(expected);
  });
});

describe("a value that does not fit names the setting, what was expected and what was found", () => {
  test.each([
    [
      { HOMEOSTAT_LISTEN: "8080" },
      'HOMEOSTAT_LISTEN: expected host:port such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address, received "8080"',
    ],
    [{ HOMEOSTAT_LISTEN: "127.0.0.1:65536" }, 'received "127.0.0.1:65536"'],
    [{ HOMEOSTAT_LISTEN: "::1:8080" }, 'received "::1:8080"'],
    [
      { HOMEOSTAT_STORE: "etcd://a:2379/homeostat" },
      "HOMEOSTAT_STORE: expected sqlite:<file>; etcd and PostgreSQL are not available in this version",
    ],
    [{ HOMEOSTAT_STORE: "postgres://localhost/x" }, "etcd and PostgreSQL are not available in this version"],
    [{ HOMEOSTAT_STORE: "postgres://me:hunter2@db/x" }, 'received "postgres://…@db/x"'],
    // Nothing in it would outlive the process that has answered "durable".
    [{ HOMEOSTAT_STORE: "sqlite::memory:" }, "HOMEOSTAT_STORE: expected sqlite:<file>"],
    [{ DOCKER_HOST: "ssh://me@host" }, "DOCKER_HOST: expected unix:///path"],
    [{ DOCKER_HOST: "unix://docker.sock" }, "DOCKER_HOST: expected unix:///path"],
    [
      { DOCKER_HOST: "tcp://h:2376", DOCKER_TLS_VERIFY: "1" },
      "DOCKER_CERT_PATH: expected a folder with ca.pem",
    ],
    [
      { HOMEOSTAT_PROMETHEUS_URL: "prometheus:9090" },
      'HOMEOSTAT_PROMETHEUS_URL: expected a URL such as http://host:9090, without a user name or password in it, received "prometheus:9090"',
    ],
    [{ HOMEOSTAT_PROMETHEUS_URL: "http://me:hunter2@p:9090" }, 'received "http://…@p:9090"'],
    [{ HOMEOSTAT_DRY_RUN: "maybe" }, 'HOMEOSTAT_DRY_RUN: expected true or false, received "maybe"'],
    [
      { HOMEOSTAT_CALL_WEBHOOK_ALLOW: "https://hooks.example" },
      "HOMEOSTAT_CALL_WEBHOOK_ALLOW: expected host names",
    ],
    [
      { HOMEOSTAT_LOG_LEVEL: "loud" },
      'HOMEOSTAT_LOG_LEVEL: expected trace, debug, info, warn, error, fatal or silent, received "loud"',
    ],
    [{ HOMEOSTAT_PATIENCE: "0s" }, 'HOMEOSTAT_PATIENCE: expected a duration longer than 0, received "0s"'],
    [{ HOMEOSTAT_PATIENCE: "5 minutes" }, 'received "5 minutes"'],
    [
      { HOMEOSTAT_RETENTION_SIZE: "1" },
      'HOMEOSTAT_RETENTION_SIZE: expected a size of at least 1MiB, such as 500MiB or 1GiB, received "1"',
    ],
    [{ HOMEOSTAT_RETENTION_SIZE: "5KiB" }, 'received "5KiB"'],
    [{ HOMEOSTAT_CLUSTER: "a/b" }, "HOMEOSTAT_CLUSTER: expected a name of at most 63 letters"],
    [
      { SLACK_BOT_TOKEN: "xoxb-1" },
      "HOMEOSTAT_SLACK_CHANNEL: expected a channel as SLACK_BOT_TOKEN is set, received nothing",
    ],
  ])("%j", (env, fault) => {
    const faults = faultsOf(env);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
    expect(faults[0]).not.toContain("hunter2");
  });

  test("all faults come at once, whether alone or together", () => {
    const files = { "homeostat.yml": "rulez: x\nlogLevel: loud\n", "/run/secrets/admin": "" };
    expect(
      faultsOf(
        {
          HOMEOSTAT_LISTEN: "0.0.0.0:80",
          HOMEOSTAT_PATIENCE: "x",
          HOMEOSTAT_ADMIN_TOKEN_FILE: "/run/secrets/admin",
        },
        files,
      ).map((fault) => fault.split(": expected")[0]),
    ).toEqual([
      "homeostat.yml:1:1",
      "HOMEOSTAT_ADMIN_TOKEN_FILE",
      "homeostat.yml:2:11: logLevel",
      "HOMEOSTAT_PATIENCE",
      "HOMEOSTAT_LISTEN",
    ]);
  });
});

describe("nobody unknown gets in: without a webhook token only loopback is listened on", () => {
  test.each([
    ["127.0.0.1:8080", true],
    ["127.1.2.3:8080", true],
    ["localhost:8080", true],
    ["[::1]:8080", true],
    [":8080", false],
    ["0.0.0.0:8080", false],
    ["[::]:8080", false],
    ["10.0.0.5:8080", false],
    ["homeostat:8080", false],
    ["127.0.0.1.example:8080", false],
    ["[::ffff:10.0.0.1]:8080", false],
  ])("%s", (listen, allowed) => {
    const refusal = expect.stringContaining(
      "HOMEOSTAT_LISTEN: expected a loopback address as no HOMEOSTAT_WEBHOOK_TOKEN is set",
    ) as string;
    expect(faultsOf({ HOMEOSTAT_LISTEN: listen })).toEqual(allowed ? [] : [refusal]);
    expect(faultsOf({ HOMEOSTAT_LISTEN: listen, HOMEOSTAT_WEBHOOK_TOKEN: "s3cret" })).toEqual([]);
  });

  test("an empty token is none", () => {
    expect(faultsOf({ HOMEOSTAT_LISTEN: ":8080", HOMEOSTAT_WEBHOOK_TOKEN: "" })).toHaveLength(1);
  });

  test("no address that the system would take for another machine counts as loopback", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isLoopback(address)).toBe(address.startsWith("127."));
      }),
    );
  });
});

describe("a secret", () => {
  test("comes from a file, without its last line end", () => {
    const settings = settingsOf(
      { HOMEOSTAT_WEBHOOK_TOKEN_FILE: "/run/secrets/token" },
      { "/run/secrets/token": "s3cret\r\n" },
    );
    expect(settings.webhookToken?.reveal()).toBe("s3cret");
  });

  test("comes from a file that the settings file names", () => {
    const files = {
      "homeostat.yml": "slackBotTokenFile: slack\nslackChannel: '#ops'\n",
      slack: "xoxb-1",
    };
    expect(settingsOf({}, files).slackBotToken?.reveal()).toBe("xoxb-1");
  });

  test.each([
    [
      "a missing file",
      { HOMEOSTAT_ADMIN_TOKEN_FILE: "gone" },
      {},
      'HOMEOSTAT_ADMIN_TOKEN_FILE: expected a readable file, received "gone" (ENOENT)',
    ],
    [
      "a forbidden file",
      { HOMEOSTAT_ADMIN_TOKEN_FILE: "no" },
      { no: "(forbidden)" },
      'HOMEOSTAT_ADMIN_TOKEN_FILE: expected a readable file, received "no" (EACCES)',
    ],
    [
      "an empty file",
      { HOMEOSTAT_ADMIN_TOKEN_FILE: "t" },
      { t: "\n" },
      'HOMEOSTAT_ADMIN_TOKEN_FILE: expected a token in "t", received an empty file',
    ],
    [
      "both forms",
      { HOMEOSTAT_ADMIN_TOKEN_FILE: "t", HOMEOSTAT_ADMIN_TOKEN: "hunter2" },
      { t: "hunter2" },
      "HOMEOSTAT_ADMIN_TOKEN: expected it or HOMEOSTAT_ADMIN_TOKEN_FILE, received both",
    ],
    [
      "both forms in the file",
      {},
      { "homeostat.yml": "adminToken: hunter2\nadminTokenFile: t\n" },
      "homeostat.yml:1:13: adminToken: expected it or adminTokenFile, received both",
    ],
    [
      "a line end inside",
      { HOMEOSTAT_ADMIN_TOKEN_FILE: "t" },
      { t: "hunter2\nhunter2\n" },
      "HOMEOSTAT_ADMIN_TOKEN_FILE: expected a token of visible ASCII characters, received something else",
    ],
    [
      "a space inside",
      { HOMEOSTAT_ADMIN_TOKEN: "hunter2 x" },
      {},
      "HOMEOSTAT_ADMIN_TOKEN: expected a token of visible ASCII characters",
    ],
    [
      "a number in YAML",
      {},
      { "homeostat.yml": "adminToken: 123456\n" },
      "homeostat.yml:1:13: adminToken: expected a token of visible ASCII characters",
    ],
    ["broken YAML", {}, { "homeostat.yml": "adminToken: *hunter2\n" }, "homeostat.yml:1:13"],
    ["a tag in YAML", {}, { "homeostat.yml": "adminToken: 'a' : !hunter2 x\n" }, "homeostat.yml:1:"],
  ])("%s is a fault that does not show it", (_name, env, files, fault) => {
    const faults = faultsOf(env, files);
    expect(faults[0]).toContain(fault);
    expect(faults.join()).not.toMatch(/hunter2|123456/);
  });

  test("the environment's wins over the file's, in either form", () => {
    const files = { "homeostat.yml": "adminTokenFile: t\n", t: "old" };
    expect(settingsOf({ HOMEOSTAT_ADMIN_TOKEN: "new" }, files).adminToken?.reveal()).toBe("new");
  });

  test("does not show when settings are printed, logged or put into a text", () => {
    const settings = settingsOf({ HOMEOSTAT_WEBHOOK_TOKEN: "hunter2" });
    const everything = [
      JSON.stringify(settings),
      inspect(settings, { depth: 9, showHidden: true }),
      String(settings.webhookToken),
    ];
    expect(everything.join()).not.toContain("hunter2");
    expect(everything[0]).toContain('"webhookToken":"[secret]"');
  });
});

describe("the settings file", () => {
  test("gives what the environment does not", () => {
    const files = {
      "homeostat.yml":
        "listen: 127.0.0.1:9000\ndryRun: true\npatience: 1m\ncallWebhookAllow: [a.example, b.example]\n",
    };
    expect(settingsOf({ HOMEOSTAT_PATIENCE: "2m" }, files)).toMatchObject({
      listen: { port: 9000 },
      dryRun: true,
      patience: 120_000,
      callWebhookAllow: ["a.example", "b.example"],
    });
  });

  test("may be named, and must then be there", () => {
    expect(settingsOf({ HOMEOSTAT_CONFIG: "/etc/h.yml" }, { "/etc/h.yml": "cluster: east" }).cluster).toBe(
      "east",
    );
    expect(faultsOf({ HOMEOSTAT_CONFIG: "/etc/h.yml" })).toEqual([
      'HOMEOSTAT_CONFIG: expected a readable file, received "/etc/h.yml" (ENOENT)',
    ]);
    expect(faultsOf({}, { "homeostat.yml": "(forbidden)" })).toEqual([
      'homeostat.yml: expected a readable file, received "homeostat.yml" (EACCES)',
    ]);
  });

  test.each([
    ["nothing", ""],
    ["a comment", "# later\n"],
    ["null", "~\n"],
    ["a key without a value", "cluster:\n"],
  ])("may hold %s", (_name, text) => {
    expect(settingsOf({}, { "homeostat.yml": text }).cluster).toBe("default");
  });

  test.each([
    [
      "a slip",
      "cluster: a\npatiense: 5m\n",
      'homeostat.yml:2:1: expected a setting, received "patiense"; did you mean patience?',
    ],
    ["a key like no other", "zzzzzz: 5m\n", 'homeostat.yml:1:1: expected a setting, received "zzzzzz"'],
    [
      "a key that objects have",
      "__proto__: {}\n",
      'homeostat.yml:1:1: expected a setting, received "__proto__"',
    ],
    ["a wrong type", "cluster: [a]\n", "homeostat.yml:1:10: cluster: expected a name, received a list"],
    ["a list", "- cluster\n", 'homeostat.yml:1:1: expected settings, each as "key: value", received a list'],
    [
      "a bare text",
      "hunter2\n",
      'homeostat.yml:1:1: expected settings, each as "key: value", received something else',
    ],
    [
      "a bare alias",
      "*-",
      'homeostat.yml:1:1: expected settings, each as "key: value", received something else',
    ],
    [
      "a key twice",
      "cluster: a\ncluster: b\n",
      "homeostat.yml:2:1: expected YAML, received a fault: Map keys must be unique",
    ],
    ["a tab", "cluster:\n\tx: 1\n", "homeostat.yml:2:1: expected YAML"],
    ["an alias to nothing", "cluster: *x\n", "homeostat.yml:1:10"],
    [
      "aliases that multiply",
      `a: &a [${"x,".repeat(9)}x]\nb: &b [${"*a,".repeat(50)}*a]\ncluster: [${"*b,".repeat(50)}*b]\n`,
      "homeostat.yml:3:10: cluster: expected a plain value",
    ],
  ])("%s is a fault with its line and column", (_name, text, fault) => {
    expect(faultsOf({}, { "homeostat.yml": text }).join("\n")).toContain(fault);
  });

  test("never throws, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string({
            unit: fc.constantFrom("a", ":", " ", "\n", "-", "*", "&", "!", "{", "[", "cluster"),
          }),
        ),
        (text) => {
          const loaded = loadSettings({}, disk({ "homeostat.yml": text }));
          expect(loaded.ok || loaded.faults.length > 0).toBe(true);
        },
      ),
    );
  });
});

describe("warnings", () => {
  test("an unknown variable of ours names the nearest known one", () => {
    const loaded = loadSettings(
      {
        HOMEOSTAT_LISTN: ":80",
        HOMEOSTAT_WHATEVER_ELSE: "x",
        HOMEOSTAT_LISTEN: "",
        PATH: "/bin",
        SLACK_X: "",
      },
      disk(),
    );
    expect(loaded.warnings).toEqual([
      "HOMEOSTAT_LISTN is not a setting of this version; did you mean HOMEOSTAT_LISTEN?",
      "HOMEOSTAT_WHATEVER_ELSE is not a setting of this version",
    ]);
  });

  test("a channel without a token posts nothing, and says so", () => {
    expect(loadSettings({ HOMEOSTAT_SLACK_CHANNEL: "#ops" }, disk()).warnings).toEqual([
      "HOMEOSTAT_SLACK_CHANNEL is set but SLACK_BOT_TOKEN is not: nothing is posted to Slack",
    ]);
  });
});

test.each([
  ["127.0.0.1", "http://127.0.0.1:8080"],
  ["", "http://127.0.0.1:8080"],
  ["0.0.0.0", "http://127.0.0.1:8080"],
  ["::", "http://127.0.0.1:8080"],
  ["::1", "http://[::1]:8080"],
  ["homeostat", "http://homeostat:8080"],
])("the commands reach a server that listens on %j at %s", (host, url) => {
  expect(urlOf({ host, port: 8080 })).toBe(url);
});
