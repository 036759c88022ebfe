// What people write while the board cannot be written: it is not confirmed, and dealt with once when it can be.
import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { FILL, onSmallDisk } from "../../shared/small_disk.ts";
import { temporaryFolder } from "../../shared/temporary.ts";
import { openTown } from "./town.ts";

/** Longer than anything that does not wait for the board takes. */
const HELD_MS = 300;

describe("while another program holds the board", () => {
  /** Takes the only lock there is for writing; call it to give it back. */
  const hold = (file: string) => {
    const other = new Database(file);
    other.run("BEGIN IMMEDIATE");
    return () => {
      other.run("ROLLBACK");
      other.close();
    };
  };

  test("Telegram is told nothing of what is written, and it is one job afterwards", async () => {
    await using town = await openTown();
    await town.annAsks("Zero.");
    await town.until(() => town.value("SELECT state FROM deliveries") === "sent");
    await town.until(() => town.telegram.updates.pendingCount === 0);
    const polls = () => town.telegram.callsOf("getUpdates");
    const before = polls().length;
    const release = hold(town.file);
    town.ann.say("One");
    await town.until(() => polls()[before - 1]?.status === 200);
    // The board is asked again and again meanwhile.
    await Bun.sleep(HELD_MS);
    expect([polls().length, town.telegram.updates.pendingCount]).toEqual([before, 1]);
    release();
    await town.settle(await town.claim(), "One.");
    await town.until(() => town.annReads().length === 2 && town.telegram.updates.pendingCount === 0);
    expect(town.value("SELECT count(*) FROM jobs")).toBe(2);
  });

  test("WhatsApp gets no answer to what it posts, and it is one job afterwards", async () => {
    await using town = await openTown();
    await town.adaAsks("Zero.");
    await town.until(() => town.value("SELECT state FROM deliveries") === "sent");
    await town.until(() => town.graph.webhooks.isIdle);
    const before = town.graph.webhooks.attempts.length;
    const release = hold(town.file);
    town.ada.say("One");
    await Bun.sleep(HELD_MS);
    expect([town.graph.webhooks.attempts.length, town.graph.webhooks.isIdle]).toEqual([before, false]);
    release();
    await town.settle(await town.claim(), "One.");
    await town.until(() => town.adaReads().length === 2 && town.graph.webhooks.isIdle);
    expect(town.graph.webhooks.attempts[before]?.status).toBe(200);
    expect(town.value("SELECT count(*) FROM jobs")).toBe(2);
  });
});

/** What both programs below begin with: a messenger over a board on a disk of its own, and what fills that. */
const BEGIN = `
  import { rmSync } from "node:fs";
  import { setStanding } from "src/shared/contacts.ts";
  import { openBoard } from "src/shared/db.ts";
  import { openTelegram } from "src/core/channels/telegram/telegram.ts";
  import { openWhatsApp } from "src/core/channels/whatsapp/whatsapp.ts";
  import { FakeTelegram } from ${at("../../../fakes/telegram/server.ts")};
  import { FakeGraph } from ${at("../../../fakes/graph/server.ts")};
  import { messengerOver, untilSo } from ${at("office.ts")};
  ${FILL}
  const home = process.argv[1];
  const board = openBoard(home + "/data/jobs.db");
  const lines = [];
  const value = (sql) => board.read((tx) => Object.values(tx.get(sql))[0]);
  const owner = (channel, account, person) =>
    board.write((tx) => setStanding(tx, { channel, account, person, standing: "owner" }, 0));
  /** Until even a row does not fit. */
  const fillUp = async () => {
    fill(home + "/others");
    for (let index = 0, isFull = false; !isFull; index += 1)
      isFull = await owner("x", "x", "x".repeat(900) + index).then(() => false, () => true);
  };
  const free = () => rmSync(home + "/others", { force: true });
  const heard = () => lines.filter((line) => /arrivals-not-kept|webhook-failed/.test(line)).length;
  const jobs = () => value("SELECT count(*) FROM jobs");
  const say = (words) => console.log(JSON.stringify(words));`;

function at(file: string): string {
  return JSON.stringify(join(import.meta.dir, file));
}

async function onFullDisk(source: string): Promise<unknown[]> {
  using disk = temporaryFolder();
  const said = await onSmallDisk(disk.path, 8 * 2 ** 20, BEGIN + source, disk.path);
  return said.split("\n").map((line): unknown => JSON.parse(line));
}

describe("while the disk is full", () => {
  test("Telegram keeps what is written, core says why, and it is one job when there is room", async () => {
    const [full, after] = await onFullDisk(`
      const telegram = new FakeTelegram();
      await owner("telegram", telegram.token.split(":")[0], "7");
      const ann = telegram.person({ id: 7, firstName: "Ann" });
      const open = (_config, log) => () => openTelegram({ token: telegram.token, apiUrl: telegram.url, webhook: null }, log);
      const messenger = messengerOver({ board, folder: home }, { telegram: open }, lines);
      await untilSo(() => messenger.states()[0].state === "up");
      await fillUp();
      ann.say("One");
      await untilSo(() => heard() > 0);
      say([telegram.updates.pendingCount, jobs(), messenger.states()[0].state]);
      free();
      await untilSo(() => jobs() === 1 && telegram.updates.pendingCount === 0);
      say([jobs(), value("SELECT count(*) FROM arrivals"), messenger.states()[0].state]);
      await messenger.close();
      await telegram[Symbol.asyncDispose]();
      board.close();`);
    expect(full).toEqual([1, 0, "down"]);
    expect(after).toEqual([1, 1, "up"]);
  }, 30_000);

  test("WhatsApp is told so, posts it again, and it is one job when there is room", async () => {
    const [full, after] = await onFullDisk(`
      const graph = new FakeGraph({ retryMs: [50] });
      const { token, phoneNumberId: phoneId, appSecret, verifyToken } = graph.account;
      await owner("whatsapp", phoneId, "4915112345678");
      const ada = graph.person({ name: "Ada", waId: "4915112345678" });
      let channel, door;
      const open = (_config, log) => async () => {
        channel = await openWhatsApp({ token, phoneId, appSecret, verifyToken, apiUrl: graph.url }, log);
        return { ...channel, listen: (opened, signal) => ((door = opened), channel.listen(opened, signal)) };
      };
      const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => channel.webhook.receive(request, door) });
      graph.webhooks.url = server.url + "whatsapp";
      const messenger = messengerOver({ board, folder: home }, { whatsapp: open }, lines);
      await untilSo(() => messenger.states()[0].state === "up");
      await fillUp();
      ada.say("One");
      await untilSo(() => heard() > 0 && graph.webhooks.attempts.length > 0);
      say([graph.webhooks.isIdle, jobs(), graph.webhooks.attempts[0].status]);
      free();
      await untilSo(() => jobs() === 1 && graph.webhooks.isIdle);
      say([jobs(), value("SELECT count(*) FROM arrivals"), graph.webhooks.attempts.at(-1).status]);
      await messenger.close();
      await server.stop(true);
      await graph[Symbol.asyncDispose]();
      board.close();`);
    expect(full).toEqual([false, 0, 503]);
    expect(after).toEqual([1, 1, 200]);
  }, 30_000);
});
