import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/core/journal.ts";
import { noon, service } from "../http/fake-controller.ts";
import { notification, running } from "../http/running.ts";
import { rule, rulesOf, session } from "./session.ts";

describe("every command", () => {
  test.each(["serve", "check", "explain", "status", "history", "pause", "resume", "schema", "sandbox"])(
    "%s has help with an example",
    async (name) => {
      const said = await session().run(name, "--help");
      expect(said.code).toBe(0);
      expect(said.out).toContain(`Usage: homeostat ${name}`);
      expect(said.out).toContain(`$ homeostat ${name}`);
    },
  );

  test.each([
    ["an unknown command", ["statsu"], "Did you mean status?"],
    ["an unknown option", ["status", "--jsno"], "Did you mean --json?"],
    ["no scope", ["pause"], "missing required argument 'scope'"],
    ["one argument too many", ["resume", "all", "down"], "too many arguments"],
    [
      "another status",
      ["explain", "--alert", "a=b", "--status", "pending"],
      "Allowed choices are firing, resolved",
    ],
    ["nothing to explain", ["explain"], "expected a payload file"],
    [
      "a label without a value",
      ["explain", "--alert", "severity"],
      '--alert: expected name=value, received "severity"',
    ],
    ["a payload that is not there", ["explain", "gone.json"], "gone.json: expected a readable file (ENOENT)"],
    ["a bad setting", ["status", "--url", "nowhere"], "HOMEOSTAT_URL: expected a URL"],
  ])("%s is misuse", async (_name, words, message) => {
    const said = await session().run(...words);
    expect(said).toMatchObject({ code: 2, out: "" });
    expect(said.err).toContain(message);
  });

  test("none at all is misuse that shows the commands", async () => {
    const said = await session().run();
    expect(said.code).toBe(2);
    expect(said.err).toContain("explain");
  });

  test("the version", async () => {
    expect(await session().run("--version")).toEqual({ code: 0, out: "0.1.0\n", err: "" });
  });

  test("all faults of the settings are told, and warnings too", async () => {
    const shell = session();
    shell.env = { HOMEOSTAT_LISTEN: "x", HOMEOSTAT_PATIENCE: "y", HOMEOSTAT_LISTN: "z" };
    const said = await shell.run("serve");
    expect(said.code).toBe(2);
    expect(
      said.err
        .trim()
        .split("\n")
        .map((line) => line.split(":").slice(0, 2).join(":").split(" is not")[0]),
    ).toEqual(["warning: HOMEOSTAT_LISTN", "setting: HOMEOSTAT_LISTEN", "setting: HOMEOSTAT_PATIENCE"]);
    expect(shell.served).toEqual([]);
  });

  test("serve hands the settings on, --dry-run with them", async () => {
    const shell = session();
    await shell.run("serve", "--dry-run");
    await shell.run("serve");
    expect(shell.served.map((settings) => settings.dryRun)).toEqual([true, false]);
  });

  test.each([
    [["sandbox"], "for a minute"],
    [["sandbox", "--forever"], "for ever"],
    [["sandbox", "--seconds", "20"], "for 20 s"],
  ])("%j", async (words, out) => {
    expect(await session().run(...words)).toEqual({ code: 0, out, err: "" });
  });
});

