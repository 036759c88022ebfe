import { describe, expect, test } from "bun:test";
import { EGRESS_LIMITS } from "../../../src/sandboxd/egress/limits.ts";
import { until } from "../harness.ts";
import { listenRaw, openOutside, PUBLIC, rulesOf, say, talk } from "./outside.ts";

const ALL = "0.0.0.0/0";
const HOST = "www.example";
const CONNECT = `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`;
const NAMES = { [HOST]: [[PUBLIC]] };

const echoing = async () =>
  await listenRaw((socket) => {
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("end", () => socket.end());
  });

describe("rules", () => {
  test("name themselves in the answer and in the ledger", async () => {
    await using outside = await openOutside({ names: NAMES, network: { denyOut: ["93.184.216.0/24"] } });
    const answer = await say(outside.port, CONNECT);
    expect(answer).toStartWith("HTTP/1.1 403 Not allowed for this sandbox (denyOut 93.184.216.0/24)\r\n");
    expect(answer).toContain("\r\nX-Sandpiper-Refused: 1\r\n");
    expect(answer).toContain(`"message":"${HOST}:443 is not allowed for this sandbox (denyOut 93.184.216.0/24)."`);
    expect(outside.gate.contacts()).toMatchObject([
      { host: HOST, port: 443, address: "", verdict: "refused", reason: "denyOut 93.184.216.0/24" },
    ]);
  });

  test("keep a name that they do not allow from being looked up, since that would tell it", async () => {
    await using outside = await openOutside({ names: NAMES, network: { denyOut: [ALL], allowOut: ["pypi.org"] } });
    expect(await say(outside.port, CONNECT)).toStartWith("HTTP/1.1 403 ");
    expect(outside.resolved).toEqual([]);
  });

  test("hold from now on when they change, for what is open as well", async () => {
    await using place = await echoing();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port });
    const client = talk(outside.port);
    client.socket.write(`${CONNECT}hello`);
    await client.until("hello");
    outside.gate.setRules(rulesOf({ denyOut: ["8.8.8.8"] }));
    client.socket.write("still");
    await client.until("still");
    outside.gate.setRules(rulesOf({ denyOut: [ALL] }));
    await client.ended;
    expect(await say(outside.port, CONNECT)).toStartWith("HTTP/1.1 403 ");
    outside.gate.setRules(rulesOf());
    expect(await say(outside.port, `${CONNECT}again`)).toEndWith("again");
  });

  test("hold also for a connection that is just being made", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<readonly string[]>();
    await using place = await echoing();
    await using outside = await openOutside({
      everywhere: place.port,
      resolve: async () => {
        asked.resolve();
        return await answer.promise;
      },
    });
    const said = say(outside.port, CONNECT);
    await asked.promise;
    outside.gate.setRules(rulesOf({ denyOut: [ALL] }));
    answer.resolve([PUBLIC]);
    expect(await said).toStartWith("HTTP/1.1 403 ");
  });
});

describe("the ledger", () => {
  test("tells what was contacted, with its bytes, at the beginning and at the end", async () => {
    await using place = await echoing();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port });
    const client = talk(outside.port);
    client.socket.write(`${CONNECT}12345`);
    await client.until("12345");
    const common = { host: HOST, port: 443, address: PUBLIC, verdict: "allowed", reason: "default" };
    expect(outside.told).toMatchObject([{ contact: common, isOpen: true }]);
    outside.clock.now += 1_500;
    client.socket.end("6");
    await client.ended;
    expect(outside.told[1]).toMatchObject({
      contact: { ...common, bytesUp: 6, bytesDown: 6, ms: 1_500 },
      isOpen: false,
    });
    expect(outside.gate.contacts()).toMatchObject([{ bytesUp: 6, bytesDown: 6 }]);
    expect(outside.gate.totals()).toEqual({ contacts: 1, refused: 0, bytesUp: 6, bytesDown: 6 });
  });

  test("knows a host that cannot be reached from one that may not be", async () => {
    await using outside = await openOutside({ names: NAMES });
    expect(await say(outside.port, CONNECT)).toMatch(/^HTTP\/1\.1 502 .*ECONNREFUSED/s);
    expect(
      await say(outside.port, "CONNECT nowhere.example:443 HTTP/1.1\r\nHost: nowhere.example:443\r\n\r\n"),
    ).toStartWith("HTTP/1.1 502 ");
    expect(outside.gate.contacts().map((one) => [one.verdict, one.reason])).toEqual([
      ["failed", "connection"],
      ["failed", "name"],
    ]);
  });

  test("keeps the latest thousand, and counts all", async () => {
    await using outside = await openOutside({ network: { denyOut: [ALL] } });
    const text = (index: number): string =>
      `CONNECT a${index}.example:443 HTTP/1.1\r\nHost: a${index}.example:443\r\n\r\n`;
    for (let index = 0; index < 1_010; index += 10)
      await Promise.all(Array.from({ length: 10 }, (_, more) => say(outside.port, text(index + more))));
    expect(outside.gate.contacts()).toHaveLength(1_000);
    expect(outside.gate.totals()).toMatchObject({ contacts: 1_010, refused: 1_010 });
  });
});

