// A whole messenger between a Telegram and a WhatsApp of this machine, on one clock that stands still until it is moved.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { FakeGraph, type FakeGraphOptions } from "../../../fakes/graph/server.ts";
import { FakeTelegram, type FakeTelegramOptions } from "../../../fakes/telegram/server.ts";
import type { Channel, Door } from "../../../src/core/channels/channel.ts";
import type { OpenChannel } from "../../../src/core/channels/index.ts";
import { openTelegram } from "../../../src/core/channels/telegram/telegram.ts";
import { openWhatsApp } from "../../../src/core/channels/whatsapp/whatsapp.ts";
import { insertArtifact } from "../../../src/shared/artifacts.ts";
import { claimJobs, settleJob, type Claim } from "../../../src/shared/claims.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import type { Board } from "../../../src/shared/db.ts";
import { temporaryBoard } from "../../shared/temporary.ts";
import { messengerOver, untilSo } from "./office.ts";
import { HeldClock } from "./telegram/bot.ts";

/** Ann's chat on Telegram, and Ada's number on WhatsApp: the owners. */
export const ANN = 7;
export const ADA = "4915112345678";

const DELIVERIES = "SELECT id, state, attempts, not_before, error FROM deliveries ORDER BY turn, part";

const START_MS = Date.UTC(2026, 10, 22);

export type Product = { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array };

/** What is due at this time and has not been tried: of each chat what comes next. */
const DUE = `SELECT count(*) AS count FROM deliveries AS one WHERE ended_at IS NULL AND state <> 'held'
  AND (state = 'sending' OR not_before <= ?1) AND NOT (state = 'sending' AND not_before > ?1)
  AND NOT EXISTS (SELECT 1 FROM deliveries AS other WHERE other.chat_id = one.chat_id AND other.ended_at IS NULL
    AND (other.turn < one.turn OR (other.turn = one.turn AND other.part < one.part)))`;
const SENDING = "SELECT count(*) FROM deliveries WHERE state = 'sending' AND not_before <= ?";
/** What is not begun after so many looks is not going to be. */
const QUIET_LOOKS = 10;
const NEXT = "SELECT min(not_before) AS at FROM deliveries WHERE ended_at IS NULL AND not_before > ?";

export type Town = Awaited<ReturnType<typeof openTown>>;

export async function openTown(options: { telegram?: FakeTelegramOptions; graph?: FakeGraphOptions } = {}) {
  const place = temporaryBoard();
  const { board } = place;
  const clock = new HeldClock();
  const now = () => START_MS + clock.nowMs;
  const lines: string[] = [];
  const telegram = new FakeTelegram({ nowMs: now, ...options.telegram });
  const graph = new FakeGraph({ now, retryMs: [1, 10, 50], ...options.graph });
  const hook = openHook(graph);
  const openers = { telegram: onTelegram(telegram, clock), whatsapp: onWhatsApp(graph, clock, now, hook.hang) };
  const open = () => messengerOver(place, openers, lines, { now, monotonic: now });
  const bot = telegram.token.split(":")[0] ?? "";
  await letIn(board, "telegram", bot, String(ANN), "owner");
  await letIn(board, "whatsapp", graph.account.phoneNumberId, ADA, "owner");
  let messenger = open();
  const move = (ms: number): void => {
    clock.move(ms);
    messenger.pump();
  };
  const until = (isSo: () => boolean) => untilSo(isSo, () => [place.rows(DELIVERIES), lines.slice(-15)]);
  /** Whatever is due has been tried, or its channel wants it to wait. */
  const tried = async (): Promise<void> => {
    let quiet = 0;
    await until(() => {
      quiet = place.value(SENDING, now()) === 0 ? quiet + 1 : 0;
      return place.value(DUE, now()) === 0 || quiet === QUIET_LOOKS;
    });
  };
  const ann = telegram.person({ id: ANN, firstName: "Ann" });
  const ada = graph.person({ name: "Ada", waId: ADA });
  const claim = () => claimOf(board, now, () => messenger.pump(), until);
  const finish = async (claimed: Claim, text: string, products: readonly Product[] = []): Promise<void> => {
    await settle(place, claimed, text, products, now());
    messenger.pump();
  };
  const annSees = () => telegram.view(ANN).messages.filter((message) => message.isFromBot);
  return {
    ...place,
    telegram,
    graph,
    clock,
    now,
    lines,
    ann,
    ada,
    get messenger() {
      return messenger;
    },
    move,
    until,
    tried,
    /** Time goes by, from one thing that is due to the next. */
    pass: async (ms: number, stepMs = 60_000): Promise<void> => {
      for (const endsAt = now() + ms; now() < endsAt;) {
        await tried();
        const next = Number(place.value(NEXT, now()) ?? endsAt);
        move(Math.min(next, now() + stepMs, endsAt) - now());
      }
      await tried();
    },
    claim,
    settle: finish,
    fail: async (claimed: Claim, message: string): Promise<void> => {
      const output = { stdout: "", text: "", artifacts: [] };
      await settleJob(board, claimed, { output, error: { code: "code", message } }, now());
      messenger.pump();
    },
    /** Somebody more may write. */
    welcome: (channel: "telegram" | "whatsapp", person: string) =>
      letIn(board, channel, channel === "telegram" ? bot : graph.account.phoneNumberId, person, "allowed"),
    /** A question and its answer. */
    annAsks: async (answer: string, products: readonly Product[] = []): Promise<void> => {
      ann.say(`Say ${answer}`);
      await finish(await claim(), answer, products);
    },
    adaAsks: async (answer: string): Promise<void> => {
      ada.say(`Say ${answer}`);
      await finish(await claim(), answer);
    },
    /** The next core over the same board. */
    restart: async () => {
      await messenger.close();
      messenger = open();
    },
    annSees,
    /** But for what is yet to be filled. */
    annReads: () => annSees().flatMap(({ text }) => (text === "…" ? [] : [text])),
    adaReads: () => graph.view(ada).messages.flatMap(({ from, text }) => (from === "business" ? [text] : [])),
    [Symbol.asyncDispose]: async () => {
      await messenger.close();
      await hook.close();
      await Promise.all([telegram[Symbol.asyncDispose](), graph[Symbol.asyncDispose]()]);
      place[Symbol.dispose]();
    },
  };
}