describe("talking to the running server", () => {
  test("status is yes when all is well, and names what is not", async () => {
    await using server = await running();
    const shell = session();
    const well = await shell.run("status", "--url", server.url);
    expect(well.code).toBe(0);
    expect(well.out).toContain("Homeostat 0.1.0, up 1h\n");
    expect(well.out).toContain("episodes     3 open, 1 held, 1 verifying, 1 handed over\n");
    server.controller.readiness.push({
      name: "cluster",
      ok: false,
      message: "no answer\u001b[31m",
    });
    const unwell = await shell.run("status", "--url", server.url);
    expect(unwell.code).toBe(1);
    expect(unwell.out).toContain("cluster      NOT OK: no answer [31m\n");
  });

  test("--json gives the server's own words", async () => {
    await using server = await running();
    const said = await session().run("status", "--json", "--url", server.url);
    expect(JSON.parse(said.out)).toEqual(JSON.parse(JSON.stringify(await server.controller.status())));
  });

  test("pause, status and resume tell one story", async () => {
    await using server = await running();
    const shell = session();
    shell.env = { HOMEOSTAT_URL: server.url };
    expect(await shell.run("pause", "down", "--for", "2h", "--reason", "sale")).toEqual({
      code: 0,
      out: "Paused down; it ends in 2h.\n",
      err: "",
    });
    expect(server.controller.paused.get("down")).toEqual({
      scope: "down",
      by: "ann",
      reason: "sale",
      at: noon,
      until: noon + 7_200_000,
    });
    expect((await shell.run("status")).out).toContain("paused       down by ann, ends in 2h: sale\n");
    expect(await shell.run("resume", "down", "--by", "bob")).toEqual({
      code: 0,
      out: "Resumed down.\n",
      err: "",
    });
    expect(await shell.run("resume", "down")).toEqual({
      code: 1,
      out: "",
      err: "NotPaused: down is not paused\n",
    });
    expect(await shell.run("resume", "down", "--json")).toMatchObject({ code: 1, err: "" });
    expect((await shell.run("pause", "shop_web")).out).toBe(
      "Paused default/service/shop_web; until it is resumed.\n",
    );
  });

  test("a bad duration is a no in the server's words", async () => {
    await using server = await running();
    const said = await session().run("pause", "all", "--for", "soon", "--url", server.url);
    expect(said.code).toBe(1);
    expect(said.err).toContain('for: expected a duration such as 30s, 5m or 1h30m, received "soon"');
  });

  test("the admin token comes from the settings, and its absence is explained", async () => {
    await using server = await running({ adminToken: "adm1n" });
    const shell = session();
    shell.env = { HOMEOSTAT_URL: server.url };
    const refused = await shell.run("pause", "all");
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("set HOMEOSTAT_ADMIN_TOKEN");
    shell.env = { HOMEOSTAT_URL: server.url, HOMEOSTAT_ADMIN_TOKEN_FILE: "token" };
    shell.files = { token: "adm1n\n" };
    expect((await shell.run("pause", "all")).code).toBe(0);
  });

  test("nobody there is a no that says where it looked", async () => {
    let gone = "";
    {
      await using server = await running();
      gone = server.url;
    }
    const said = await session().run("status", "--url", gone);
    expect(said.code).toBe(1);
    expect(said.err).toContain(`Unreachable: No usable answer from ${gone}: ECONNREFUSED`);
  });

  test("something else there is a no as well", async () => {
    await using server = await running();
    const said = await session().run("status", "--url", `${server.url}/healthz?`.replace("?", ""));
    expect(said.code).toBe(1);
    expect(said.err).toContain("NotFound");
  });

  test("history reads downwards to the newest, each entry in one line", async () => {
    await using server = await running();
    const target = "default/service/shop_web";
    const entries: Entry[] = [
      {
        seq: 1,
        at: noon - 3000,
        kind: "episode",
        data: { event: "opened", alert: { labels: { alertname: "Slow\u001b[2J" } } },
      },
      {
        seq: 2,
        at: noon - 2000,
        kind: "decision",
        target,
        data: {
          rule: "scale-out",
          decision: { kind: "act", reason: { code: "Sized", message: "2 more" } },
        },
      },
      {
        seq: 3,
        at: noon - 2000,
        kind: "intent",
        target,
        data: {
          intent: { rule: "scale-out", action: "scale-service", effect: { before: 3, after: 5 } },
        },
      },
      { seq: 4, at: noon - 1000, kind: "outcome", target, data: { result: { kind: "applied" } } },
      { seq: 5, at: noon, kind: "process", data: null },
    ];
    server.controller.entries = entries;
    const said = await session().run("history", "--url", server.url, "--limit", "5");
    expect(said.out.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
      "older entries: --before 1",
      "3s ago episode opened Slow [2J",
      "2s ago decision default/service/shop_web scale-out: act Sized: 2 more",
      "2s ago intent default/service/shop_web scale-out will scale-service from 3 to 5 replicas",
      "1s ago outcome default/service/shop_web applied",
      "0s ago process",
      "",
    ]);
    const few = await session().run("history", "--url", server.url, "--kind", "outcome", "--json");
    expect(JSON.parse(few.out)).toMatchObject({ items: [{ seq: 4 }], next: null });
    expect((await session().run("history", "--url", server.url, "--kind", "guess")).code).toBe(1);
  });
});

