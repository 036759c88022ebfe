// Events to browsers: replayed from where they were, then as they happen, to nobody who has not shown who they are.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { appendEvent } from "../../src/shared/events.ts";
import { sqliteShell } from "../shared/temporary.ts";
import { sendRaw, startCore, type Core } from "./server.ts";

// Megabytes through sockets, on a machine that may have other things to do.
setDefaultTimeout(30_000);

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterAll(() => core[Symbol.asyncDispose]());

const Frame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), seq: z.number(), version: z.string() }),
  z.object({
    type: z.literal("event"),
    event: z.looseObject({ seq: z.number(), kind: z.string(), jobId: z.string() }),
  }),
]);
type Frame = z.infer<typeof Frame>;

const Receipt = z.object({ job_id: z.string(), conversation_id: z.string() });

/** A socket whose frames are kept; `until` waits for what they should come to. */
function listen(first: unknown, headers: Record<string, string> = {}, host = `127.0.0.1:${core.port}`) {
  // The types of browsers, who know no headers here, hide Bun's.
  const socket: unknown = Reflect.construct(WebSocket, [`ws://${host}/api/live`, { headers }]);
  if (!(socket instanceof WebSocket)) throw new Error("There is no socket.");
  const frames: Frame[] = [];
  let changed = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  socket.addEventListener("open", () => {
    if (first !== undefined) socket.send(typeof first === "string" ? first : JSON.stringify(first));
  });
  socket.addEventListener("message", (message) => {
    frames.push(Frame.parse(JSON.parse(String(message.data))));
    changed.resolve();
    changed = Promise.withResolvers();
  });
  socket.addEventListener("close", (event) => closed.resolve(event.code));
  const seqs = () => frames.flatMap((frame) => (frame.type === "event" ? [frame.event.seq] : []));
  const until = async (isThere: () => boolean) => {
    while (!isThere())
      await Promise.race([changed.promise, closed.promise.then(() => Promise.reject(new Error("closed")))]);
  };
  return { socket, frames, seqs, until, closed: closed.promise, [Symbol.dispose]: () => socket.close() };
}

const hello = (after = 0) => ({ type: "auth", key: core.token, after });
const shell = (sql: string) => sqliteShell(join(core.home, "data/jobs.db"), sql);
const insert = (id: string) =>
  shell(`INSERT INTO jobs VALUES ('${id}', 'chat', 'pending', '{"prompt":"${id}"}', NULL, 1, 1)`);
const write = (jobId: string, count: number, text = "x") =>
  core.board.write((tx) => {
    for (let index = 0; index < count; index += 1)
      appendEvent(tx, { jobId, conversationId: null, attempt: 1 }, 1, { kind: "text-delta", text });
  });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const newest = async () =>
  z.object({ seq: z.number() }).parse(await (await core.call("/api/events?limit=1")).json()).seq;

describe("a socket", () => {
  test("with the token gets hello first, then everything after its cursor", async () => {
    insert("first");
    insert("second");
    const last = await newest();
    using live = listen(hello(last - 1));
    await live.until(() => live.seqs().length > 0);
    expect(live.frames[0]).toMatchObject({ type: "hello", seq: last });
    expect(live.frames[1]).toMatchObject({
      type: "event",
      event: { seq: last, kind: "job-created", prompt: "second" },
    });
  });

  test("hears of rows that other programs write without telling anybody", async () => {
    const before = await newest();
    using live = listen(hello(before));
    await live.until(() => live.frames.length === 1);
    insert("stranger");
    await live.until(() => live.seqs().length === 1);
    expect(live.seqs()).toEqual([before + 1]);
  });

  test("hears of a message at once", async () => {
    using live = listen(hello(await newest()));
    await live.until(() => live.frames.length === 1);
    await core.post("/api/messages", { text: "hello" });
    await live.until(() => live.seqs().length === 1);
  });

  test("hears of jobs that go with their conversation", async () => {
    const sent = await core.post("/api/messages", { text: "hello" });
    const { job_id, conversation_id } = Receipt.parse(await sent.json());
    const before = await newest();
    using live = listen(hello(before));
    await live.until(() => live.frames.length === 1);
    const path = `/api/conversations/${conversation_id}`;
    expect((await core.call(path, { method: "DELETE" })).status).toBe(204);
    await live.until(() => live.seqs().length === 1);
    expect(live.frames[1]).toMatchObject({ event: { seq: before + 1, kind: "job-deleted", jobId: job_id } });
  });

  test.each([
    ["a wrong key", { type: "auth", key: "wrong", after: 0 }],
    ["an empty key", { type: "auth", key: "", after: 0 }],
    ["no key", { type: "auth", after: 0 }],
    ["a cursor below zero", { type: "auth", key: "TOKEN", after: -1 }],
    ["another first word", { type: "subscribe", key: "TOKEN" }],
    ["no JSON", "{"],
    ["nothing in it", ""],
  ])("that begins with %s is closed and told nothing", async (_name, first) => {
    const text = typeof first === "string" ? first : JSON.stringify(first).replace("TOKEN", core.token);
    using live = listen(text);
    expect(await live.closed).toBe(4401);
    expect(live.frames).toEqual([]);
  });

  test("that says nothing is closed after two seconds", async () => {
    using live = listen(undefined);
    expect(await live.closed).toBe(4401);
    expect(live.frames).toEqual([]);
  });

  test("of a browser needs cookie and key together", async () => {
    const link = z.object({ url: z.string() }).parse(await (await core.post("/api/link", {})).json()).url;
    const response = await core.post("/api/pair", { token: link.split("=")[1] });
    const { key } = z.object({ key: z.string() }).parse(await response.json());
    const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
    using whole = listen({ type: "auth", key, after: 0 }, { Cookie: cookie, Origin: core.url });
    await whole.until(() => whole.frames.length > 0);
    using alone = listen({ type: "auth", key, after: 0 });
    expect(await alone.closed).toBe(4401);
    using cookieAlone = listen({ type: "auth", key: "x", after: 0 }, { Cookie: cookie });
    expect(await cookieAlone.closed).toBe(4401);
  });

  test("that says more after its first word is not harmed and harms nobody", async () => {
    using live = listen(hello());
    await live.until(() => live.frames.length > 0);
    live.socket.send(JSON.stringify({ type: "auth", key: "wrong", after: 0 }));
    live.socket.send("{");
    const before = await newest();
    insert("after_noise");
    await live.until(() => live.seqs().includes(before + 1));
  });
});

