import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readNotification } from "../../src/core/alert.ts";
import { reason } from "../../src/core/reason.ts";
import { asJson, errorOf, notification, running, send, type Running } from "./running.ts";

const firstAlert = (change: object): string => {
  const payload = notification(1);
  const [alert] = payload["alerts"] as object[];
  return JSON.stringify({ ...payload, alerts: [{ ...alert, ...change }] });
};

describe("a notification is accepted", () => {
  test("with 202, the counts, and its bytes handed on as they came", async () => {
    await using server = await running();
    const body = JSON.stringify(notification(3, { notification_reason: "unknown to version 4" }), null, 2);
    const response = await send(server, body);
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: 3, duplicates: 0 });
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("x-powered-by")).toBeNull();
    expect(Buffer.from(server.controller.received[0]?.body ?? []).toString()).toBe(body);
  });

  test("as a real Alertmanager 0.25 sent it", async () => {
    await using server = await running();
    const sent = readFileSync(new URL("./alertmanager-0.25-firing.json", import.meta.url), "utf8");
    expect((await send(server, sent)).status).toBe(202);
    expect(server.controller.received[0]?.notification.alerts[0]?.labels["alertname"]).toBe("Vector1");
  });

  test.each([
    ["a charset", "application/json; charset=utf-8"],
    ["a quoted charset", 'application/json;charset="UTF-8"'],
    ["capitals", "Application/JSON"],
  ])("whose content type has %s", async (_name, type) => {
    await using server = await running();
    expect((await send(server, JSON.stringify(notification()), { "content-type": type })).status).toBe(202);
  });

  test("with 10,000 alerts in one body", async () => {
    await using server = await running();
    const response = await send(server, JSON.stringify(notification(10_000)));
    expect(await response.json()).toEqual({ accepted: 10_000, duplicates: 0 });
  });

  test("with a label value of 64 KiB", async () => {
    await using server = await running();
    const long = "x".repeat(65_536);
    expect((await send(server, firstAlert({ labels: { alertname: "Long", long } }))).status).toBe(202);
    expect(server.controller.received[0]?.notification.alerts[0]?.labels["long"]).toBe(long);
  });

  test("with labels named after what every object has, keeping each as a label", async () => {
    await using server = await running();
    const labels = '{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}';
    const body = firstAlert({ labels: "HERE" }).replace('"HERE"', labels);
    expect((await send(server, body)).status).toBe(202);
    const received = server.controller.received[0]?.notification.alerts[0]?.labels ?? {};
    expect(Object.entries(received)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
      ["toString", "c"],
      ["hasOwnProperty", "d"],
    ]);
    expect(Object.getPrototypeOf(received)).toBe(Object.prototype);
  });

  test("without alerts", async () => {
    await using server = await running();
    expect(await (await send(server, JSON.stringify(notification(0)))).json()).toEqual({
      accepted: 0,
      duplicates: 0,
    });
  });

  test("in chunks, without a content-length", async () => {
    await using server = await running();
    const body = new Blob([JSON.stringify(notification(2))]).stream();
    const response = await fetch(`${server.url}/webhooks/alertmanager`, {
      method: "POST",
      body,
      headers: asJson,
      duplex: "half",
    });
    expect(response.status).toBe(202);
  });
});