describe("check", () => {
  test("good rules are counted", async () => {
    const shell = session();
    shell.rules = rulesOf(rule("a", { match: ['alertname="A"'] }), rule("b", { match: ['alertname="B"'] }));
    expect(await shell.run("check", "rules")).toEqual({
      code: 0,
      out: "2 rules in 1 file are good\n",
      err: "",
    });
    expect(JSON.parse((await shell.run("check", "--json")).out)).toEqual({
      ok: true,
      rules: 2,
      files: 1,
    });
  });

  test("every fault is told", async () => {
    const shell = session();
    shell.rules = {
      kind: "refused",
      faults: ["rules/a.yml:1:1: expected x", "rules/b.yml:2:2: expected y"],
    };
    expect(await shell.run("check", "rules")).toEqual({
      code: 1,
      out: "",
      err: "rules/a.yml:1:1: expected x\nrules/b.yml:2:2: expected y\n2 faults in rules\n",
    });
    expect(JSON.parse((await shell.run("check", "--json")).out)).toEqual({
      ok: false,
      faults: ["rules/a.yml:1:1: expected x", "rules/b.yml:2:2: expected y"],
    });
  });
});

test("the schema is draft 7 of one strict rule file", async () => {
  const said = await session().run("schema");
  expect(said.code).toBe(0);
  expect(JSON.parse(said.out)).toMatchObject({
    $schema: "http://json-schema.org/draft-07/schema#",
    properties: {
      rules: { items: { additionalProperties: false, properties: { cooldown: {}, verify: {} } } },
    },
    additionalProperties: false,
  });
});

