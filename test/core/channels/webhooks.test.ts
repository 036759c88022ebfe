// The listener that a tunnel makes public: what strangers send may take neither our memory nor a place for long.
import { expect, test } from "bun:test";
import { serveWebhooks } from "../../../src/core/webhooks.ts";
import { createLog } from "../../../src/shared/log.ts";

const LONG_MS = 60_000;

/** At "/hook" a body is read and counted; at "/closed" nothing is read of it. */
function openListener(given: { readonly most: number; readonly withinMs: number; readonly bytes?: number }) {
  const limits = { bytes: 1_000, ...given };
  const seen = { begun: 0, read: [] as string[] };
  const log = createLog("core", "error", () => undefined);
  const door = { admit: () => Promise.resolve(), tell: () => undefined };
  const receive = async (request: Request): Promise<Response> => {
    seen.begun += 1;
    seen.read.push(await request.text());
    return new Response(null, { status: 200 });
  };
  const closed = () => Promise.resolve(new Response(null, { status: 401 }));
  const hooks = new Map([
    ["/hook", { path: "/hook", receive, door }],
    ["/closed", { path: "/closed", receive: closed, door }],
  ]);
  const server = serveWebhooks({ webhookPort: 0 }, log, (path) => hooks.get(path) ?? null, limits);
  if (server === null) throw new Error("There is no port.");
  return {
    seen,
    post: async (path: string) => (await fetch(new URL(path, server.url), { method: "POST", body: "all" })).status,
    /** A body of three bytes of which one has come so far. */
    begin: () => beginPost(server.port ?? 0),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

async function beginPost(port: number) {
  const answer = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (one) => void one.write("POST /hook HTTP/1.1\r\nhost: here\r\ncontent-length: 3\r\n\r\na"),
      data: (_one, bytes) => answer.resolve(bytes.toString().slice("HTTP/1.1 ".length).slice(0, 3)),
      error: (_one, error) => answer.reject(error),
    },
  });
  return { end: () => void socket.write("ll"), drop: () => socket.terminate(), answer: answer.promise };
}

test("reads so many bodies at once and sends the next one away, until one has come whole", async () => {
  await using listener = openListener({ most: 2, withinMs: LONG_MS });
  const first = await listener.begin();
  await listener.begin();
  while (listener.seen.begun < 2) await Bun.sleep(1);
  expect(await listener.post("/hook")).toBe(503);
  expect(await listener.post("/closed")).toBe(401);
  first.end();
  expect(await first.answer).toBe("200");
  expect(await listener.post("/hook")).toBe(200);
  expect(listener.seen.read).toEqual(["all", "all"]);
});

test("holds so many bytes of all bodies together, and of one that is beyond nothing", async () => {
  await using listener = openListener({ most: 10, withinMs: LONG_MS, bytes: 3 });
  const first = await listener.begin();
  while (listener.seen.begun < 1) await Bun.sleep(1);
  while ((await listener.post("/hook")) !== 503) await Bun.sleep(1);
  first.drop();
  while ((await listener.post("/hook")) !== 200) await Bun.sleep(1);
  expect(listener.seen.read.at(-1)).toBe("all");
});

test("a body whose sender goes away leaves its place", async () => {
  await using listener = openListener({ most: 1, withinMs: LONG_MS });
  const post = await listener.begin();
  while (listener.seen.begun < 1) await Bun.sleep(1);
  post.drop();
  while ((await listener.post("/hook")) !== 200) await Bun.sleep(1);
  expect(listener.seen.read).toEqual(["all"]);
});

test("a body that does not come whole in its time is given up, and leaves its place", async () => {
  await using listener = openListener({ most: 1, withinMs: 20 });
  const slow = await listener.begin();
  expect(await slow.answer).toBe("503");
  expect(await listener.post("/hook")).toBe(200);
  expect(listener.seen.read).toEqual(["all"]);
});
