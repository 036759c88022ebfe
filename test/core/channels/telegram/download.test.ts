// Fetching what people sent: every byte, no byte too much, and the address with the token in nobody's words.
import { expect, test } from "bun:test";
import { TOKEN } from "../../../../fakes/telegram/server.ts";
import type { IncomingFile } from "../../../../src/core/channels/channel.ts";
import { AppError } from "../../../../src/shared/errors.ts";
import { rejectionOf } from "../../../shared/temporary.ts";
import { openBot, told, type Bot } from "./bot.ts";

const MIB = 2 ** 20;
const PATTERN = Uint8Array.from({ length: 256 }, (_, index) => index * 7);

function sent(bot: Bot, bytes: number): IncomingFile {
  const content = new Uint8Array(Buffer.alloc(bytes, PATTERN));
  const { document } = bot.ada.sendDocument({ name: "sales.csv", bytes: content });
  return { ref: document?.file_id ?? "", name: "sales.csv", bytes };
}

async function fetched(bot: Bot, file: IncomingFile): Promise<Uint8Array> {
  return new Uint8Array(await new Response(await bot.channel.fetch(file, bot.stop.signal)).arrayBuffer());
}

async function failureOf(bot: Bot, file: IncomingFile): Promise<AppError> {
  const error = await rejectionOf(fetched(bot, file).then((bytes) => bytes.length));
  expect(told(error)).not.toContain(TOKEN.split(":")[1] ?? "");
  if (error instanceof AppError) return error;
  throw error;
}

test("every byte arrives as it was", async () => {
  await using bot = await openBot();
  const file = sent(bot, 3 * MIB + 5);
  const hash = (bytes: Uint8Array) => Bun.SHA256.hash(bytes, "hex");
  expect(hash(await fetched(bot, file))).toBe(hash(new Uint8Array(3 * MIB + 5).map((_, index) => index * 7)));
});

test("a file beyond the limit is refused in friendly words, and none of it is fetched", async () => {
  await using bot = await openBot();
  const file = sent(bot, 20 * MIB + 1);
  const error = await failureOf(bot, file);
  expect([error.code, error.message]).toEqual([
    "too_large",
    expect.stringContaining("That file is 21 MB. Telegram lets"),
  ]);
  expect(bot.telegram.callsOf("getFile")).toHaveLength(0);
  expect((await failureOf(bot, { ...file, bytes: null })).code).toBe("too_large");
  expect(bot.telegram.callsOf("download")).toHaveLength(0);
  expect(await fetched(bot, sent(bot, 20 * MIB))).toHaveLength(20 * MIB);
});

test("what is cut off, refused or lost may be fetched again, and is never taken for whole", async () => {
  await using bot = await openBot();
  const file = sent(bot, MIB);
  const faults = [
    { kind: "truncate" },
    // Bun asks a second time by itself where a GET is cut before its answer.
    { kind: "drop-after-effect", times: 2 },
    { kind: "status", code: 404 },
    { kind: "status", code: 502, isHtml: true },
  ] as const;
  for (const method of ["getFile", "download"])
    for (const fault of faults) {
      bot.telegram.faults.add({ ...fault, method });
      expect((await failureOf(bot, file)).code).toBe("unavailable");
      bot.telegram.faults.clear();
    }
  expect((await failureOf(bot, { ...file, ref: "unknown" })).code).toBe("unavailable");
  bot.telegram.token = TOKEN.replace("FAKE0", "FAKE1");
  expect((await failureOf(bot, file)).code).toBe("unavailable");
  bot.telegram.token = TOKEN;
  await bot.telegram.stop();
  expect((await failureOf(bot, file)).code).toBe("unavailable");
  bot.telegram.start();
  expect(await fetched(bot, file)).toHaveLength(MIB);
});

test("what never answers is given up, and a stop is obeyed", async () => {
  await using bot = await openBot();
  const file = sent(bot, 5);
  for (const [method, end] of [
    ["getFile", () => bot.clock.move(20_000)],
    ["download", () => bot.clock.move(30_000)],
    ["download", () => bot.stop.abort()],
  ] as const) {
    bot.telegram.faults.add({ method, kind: "hang" });
    const failing = failureOf(bot, file);
    await bot.telegram.until(() => bot.telegram.faults.left === 0);
    end();
    expect((await failing).code).toBe("unavailable");
  }
});

/** A service whose file comes as `body`. */
function serveFile(answer: object, body: (signal: AbortSignal) => ReadableStream<Uint8Array>) {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/getMe"))
        return Response.json({ ok: true, result: { id: 7_000_000_001, is_bot: true, username: "bot" } });
      if (pathname.endsWith("/getFile")) return Response.json({ ok: true, result: answer });
      return new Response(body(request.signal));
    },
  });
}

test("a file that stops in the middle, or goes on and on, is given up", async () => {
  using stalled = serveFile(
    { file_path: "a/b.csv" },
    () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(10)),
      }),
  );
  await using bot = await openBot({}, () => ({ apiUrl: `http://127.0.0.1:${stalled.port}/` }));
  const stream = await bot.channel.fetch({ ref: "F", name: "b.csv", bytes: null }, bot.stop.signal);
  const reader = stream.getReader();
  expect((await reader.read()).value).toHaveLength(10);
  const next = rejectionOf(reader.read());
  await bot.clock.until(30_000);
  bot.clock.move(30_000);
  expect(await next).toMatchObject({ code: "unavailable" });
  let given = 0;
  using endless = serveFile(
    { file_path: "a/b.csv" },
    () =>
      new ReadableStream({
        pull: (controller) => {
          given += 1;
          controller.enqueue(new Uint8Array(MIB));
        },
      }),
  );
  await using other = await openBot({}, () => ({ apiUrl: `http://127.0.0.1:${endless.port}` }));
  expect((await failureOf(other, { ref: "F", name: "b.csv", bytes: null })).code).toBe("too_large");
  expect(given).toBeLessThan(60);
});

test("a path that leads elsewhere is not followed", async () => {
  for (const file_path of ["/etc/passwd", "a/../../b", ".."]) {
    using elsewhere = serveFile({ file_path }, () => new Blob(["secret"]).stream());
    await using bot = await openBot({}, () => ({ apiUrl: `http://127.0.0.1:${elsewhere.port}` }));
    expect((await failureOf(bot, { ref: "F", name: "b", bytes: null })).code).toBe("unavailable");
  }
});