describe("a body that is no notification is refused with 400 and the place of its fault", () => {
  test.each([
    ["nothing", "", "NotJson", "received an empty body"],
    ["a word", "hello", "NotJson", "at position 0"],
    ["a cut-off object", '{"version":"4"', "NotJson", "position 14"],
    ["a wrong token", '{"version":"4", "alerts": [}', "NotJson", "at position 27"],
    ["a byte order mark", "\ufeff{}", "NotJson", "at position 0"],
    ["10,000 lists in lists", "[".repeat(10_000) + "]".repeat(10_000), "TooDeep", "more at position 64"],
    ["megabytes of open brackets", "[".repeat(4_000_000), "TooDeep", "more at position 64"],
    ["objects in objects", '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000), "TooDeep", "at most 64 levels"],
  ])("%s", async (_name, body, code, message) => {
    await using server = await running();
    const response = await send(server, body);
    expect(response.status).toBe(400);
    const error = await errorOf(response);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  test("brackets inside a text are no nesting", async () => {
    await using server = await running();
    expect(
      (await send(server, firstAlert({ annotations: { summary: `\\"${"[{".repeat(1000)}` } }))).status,
    ).toBe(202);
  });

  test.each([
    ["a lone continuation byte", Buffer.from([0x22, 0x80, 0x22])],
    ["an overlong slash", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["Latin-1", Buffer.from(JSON.stringify({ version: "é" }), "latin1")],
    ["UTF-16", Buffer.from(JSON.stringify(notification()), "utf16le").fill(0xff, 0, 2)],
  ])("bytes that are not UTF-8: %s", async (_name, bytes) => {
    await using server = await running();
    const response = await send(server, new Uint8Array(bytes));
    expect(response.status).toBe(400);
    expect((await errorOf(response)).code).toBe("NotUtf8");
  });

  test.each([
    ["no object", "[]", "body: expected an object, received a list"],
    ["null", "null", "body: expected an object, received null"],
    ["version 3", JSON.stringify(notification(1, { version: "3" })), 'version: expected "4", received "3"'],
    [
      "a number as version",
      JSON.stringify(notification(1, { version: 4 })),
      'version: expected "4", received 4',
    ],
    [
      "no alerts",
      JSON.stringify(notification(1, { alerts: undefined })),
      "alerts: expected a list, received nothing",
    ],
    [
      "alerts that are no list",
      JSON.stringify(notification(1, { alerts: {} })),
      "alerts: expected a list, received an object",
    ],
    [
      "an alert that is a text",
      JSON.stringify(notification(1, { alerts: ["x"] })),
      'alerts[0]: expected an object, received "x"',
    ],
    [
      "a time in words",
      firstAlert({ startsAt: "yesterday" }),
      'alerts[0].startsAt: expected an RFC 3339 time, received "yesterday"',
    ],
    [
      "a day that does not exist",
      firstAlert({ startsAt: "2026-02-30T00:00:00Z" }),
      'alerts[0].startsAt: expected an RFC 3339 time, received "2026-02-30T00:00:00Z"',
    ],
    [
      "another status",
      firstAlert({ status: "pending" }),
      'alerts[0].status: expected "firing" or "resolved", received "pending"',
    ],
    [
      "a fingerprint in capitals",
      firstAlert({ fingerprint: "FA43725E1B189E3D" }),
      'alerts[0].fingerprint: expected 16 hexadecimal digits, received "FA43725E1B189E3D"',
    ],
    [
      "a number as label",
      firstAlert({ labels: { cpu: 5 } }),
      'alerts[0].labels["cpu"]: expected a text, received 5',
    ],
    [
      "labels that are a list",
      firstAlert({ labels: [] }),
      "alerts[0].labels: expected an object of texts, received a list",
    ],
    [
      "fewer than no truncated alerts",
      JSON.stringify(notification(1, { truncatedAlerts: -1 })),
      "truncatedAlerts: expected a number from 0, received -1",
    ],
  ])("%s", async (_name, body, fault) => {
    await using server = await running();
    const response = await send(server, body);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({
      code: "NotANotification",
      faults: [fault],
    });
    expect(server.controller.received).toEqual([]);
  });

  test("one bad alert refuses the whole notification, and at most 20 faults are told", async () => {
    await using server = await running();
    const response = await send(
      server,
      JSON.stringify(notification(1, { alerts: Array.from({ length: 100_000 }, () => ({})) })),
    );
    expect(response.status).toBe(400);
    expect((await errorOf(response)).faults).toHaveLength(20);
  });
});

test("no more alerts are looked at than it takes to tell 20 faults", () => {
  let looks = 0;
  const bad = {
    get status() {
      looks += 1;
      return "pending";
    },
  };
  expect(readNotification(notification(1, { alerts: Array.from({ length: 10_000 }, () => bad) })).kind).toBe(
    "faulty",
  );
  expect(looks).toBeLessThan(100);
});

describe("a request is refused before its body is read", () => {
  test.each([
    ["no content type", {}, "UnsupportedMediaType"],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, "UnsupportedMediaType"],
    ["another charset", { "content-type": "application/json; charset=latin1" }, "UnsupportedMediaType"],
    ["a type that merely begins alike", { "content-type": "application/jsonp" }, "UnsupportedMediaType"],
    ["a compressed body", { ...asJson, "content-encoding": "gzip" }, "UnsupportedEncoding"],
  ])("with 415 for %s", async (_name, headers, code) => {
    await using server = await running();
    const response = await send(server, new Uint8Array(gzipSync(JSON.stringify(notification()))), headers);
    expect(response.status).toBe(415);
    expect((await errorOf(response)).code).toBe(code);
  });

  test("with 413 for a declared length above the limit, without waiting for the body", async () => {
    await using server = await running({ limits: { body: 1000 } });
    const answer = await raw(
      server,
      "POST /webhooks/alertmanager HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("expected at most 1000 bytes");
  });

  test("with 413 for a body that turns out longer than the limit", async () => {
    await using server = await running({ limits: { body: 1000 } });
    const chunk = `400\r\n${"x".repeat(1024)}\r\n`;
    const answer = await raw(
      server,
      `POST /webhooks/alertmanager HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("exactly the limit is accepted", async () => {
    const body = JSON.stringify(notification());
    await using server = await running({ limits: { body: Buffer.byteLength(body) } });
    expect((await send(server, body)).status).toBe(202);
    expect((await send(server, `${body} `)).status).toBe(413);
  });

  test("with 405 and the allowed method", async () => {
    await using server = await running();
    const response = await fetch(`${server.url}/webhooks/alertmanager`);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
  });
});

describe("what the controller says becomes the answer", () => {
  test("unavailable: 503, the reason, and when to come again", async () => {
    await using server = await running();
    server.controller.receipt = {
      kind: "unavailable",
      reason: reason("BacklogFull", "1000 notifications wait"),
    };
    const response = await send(server, JSON.stringify(notification()));
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await response.json()).toEqual({
      error: { code: "BacklogFull", message: "1000 notifications wait" },
    });
  });

  test("an unexpected exception: 500 without a word of it, and the log has it", async () => {
    await using server = await running();
    const bug = new TypeError("undefined is not a function");
    server.controller.failNext("receive", bug);
    const response = await send(server, JSON.stringify(notification()));
    expect(response.status).toBe(500);
    expect(await response.text()).not.toMatch(/undefined|at /);
    expect(server.logged).toEqual([
      {
        data: { err: bug, method: "POST", path: "/webhooks/alertmanager" },
        message: "A request failed unexpectedly",
      },
    ]);
  });

  test("answers are counted by status", async () => {
    await using server = await running();
    await send(server, JSON.stringify(notification()));
    await send(server, "{");
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toContain('homeostat_webhook_requests_total{status="202"} 1');
    expect(text).toContain('homeostat_webhook_requests_total{status="400"} 1');
  });
});

describe("whatever is sent, the server answers and stays", () => {
  const wrong = (value: unknown): fc.Arbitrary<string> =>
    fc.tuple(fc.nat(), fc.jsonValue()).map(([at, other]) => {
      // One value somewhere in a good payload replaced by any other.
      const text = JSON.stringify(value);
      const colons = [...text.matchAll(/:(?="|\d|\{|\[)/g)].map((match) => match.index);
      const place = colons[at % colons.length] ?? 0;
      return `${text.slice(0, place + 1)}${JSON.stringify(other)},"x${text.slice(place + 1)}`;
    });

  test("never a 5xx, and a good notification is accepted afterwards", async () => {
    await using server = await running();
    const good = notification(2);
    const bytes = fc.uint8Array({ maxLength: 300 });
    const bodies = fc.oneof(
      bytes.map((some) => new Uint8Array(some)),
      fc.json().map((text) => new TextEncoder().encode(text)),
      wrong(good).map((text) => new TextEncoder().encode(text)),
      fc
        .record({ alerts: fc.array(fc.jsonValue()), version: fc.constantFrom("4", "3", 4) })
        .map((some) => new TextEncoder().encode(JSON.stringify({ ...good, ...some }))),
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const response = await send(server, body);
        await response.arrayBuffer();
        expect([202, 400]).toContain(response.status);
      }),
      { numRuns: 400 },
    );
    expect((await send(server, JSON.stringify(good))).status).toBe(202);
    expect(server.logged).toEqual([]);
  });

  test("any labels arrive as they were sent", async () => {
    await using server = await running();
    const labels = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "valueOf")),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(labels, async (sent) => {
        const response = await send(server, firstAlert({ labels: sent }));
        await response.arrayBuffer();
        expect(response.status).toBe(202);
        const got = server.controller.received.at(-1)?.notification.alerts[0]?.labels ?? {};
        expect(JSON.stringify(got)).toBe(JSON.stringify(sent));
      }),
      { numRuns: 100 },
    );
  });

  test("an accepted time is a time", async () => {
    await using server = await running();
    const times = fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/),
    );
    await fc.assert(
      fc.asyncProperty(times, async (startsAt) => {
        const response = await send(server, firstAlert({ startsAt }));
        await response.arrayBuffer();
        expect(response.status === 400 || Number.isFinite(Date.parse(startsAt))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test("a request that is no HTTP, and one that is given up half-way", async () => {
    await using server = await running();
    expect(await raw(server, "\x16\x03\x01 no HTTP\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    const half = connect(server.port, "127.0.0.1", () => {
      half.write(
        "POST /webhooks/alertmanager HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
      );
      setTimeout(() => half.destroy(), 20);
    });
    await new Promise((resolve) => half.once("close", resolve));
    expect((await send(server, JSON.stringify(notification()))).status).toBe(202);
  });
});

/** Sends bytes and gives the beginning of the answer. */
const raw = (server: Running, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => socket.write(bytes));
    socket.once("data", (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once("error", reject);
    socket.once("end", () => reject(new Error("closed without an answer")));
  });
