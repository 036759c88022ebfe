import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { listenRaw, openOutside, PUBLIC, say, talk, type Outside, type OutsideOptions, type Place } from "./outside.ts";

const HOST = "www.example";
const CONNECT = `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`;
const get = (path: string, ...fields: string[]): string =>
  [`GET http://${HOST}${path} HTTP/1.1`, `Host: ${HOST}`, ...fields, "", ""].join("\r\n");

type Scene = AsyncDisposable & { readonly outside: Outside; readonly place: Place; readonly port: number };

/** A host outside that does with each connection what the test says. */
async function scene(onSocket: (socket: Socket) => void, options: OutsideOptions = {}): Promise<Scene> {
  const place = await listenRaw(onSocket);
  const outside = await openOutside({
    names: { [HOST]: [[PUBLIC]], "other.example": [["1.1.1.1"]] },
    everywhere: place.port,
    ...options,
  });
  return {
    outside,
    place,
    port: outside.port,
    [Symbol.asyncDispose]: async () => {
      await outside[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** Answers each request with what it said. */
function mirror(socket: Socket): void {
  let heard = "";
  socket.on("data", (chunk: Buffer) => {
    heard += chunk.toString("latin1");
    if (!heard.endsWith("\r\n\r\n") && !heard.endsWith("body!")) return;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${heard.length}\r\n\r\n${heard}`);
    heard = "";
  });
  socket.on("end", () => socket.end());
}

const echo = (socket: Socket): void => {
  socket.on("data", (chunk) => socket.write(chunk));
  socket.on("end", () => socket.end());
};

describe("through CONNECT", () => {
  test("everything passes as it is, in both directions, also what came with the request", async () => {
    await using here = await scene(echo);
    expect(await say(here.port, `${CONNECT}GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\0\xff`)).toBe(
      "HTTP/1.1 200 Connection established\r\n\r\nGET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\0\xc3\xbf",
    );
  });

  test("one direction can end before the other", async () => {
    await using here = await scene((socket) => {
      let heard = 0;
      socket.on("data", (chunk: Buffer) => (heard += chunk.length));
      socket.on("end", () => socket.end(`${heard} bytes`));
    });
    expect(await say(here.port, CONNECT + "x".repeat(300_000))).toEndWith("300000 bytes");
  });

  test("a large body arrives whole at a client that reads late", async () => {
    await using here = await scene((socket) => {
      socket.on("data", () => socket.end(Buffer.alloc(8_000_000, 7)));
    });
    const client = talk(here.port);
    client.socket.write(`${CONNECT}go`);
    await client.until("established\r\n\r\n");
    client.socket.pause();
    await Bun.sleep(0);
    client.socket.resume();
    client.socket.end();
    await client.ended;
    expect(client.text().length).toBe(8_000_000 + "HTTP/1.1 200 Connection established\r\n\r\n".length);
  });

  test("a host that breaks off breaks the client off", async () => {
    await using here = await scene((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const client = talk(here.port);
    client.socket.write(`${CONNECT}go`);
    await client.ended;
  });

  test("a client that breaks off lets go of the host", async () => {
    const gone = Promise.withResolvers<void>();
    await using here = await scene((socket) => socket.once("end", gone.resolve).once("close", gone.resolve).resume());
    const client = talk(here.port);
    client.socket.write(CONNECT);
    await client.until("established");
    client.socket.resetAndDestroy();
    await gone.promise;
  });
});

describe("a request for an http:// address", () => {
  test("goes out as the host's own, without what was meant for the proxy", async () => {
    await using here = await scene(mirror);
    const answer = await say(
      here.port,
      get("/a?b=c", "Proxy-Authorization: Basic eDp5", "Proxy-Connection: keep-alive", "X-A: 1", "Connection: close"),
    );
    expect(answer).toContain(`\r\n\r\nGET /a?b=c HTTP/1.1\r\nHost: ${HOST}\r\nX-A: 1\r\nConnection: close\r\n\r\n`);
  });

  test("may be followed by others on the same connection, and they share one to the host", async () => {
    await using here = await scene(mirror);
    const answers = await say(here.port, get("/1") + get("/2") + get("/3"));
    expect(answers.match(/GET \/\d/g)).toEqual(["GET /1", "GET /2", "GET /3"]);
    expect(here.place.connections()).toBe(1);
  });

  test("for another host takes the place of the first: there is one at a time", async () => {
    await using here = await scene(mirror);
    const other = "GET http://other.example/2 HTTP/1.1\r\nHost: other.example\r\n\r\n";
    const answers = await say(here.port, get("/1") + other + get("/3"));
    expect(answers.match(/GET \/\d HTTP\/1.1\r\nHost: [a-z.]+/g)).toEqual([
      `GET /1 HTTP/1.1\r\nHost: ${HOST}`,
      "GET /2 HTTP/1.1\r\nHost: other.example",
      `GET /3 HTTP/1.1\r\nHost: ${HOST}`,
    ]);
    expect(here.outside.dialled).toEqual([`${PUBLIC}:80`, "1.1.1.1:80", `${PUBLIC}:80`]);
  });

  test("is asked of a new connection when the host has closed the old one meanwhile", async () => {
    await using here = await scene((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    });
    const client = talk(here.port);
    client.socket.write(get("/1"));
    await client.until(/ok$/);
    // The end of the host's connection is on its way: it is there once a second one was answered.
    await say(here.port, get("/x", "Connection: close"));
    client.socket.end(get("/2"));
    await client.ended;
    expect(client.text().match(/ok/g)).toHaveLength(2);
  });

  test.each([
    ["with a length", "Content-Length: 5", "body!"],
    ["in chunks", "Transfer-Encoding: chunked", "5\r\nbody!\r\n0\r\n\r\n"],
  ])("brings its body %s, byte for byte", async (_name, field, body) => {
    await using here = await scene(mirror);
    const head = `POST http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n${field}\r\n\r\n`;
    const answer = await say(here.port, head + body);
    expect(answer).toContain(field);
    expect(answer).toEndWith(body);
  });

  test("waits with its body for 100 Continue, which is passed on", async () => {
    await using here = await scene((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        socket.once("data", (body) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${body.toString()}`));
      });
    });
    const client = talk(here.port);
    client.socket.write(
      `PUT http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    );
    await client.until("HTTP/1.1 100 Continue\r\n");
    client.socket.end("body!");
    await client.until(/\r\n\r\nbody!$/);
  });

  test.each([
    [
      "HEAD",
      `HEAD http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
      "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
      "",
    ],
    ["304", get("/"), "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", ""],
    [
      "chunks",
      get("/"),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
      "2\r\nab\r\n0\r\n\r\n",
    ],
    ["no length at all", get("/"), "HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"],
    ["HTTP/1.0", get("/"), "HTTP/1.0 200 OK\r\n\r\nold", "old"],
  ])("hears an answer with %s", async (_name, request, answer, body) => {
    await using here = await scene((socket) => socket.once("data", () => socket.end(answer)));
    expect(await say(here.port, request)).toEndWith(`\r\n\r\n${body}`);
  });

  test.each([
    ["that is no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["with two ends", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["that never comes", ""],
    ["whose headers never end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(200_000)}`],
    ["that changes the protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
  ])("is told of an answer %s", async (_name, answer) => {
    await using here = await scene((socket) => socket.once("data", () => socket.end(answer)));
    expect(await say(here.port, get("/"))).toMatch(/^HTTP\/1\.1 502 .*"rule":"answer"/s);
  });

  test("is given up when the client is gone, however long the host would think", async () => {
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    await using here = await scene((socket) => {
      socket.once("data", () => asked.resolve());
      socket.once("end", gone.resolve).once("close", gone.resolve);
    });
    const client = talk(here.port);
    client.socket.write(get("/"));
    await asked.promise;
    client.socket.resetAndDestroy();
    await gone.promise;
  });

  test("is cut off when the answer is, so that nobody takes half of it for all", async () => {
    await using here = await scene((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf")),
    );
    const answer = await say(here.port, get("/1") + get("/2"));
    expect(answer).toEndWith("half");
    expect(here.place.connections()).toBe(1);
  });
});

describe("what could be understood in two ways", () => {
  test.each([
    ["two Host headers", get("/", "Host: other.example")],
    ["another Host header", `GET http://${HOST}/ HTTP/1.1\r\nHost: other.example\r\n\r\n`],
    ["no Host header", `GET http://${HOST}/ HTTP/1.1\r\n\r\n`],
    ["another port in it", `GET http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}:8080\r\n\r\n`],
    ["two lengths", get("/", "Content-Length: 5", "Content-Length: 6")],
    ["a length and chunks", get("/", "Content-Length: 5", "Transfer-Encoding: chunked")],
    ["a folded header", get("/", "X: a\r\n b")],
    ["a space before a colon", get("/", "Content-Length : 5")],
    ["a NUL", get("/", "X: \0")],
    ["a path alone", `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
    ["https:// without CONNECT", `GET https://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
    ["an asterisk", `OPTIONS * HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
    ["no HTTP", "\x16\x03\x01\x02\x00\r\n\r\n"],
    ["a CONNECT without a port", `CONNECT ${HOST} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
    ["a CONNECT for an address", `CONNECT http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
  ])("is refused before anybody hears of it: %s", async (_name, request) => {
    await using here = await scene(mirror);
    expect(await say(here.port, request)).toMatch(/^HTTP\/1\.1 40[03] .*"rule":"(?:request|host)"/s);
    expect(here.outside.dialled).toEqual([]);
    expect(here.outside.gate.contacts()).toMatchObject([{ verdict: "refused", address: "" }]);
  });

  test("a request hidden in the chunks of another is part of its body", async () => {
    const requests: string[] = [];
    await using here = await scene((socket) => {
      socket.on("data", (chunk: Buffer) => {
        requests.push(...(chunk.toString().match(/^[A-Z]+ \/\S*/gm) ?? []));
        if (chunk.toString().includes("0\r\n\r\n")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
    });
    const hidden = `0\n\nGET http://${HOST}/hidden HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
    const answer = await say(
      here.port,
      `POST http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n${hidden}`,
    );
    expect(answer).not.toContain("200 OK");
    expect(requests).not.toContain("GET /hidden");
  });

  test("never 407: there is no password to ask for", async () => {
    await using here = await scene(mirror);
    const answers = await Promise.all([get("/", "Host: x"), "nonsense\r\n\r\n"].map((text) => say(here.port, text)));
    for (const answer of answers) expect(answer).not.toContain("407");
  });
});