const onTelegram =
  (telegram: FakeTelegram, clock: HeldClock): OpenChannel =>
  (_config, log) =>
  () =>
    openTelegram({ token: telegram.token, apiUrl: telegram.url, webhook: null }, log, clock.timing);

const onWhatsApp =
  (graph: FakeGraph, clock: HeldClock, now: () => number, hang: (channel: Channel, door: Door) => void): OpenChannel =>
  (_config, log) =>
  async () => {
    const { token, phoneNumberId: phoneId, appSecret, verifyToken } = graph.account;
    const settings = { token, phoneId, appSecret, verifyToken, apiUrl: graph.url };
    const surroundings = { wait: clock.timing.pause };
    const channel = await openWhatsApp(settings, log, { now, monotonic: now }, surroundings);
    return {
      ...channel,
      listen: (door, signal) => {
        hang(channel, door);
        return channel.listen(door, signal);
      },
    };
  };

/** Where the fake posts to, whichever core is there. */
function openHook(graph: FakeGraph) {
  let receive: ((request: Request) => Promise<Response>) | null = null;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => receive?.(request) ?? new Response(null, { status: 503 }),
  });
  graph.webhooks.url = `${server.url}whatsapp`;
  return {
    hang: ({ webhook }: Channel, door: Door): void => {
      receive = async (request) => (await webhook?.receive(request, door)) ?? new Response(null, { status: 404 });
    },
    close: () => server.stop(true),
  };
}

const letIn = (board: Board, channel: string, account: string, person: string, standing: "owner" | "allowed") =>
  board.write((tx) => setStanding(tx, { channel, account, person, standing }, 0));

async function claimOf(
  board: Board,
  now: () => number,
  pump: () => void,
  until: (isSo: () => boolean) => Promise<void>,
): Promise<Claim> {
  await until(() => board.read((tx) => tx.get("SELECT count(*) AS n FROM job_run WHERE state = 'ready'"))?.["n"] !== 0);
  const [claim] = await claimJobs(board, "1-a", () => 1, now());
  if (claim === undefined) throw new Error("There was no job.");
  pump();
  return claim;
}

/** As a worker leaves it: the files, and what came of the job. */
async function settle(
  { board, folder }: { readonly board: Board; readonly folder: string },
  claim: Claim,
  text: string,
  products: readonly Product[],
  now: number,
): Promise<void> {
  const facts = products.map(({ name, mediaType, bytes }) => {
    const path = `storage/outputs/${claim.jobId}/${name}`;
    return {
      id: `${claim.jobId}-${name}`,
      jobId: claim.jobId,
      name,
      path,
      mediaType,
      bytes: bytes.length,
      sha256: "0",
    };
  });
  for (const [index, { path }] of facts.entries()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    await Bun.write(join(folder, path), products[index]?.bytes ?? "");
  }
  await board.write((tx) => facts.forEach((one) => insertArtifact(tx, one, now)));
  const output = { stdout: "", text, artifacts: facts.map(({ path }) => path) };
  await settleJob(board, claim, { output, error: null }, now);
}