describe("explain", () => {
  const slow = ["--alert", "alertname=Slow", "--alert", "service=shop_web"];

  test("names each rule's reason, matcher by matcher, and what would follow", async () => {
    const shell = session();
    shell.services = { shop_web: service("shop_web") };
    shell.rules = rulesOf(
      rule("other", { match: ['alertname="Other"', 'service="shop_web"'] }),
      rule("when-healed", { match: ['alertname="Slow"'], more: { on: "resolved" } }),
      rule("not-now", { match: ['alertname="Slow"'], when: () => false }),
      rule("taker", { match: ['alertname="Slow"', 'service="shop_web"'] }),
      rule("too-late", { match: ['alertname="Slow"'] }),
    );
    const said = await shell.run("explain", ...slow);
    expect(said).toMatchObject({ code: 0, err: "" });
    expect(said.out).toContain('firing {alertname="Slow", service="shop_web"}');
    const lines = said.out.split("\n").map((line) => line.replace(/ +/g, " ").trim());
    expect(lines).toEqual(
      expect.arrayContaining([
        'does not other rules/shop.yml:3 alertname="Other" does not fit',
        'no alertname="Other" the alert has "Slow"',
        'fits service="shop_web" the alert has "shop_web"',
        "does not when-healed rules/shop.yml:3 it is for resolved alerts",
        "does not not-now rules/shop.yml:3 its condition … is false",
        "takes it taker rules/shop.yml:3 all of its matchers fit",
        "does not too-late rules/shop.yml:3 taker takes the alert before it",
      ]),
    );
    expect(said.out).toMatch(/^taker, scale-service: act /m);
    expect(said.out).toContain("cooldowns, limits and pauses of the running server are not known here");
    expect(shell.observed).toEqual(["shop_web"]);
  });

  test("--json carries the whole of it", async () => {
    const shell = session();
    shell.services = { shop_web: service("shop_web") };
    shell.rules = rulesOf(rule("taker", { match: ['alertname="Slow"'] }));
    const { alerts } = JSON.parse((await shell.run("explain", ...slow, "--json")).out) as {
      alerts: object[];
    };
    expect(alerts).toMatchObject([
      {
        verdicts: [
          {
            rule: "taker",
            takes: true,
            matchers: [{ matcher: 'alertname="Slow"', fits: true, value: "Slow" }],
          },
        ],
        outlooks: [
          {
            rule: "taker",
            decision: { kind: "act", direction: "up", effect: { before: 3, after: 5 } },
          },
        ],
      },
    ]);
  });

  test("--offline asks nobody", async () => {
    const shell = session();
    shell.rules = rulesOf(rule("taker", { match: ['alertname="Slow"'] }));
    const said = await shell.run("explain", ...slow, "--offline");
    expect(said.code).toBe(0);
    expect(shell.observed).toEqual([]);
    expect(said.out).toContain("Without --offline");
  });

  test("a rule that goes on leaves the alert to the next one", async () => {
    const shell = session();
    shell.rules = rulesOf(
      rule("first", { match: ['alertname="Slow"'], more: { continue: true } }),
      rule("second", { match: ['alertname="Slow"'] }),
    );
    expect((await shell.run("explain", ...slow, "--offline")).out.match(/takes it/g)).toHaveLength(2);
  });

  test("an alert that no rule takes is a no", async () => {
    const shell = session();
    shell.rules = rulesOf(rule("other", { match: ['alertname="Other"'] }));
    const said = await shell.run("explain", ...slow);
    expect(said.code).toBe(1);
    expect(said.out).toContain("No rule takes it: it is unknown, and a person would be told.");
  });

  test("a service that is not there is held, by name", async () => {
    const shell = session();
    shell.rules = rulesOf(rule("taker", { match: ['alertname="Slow"'] }));
    expect((await shell.run("explain", ...slow)).out).toMatch(/^taker, scale-service: hold \w+: .*shop_web/m);
  });

  test("a condition that reads the service sees it, and is not guessed without", async () => {
    const shell = session();
    shell.services = { shop_web: service("shop_web") };
    shell.rules = rulesOf(
      rule("small", {
        match: ['alertname="Slow"'],
        needsService: true,
        when: ({ service: seen }) => (seen?.replicas ?? 99) < 5,
      }),
    );
    expect((await shell.run("explain", ...slow)).code).toBe(0);
    const blind = await shell.run("explain", ...slow, "--offline");
    expect(blind.code).toBe(1);
    expect(blind.out).toContain("its condition reads the service, which was not observed");
  });

  test.each([["payload.json"], ["-"]])("a notification from %s, its first alerts", async (where) => {
    const shell = session();
    const text = JSON.stringify(notification(30));
    shell.files = { "payload.json": text };
    shell.stdin = text;
    shell.rules = rulesOf(rule("taker", { match: ['alertname="SlowResponses"'] }));
    const said = await shell.run("explain", where, "--offline");
    expect(said.code).toBe(0);
    expect(said.out.match(/^firing /gm)).toHaveLength(20);
    expect(said.out).toContain("10 more alerts are left out.");
  });

  test("a payload that is none is misuse, with the place of its fault", async () => {
    const shell = session();
    shell.files = { "p.json": '{"version":"3"}' };
    const said = await shell.run("explain", "p.json");
    expect(said.code).toBe(2);
    expect(said.err).toContain('p.json: version: expected "4", received "3"');
  });

  test("bad rules are a no with all their faults", async () => {
    const shell = session();
    shell.rules = { kind: "refused", faults: ["rules/a.yml:1:1: expected x"] };
    expect(await shell.run("explain", ...slow, "--json")).toEqual({
      code: 1,
      out: '{\n  "faults": [\n    "rules/a.yml:1:1: expected x"\n  ]\n}\n',
      err: "",
    });
    expect(await shell.run("explain", ...slow)).toEqual({
      code: 1,
      out: "",
      err: "rules/a.yml:1:1: expected x\n",
    });
  });
});
