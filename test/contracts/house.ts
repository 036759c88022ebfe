// One whole Sandpiper for all channels: Telegram and WhatsApp are ours on the wire, their owners came by the link.
import { join } from "node:path";
import { z } from "zod";
import { FakeGraph } from "../../fakes/graph/server.ts";
import type { Person as Correspondent } from "../../fakes/graph/person.ts";
import { FakeTelegram } from "../../fakes/telegram/server.ts";
import { freePort } from "../../bench/board/workshop.ts";
import { openBoard, type Board, type Value } from "../../src/shared/db.ts";
import { integer } from "../../src/shared/rows.ts";
import { setStanding } from "../../src/shared/contacts.ts";
import { startSandpiper, type Sandpiper } from "../e2e/sandpiper.ts";
import { until } from "../e2e/until.ts";
import { WITHIN_MS } from "./drivers/driver.ts";

export type House = AsyncDisposable & {
  readonly sandpiper: Sandpiper;
  readonly telegram: FakeTelegram;
  readonly graph: FakeGraph;
  /** The board of the running house, opened a second time. */
  readonly board: Board;
  readonly count: (what: string, ...values: Value[]) => number;
  /** One at a time: whatever comes into the board from the web meanwhile is of this work. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  /** Somebody on a platform may write from now on. */
  readonly letIn: (channel: string, account: string, person: string) => Promise<void>;
};

const RETRY_MS = [50, 100, 200];
const States = z.object({ channels: z.array(z.object({ name: z.string(), state: z.string() })) });
const Link = z.object({ url: z.url() });

export async function openHouse(): Promise<House> {
  const telegram = new FakeTelegram();
  const port = freePort();
  const graph = new FakeGraph({ webhook: `http://127.0.0.1:${port}/whatsapp`, retryMs: RETRY_MS });
  const sandpiper = await startSandpiper({ ...settingsOf(telegram, graph, port), SANDPIPER_CONCURRENCY: "3" });
  const board = openBoard(join(sandpiper.home, "data/jobs.db"));
  let line: Promise<unknown> = Promise.resolve();
  const house: House = {
    sandpiper,
    telegram,
    graph,
    board,
    count: (what, ...values) =>
      board.read((tx) => integer.parse(tx.get(`SELECT count(*) AS count FROM ${what}`, ...values)?.["count"])),
    alone: (work) => {
      const done = line.then(work, work);
      line = done.catch(() => undefined);
      return done;
    },
    letIn: (channel, account, person) =>
      board.write((tx) => void setStanding(tx, { channel, account, person, standing: "allowed" }, Date.now())),
    [Symbol.asyncDispose]: async () => {
      board.close();
      await sandpiper[Symbol.asyncDispose]();
      await Promise.all([telegram[Symbol.asyncDispose](), graph[Symbol.asyncDispose]()]);
    },
  };
  await Promise.all([linkTelegram(house), linkWhatsApp(house)]);
  return house;
}

function settingsOf(telegram: FakeTelegram, { account, url }: FakeGraph, port: number) {
  return {
    SANDPIPER_TELEGRAM_TOKEN: telegram.token,
    SANDPIPER_TELEGRAM_API: telegram.url,
    SANDPIPER_WHATSAPP_TOKEN: account.token,
    SANDPIPER_WHATSAPP_PHONE_ID: account.phoneNumberId,
    SANDPIPER_WHATSAPP_APP_SECRET: account.appSecret,
    SANDPIPER_WHATSAPP_VERIFY_TOKEN: account.verifyToken,
    SANDPIPER_WHATSAPP_API: url,
    SANDPIPER_WEBHOOK_PORT: String(port),
  };
}

async function linkTelegram(house: House): Promise<void> {
  const owner = house.telegram.person({ id: 1_000, firstName: "Owner" });
  owner.start(new URL(await linkTo(house, "telegram")).searchParams.get("start") ?? "");
  await until(() => house.telegram.view(owner.chatId).messages.some(({ isFromBot }) => isFromBot), WITHIN_MS);
}

async function linkWhatsApp(house: House): Promise<void> {
  const owner: Correspondent = house.graph.person({ name: "Owner" });
  owner.say(new URL(await linkTo(house, "whatsapp")).searchParams.get("text") ?? "");
  await until(() => house.graph.view(owner).messages.some(({ from }) => from === "business"), WITHIN_MS);
}

/** Once the channel is up. */
async function linkTo({ sandpiper }: House, name: string): Promise<string> {
  await until(async () => {
    const { channels } = States.parse(await (await sandpiper.fetch("/api/channels")).json());
    return channels.some((one) => one.name === name && one.state === "up");
  }, WITHIN_MS);
  const init = { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } };
  return Link.parse(await (await sandpiper.fetch(`/api/channels/${name}/link`, init)).json()).url;
}