describe("limits:", () => {
  test("connections at once", async () => {
    await using place = await echoing();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port, limits: { connections: 2 } });
    const open = [talk(outside.port), talk(outside.port)];
    for (const one of open) one.socket.write(CONNECT);
    await Promise.all(open.map((one) => one.until("established")));
    expect(await say(outside.port, CONNECT)).toMatch(/^HTTP\/1\.1 429 .*"rule":"connections"/s);
    open[0]?.socket.end();
    await open[0]?.ended;
    expect(await say(outside.port, `${CONNECT}hello`)).toEndWith("hello");
  });

  test("connections in a minute", async () => {
    await using outside = await openOutside({ names: NAMES, limits: { connectionsPerMinute: 3 } });
    for (let index = 0; index < 3; index++) expect(await say(outside.port, CONNECT)).toStartWith("HTTP/1.1 502 ");
    expect(await say(outside.port, CONNECT)).toMatch(/^HTTP\/1\.1 429 .*"rule":"connections-per-minute"/s);
    outside.clock.now += 60_000;
    expect(await say(outside.port, CONNECT)).toStartWith("HTTP/1.1 502 ");
  });

  test.each([
    ["up", { bytesUp: 1_000 }, "x".repeat(2_000)],
    ["down", { bytesDown: 1_000 }, "x".repeat(2_000)],
  ])("bytes %s", async (_name, limits, text) => {
    await using place = await echoing();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port, limits });
    expect(await say(outside.port, CONNECT + text)).not.toContain(text);
    expect(outside.gate.contacts()).toMatchObject([{ reason: "bytes" }]);
    expect(await say(outside.port, CONNECT)).toMatch(/^HTTP\/1\.1 429 .*"rule":"bytes"/s);
  });

  test.each([
    ["at once", `GET http://${HOST}/ HTTP/1.1\r\nX: ${"x".repeat(40_000)}\r\n\r\n`],
    ["without end", `GET http://${HOST}/ HTTP/1.1\r\nX: ${"x".repeat(3_000_000)}`],
  ])("headers that are too large, %s", async (_name, text) => {
    await using outside = await openOutside({ names: NAMES });
    expect(await say(outside.port, text)).toMatch(/^HTTP\/1\.1 431 /);
    expect(outside.gate.contacts()).toMatchObject([{ verdict: "refused", reason: "headers" }]);
  });

  test("a client that sends its headers drop by drop", async () => {
    await using outside = await openOutside({ names: NAMES });
    const client = talk(outside.port);
    client.socket.write("GET http://");
    await until(async () => outside.visitors() === 1, 5_000);
    for (let drops = 0; drops < 4; drops++) {
      outside.clock.now += EGRESS_LIMITS.headMs / 4;
      outside.gate.sweep();
      client.socket.write("x");
    }
    expect(client.socket.destroyed).toBe(false);
    outside.clock.now += 1;
    await sweepUntil(client.ended, outside.gate);
  });

  test.each([
    ["a host that does not answer the connection", { dial: neverOpened }],
    ["a name server that does not answer", { resolve: neverResolved }],
  ])("%s", async (_name, silent) => {
    await using outside = await openOutside({ names: NAMES, ...silent });
    const client = talk(outside.port);
    client.socket.write(CONNECT);
    await until(async () => ("dial" in silent ? outside.dialled : outside.resolved).length === 1, 5_000);
    outside.clock.now += EGRESS_LIMITS.connectMs + 1;
    outside.gate.sweep();
    expect(await client.until("}")).toMatch(/^HTTP\/1\.1 504 /);
  });

  test("a connection on which nothing is said; a single byte keeps it", async () => {
    await using place = await echoing();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port });
    const client = talk(outside.port);
    client.socket.write(CONNECT);
    await client.until("established");
    for (const letter of "abc") {
      outside.clock.now += EGRESS_LIMITS.idleMs;
      outside.gate.sweep();
      client.socket.write(letter);
      await client.until(new RegExp(`${letter}$`));
    }
    outside.clock.now += EGRESS_LIMITS.idleMs + 1;
    outside.gate.sweep();
    await client.ended;
  });

  test("but not a host that thinks before it answers the second request of a connection", async () => {
    const asked = Promise.withResolvers<void>();
    const thought = Promise.withResolvers<void>();
    const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    await using place = await listenRaw((socket) => {
      socket.once("data", () => {
        socket.write(answer);
        socket.once("data", () => {
          asked.resolve();
          void thought.promise.then(() => socket.write(answer));
        });
      });
    });
    await using outside = await openOutside({ names: NAMES, everywhere: place.port });
    const client = talk(outside.port);
    const request = `GET http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
    client.socket.write(request);
    await client.until(/ok$/);
    client.socket.write(request);
    await asked.promise;
    outside.clock.now += EGRESS_LIMITS.headMs + 1;
    outside.gate.sweep();
    thought.resolve();
    await client.until(/ok.*ok$/s);
  });

  test("two hundred connections at once are no trouble", async () => {
    await using place = await echoing();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port });
    const clients = Array.from({ length: 200 }, () => talk(outside.port));
    for (const { socket } of clients) socket.write(CONNECT);
    await Promise.all(clients.map((one) => one.until("established")));
    for (const { socket } of clients) socket.end("x".repeat(10_000));
    await Promise.all(clients.map((one) => one.ended));
    expect(clients.filter((one) => one.text().endsWith("x".repeat(10_000)))).toHaveLength(200);
  });
});

async function neverResolved(): Promise<never> {
  return await new Promise(() => undefined);
}

async function neverOpened(_address: string, _port: number, signal: AbortSignal): Promise<never> {
  return await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("too long"))));
}

/** What was sent last may arrive after the first look. */
async function sweepUntil(ended: Promise<void>, gate: { sweep: () => void }): Promise<void> {
  const timer = setInterval(() => gate.sweep(), 5);
  await ended;
  clearInterval(timer);
}
