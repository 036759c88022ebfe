// `link` as a person types it, at a real core with a Telegram of our own behind it.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Person } from "../../fakes/telegram/person.ts";
import { FakeTelegram } from "../../fakes/telegram/server.ts";
import { startCore, type Core } from "../core/server.ts";
import { until } from "../e2e/until.ts";
import { readHalfBlocks } from "../shared/qr_reader.ts";
import { MAIN, sandpiper, type Said } from "./command.ts";

setDefaultTimeout(30_000);
const PATIENCE_MS = 15_000;
const LINK = /^https:\/\/t\.me\/\w+\?start=[\w-]{32}$/;
const PROMISE = "It works once, within an hour: whoever opens it first becomes the owner.";
const Answer = z.strictObject({ url: z.string() });
const States = z.object({ channels: z.array(z.object({ name: z.string(), state: z.string() })) });

async function startKnownCore(settings: Record<string, string>): Promise<Core> {
  const core = await startCore(settings);
  writeFileSync(join(core.home, "data/server.json"), JSON.stringify({ port: core.port, pid: process.pid }));
  return core;
}

async function isTelegram(core: Core, state: string): Promise<boolean> {
  const { channels } = States.parse(await (await core.call("/api/channels")).json());
  return channels.some((channel) => channel.name === "telegram" && channel.state === state);
}

/** What the command writes to a terminal of so many columns. */
async function linkInTerminal(home: string, columns: number): Promise<string[]> {
  const decoder = new TextDecoder();
  let shown = "";
  await using terminal = new Bun.Terminal({
    cols: columns,
    rows: 60,
    data: (_terminal, bytes) => void (shown += decoder.decode(bytes, { stream: true })),
  });
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, "link", "telegram"], {
    env: { PATH: process.env["PATH"] ?? "", HOME: home, SANDPIPER_HOME: home, INIT_CWD: home },
    terminal,
  });
  expect(await child.exited).toBe(0);
  await until(() => shown.includes("owner."), PATIENCE_MS);
  return shown.split("\r\n");
}

describe("a link into Telegram", () => {
  let telegram: FakeTelegram;
  let core: Core;
  let ann: Person;
  beforeAll(async () => {
    telegram = new FakeTelegram();
    core = await startKnownCore({
      SANDPIPER_TELEGRAM_TOKEN: telegram.token,
      SANDPIPER_TELEGRAM_API: telegram.url,
    });
    ann = telegram.person({ id: 7, firstName: "Ann" });
    await until(() => isTelegram(core, "up"), PATIENCE_MS);
  });
  afterAll(async () => {
    await core[Symbol.asyncDispose]();
    await telegram[Symbol.asyncDispose]();
  });

  const link = (...args: string[]): Promise<Said> => sandpiper(core.home, "link", ...args);

  test("is a line of its own where nobody sees it drawn, and makes who opens it the owner", async () => {
    const { code, out, err } = await link("telegram");
    const [url = "", promise, ...rest] = out.split("\n");
    expect(url).toMatch(LINK);
    expect([code, err, promise, rest]).toEqual([0, "", PROMISE, [""]]);
    ann.start(new URL(url).searchParams.get("start") ?? "");
    await until(() => telegram.view(7).messages.some(({ text }) => text.startsWith("This chat is yours")), PATIENCE_MS);
  });

  test("is one JSON object for programs", async () => {
    const { code, out, err } = await link("telegram", "--json");
    expect([code, err]).toEqual([0, ""]);
    expect(Answer.parse(JSON.parse(out)).url).toMatch(LINK);
  });

  test("is drawn in a terminal, as what a phone reads as the link", async () => {
    const [url = "", ...lines] = await linkInTerminal(core.home, 80);
    expect(url).toMatch(LINK);
    const drawn = lines.filter((line) => line.startsWith("\u001b[38;5;16;48;5;231m"));
    const rows = drawn.map((line) => Bun.stripANSI(line));
    expect(readHalfBlocks(rows)).toBe(url);
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    // The colours end with each line.
    expect(drawn.every((line) => line.endsWith("\u001b[0m"))).toBe(true);
  });

  test("is not drawn in a terminal that is too narrow for it", async () => {
    const shown = (await linkInTerminal(core.home, 30)).join("\n");
    expect(shown).toContain("https://t.me/");
    expect(shown).not.toMatch(/[█▀▄]/);
  });

  test("the dashboard's link is what it was", async () => {
    const { code, out } = await link();
    expect(out).toMatch(/^http:\/\/localhost:\d+\/#pair=\S+\n$/);
    expect(code).toBe(0);
    expect(Answer.parse(JSON.parse((await link("--json")).out)).url).toContain("#pair=");
  });

  test("a channel that is not set up is a sentence, with those that are", async () => {
    expect(await link("whatsapp")).toEqual({
      code: 2,
      out: "",
      err: "“whatsapp” is not set up. There is telegram. How to set up a channel: docs/telegram.md, docs/whatsapp.md.\n",
    });
  });

  test("two channels at once are refused", async () => {
    const { code, out, err } = await link("telegram", "whatsapp");
    expect([code, out, err.startsWith("Say one channel.")]).toEqual([2, "", true]);
  });
});

test("a channel that is not reached is a sentence, with the reason", async () => {
  const telegram = new FakeTelegram();
  const settings = { SANDPIPER_TELEGRAM_TOKEN: telegram.token, SANDPIPER_TELEGRAM_API: telegram.url };
  await telegram[Symbol.asyncDispose]();
  await using core = await startKnownCore(settings);
  await until(() => isTelegram(core, "down"), PATIENCE_MS);
  const { code, out, err } = await sandpiper(core.home, "link", "telegram");
  expect([code, out]).toEqual([1, ""]);
  expect(err).toStartWith("telegram is not reached. ");
  expect(err).not.toContain("    at ");
});

test("without any channel it says how to set one up", async () => {
  await using core = await startKnownCore({});
  const { code, err } = await sandpiper(core.home, "link", "telegram");
  expect(err).toBe("“telegram” is not set up. How to set up a channel: docs/telegram.md, docs/whatsapp.md.\n");
  expect(code).toBe(2);
});