test.each([
  ["a foreign origin", "Origin: https://evil.example", ""],
  ["a page of another port", "Origin: http://127.0.0.1:1", ""],
  ["another site", "Sec-Fetch-Site: cross-site", ""],
  ["a rebound name", "Sec-Fetch-Site: same-origin", "rebind.example.test"],
])("a socket from %s is refused before it opens", async (_name, header, host) => {
  const answer = await sendRaw(
    core.port,
    [
      "GET /api/live HTTP/1.1",
      `Host: ${host || `127.0.0.1:${core.port}`}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      header,
      "Connection: close",
      "",
      "",
    ].join("\r\n"),
  );
  expect(answer.split("\r\n")[0]).toBe("HTTP/1.1 403 Forbidden");
});

describe("a replay", () => {
  test("of many batches, while events are being written, has no gap and no double", async () => {
    insert("busy");
    const from = await newest();
    await write("busy", 1_200);
    using live = listen(hello(from));
    using later = listen(hello(from + 700));
    for (let round = 0; round < 20; round += 1) await write("busy", 40);
    const last = from + 2_000;
    await live.until(() => live.seqs().at(-1) === last);
    await later.until(() => later.seqs().at(-1) === last);
    expect(live.seqs()).toEqual(range(from + 1, last));
    expect(later.seqs()).toEqual(range(from + 701, last));
  });

  test("from a cursor of a log that was longer, as before a restore, tells all that comes from now on", async () => {
    const before = await newest();
    using live = listen(hello(before + 1_000));
    await live.until(() => live.frames.length === 1);
    expect(live.frames[0]).toMatchObject({ type: "hello", seq: before });
    insert("first_after_restore");
    insert("second_after_restore");
    await live.until(() => live.seqs().length === 2);
    expect(live.seqs()).toEqual([before + 1, before + 2]);
  });

  test("of more than a connection can hold arrives whole at a client that reads", async () => {
    insert("large");
    const from = await newest();
    using watcher = listen(hello(from));
    for (let round = 0; round < 4; round += 1) await write("large", 10, "y".repeat(500_000));
    // From here on nothing is new in the table, so nothing but the client's own pace moves the replay on.
    await watcher.until(() => watcher.seqs().at(-1) === from + 40);
    using live = listen(hello(from));
    await live.until(() => live.seqs().at(-1) === from + 40);
    expect(live.seqs()).toEqual(range(from + 1, from + 40));
  });
});

test("a client that does not read waits, and holds up nobody", async () => {
  insert("slow");
  const from = await newest();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: core.port,
    socket: { data: (one) => one.pause() },
  });
  const first = JSON.stringify(hello(from));
  socket.write(
    [
      "GET /api/live HTTP/1.1",
      `Host: 127.0.0.1:${core.port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "",
      "",
    ].join("\r\n"),
  );
  // A masked text frame of less than 126 bytes, with a mask of zeros (RFC 6455 §5.2).
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | first.length, 0, 0, 0, 0]), Buffer.from(first)]));
  using live = listen(hello(from));
  for (let round = 0; round < 6; round += 1) await write("slow", 4, "z".repeat(500_000));
  await live.until(() => live.seqs().at(-1) === from + 24);
  expect((await core.call("/health")).status).toBe(200);
  socket.terminate();
});
