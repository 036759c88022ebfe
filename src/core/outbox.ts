// Says what is to be said: one lane a chat, in order, over kills and outages. What counts is in the table.
import { artifactsOfJob, readArtifact } from "../shared/artifacts.ts";
import { readChat, type Chat } from "../shared/chats.ts";
import type { Board, Tx } from "../shared/db.ts";
import {
  beginDelivery,
  chatsOpen,
  endAttempt,
  MOST_ATTEMPTS,
  expandDelivery,
  nextDelivery,
  queueDelivery,
  readReply,
  rememberPlaced,
  suspectSending,
  type Delivery,
} from "../shared/deliveries.ts";
import { readJob } from "../shared/jobs.ts";
import type { Log } from "../shared/log.ts";
import { pause } from "../shared/stop.ts";
import { viewJob } from "../shared/views.ts";
import { DeliveryError, type Channel, type Order, type OutgoingFile } from "./channels/channel.ts";
import { Operation } from "./channels/operation.ts";
import { render } from "./render.ts";
import { replyOf } from "./reply.ts";

export type OutboxDesk = {
  readonly board: Board;
  /** By `name:account`. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly now: () => number;
  readonly log: Log;
  /** The project's folder with data/ and storage/. */
  readonly home: string;
  /** Where a conversation is on the dashboard. */
  readonly linkTo: (conversationId: string | null) => string;
  /** Nothing more is said of this job's progress; resolves to the message that showed it. */
  readonly endProgress: (jobId: string) => Promise<string | null>;
};

export type Outbox = {
  /** This account can be spoken to from now on. */
  readonly welcome: (key: string) => void;
  /** Something may be there to be said; cheap when nothing is. */
  readonly pump: () => void;
  /** Resolves when nothing is under way any more. */
  readonly close: () => Promise<void>;
};

/** Statement. Words of ours in a chat; `id` names them, so that they are said once. */
export function say(
  desk: Pick<OutboxDesk, "channels" | "now">,
  tx: Tx,
  chat: string,
  id: string,
  markdown: string,
  actions: readonly { readonly title: string; readonly action: string }[],
): void {
  const channel = [...desk.channels].find(([key]) => chat.startsWith(`${key}:`))?.[1];
  if (channel === undefined) return;
  render({ markdown, files: [], actions: [...actions], dashboard: "" }, channel.can).forEach((operation, index) =>
    queueDelivery(tx, { id: `${id}.${index}`, chatId: chat, operation }, desk.now()),
  );
}

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
const GIVE_UP_MS = 86_400_000;
/** After the platform said that it does not know us. */
const REFUSED_MS = 60_000;
/** A timer knows nothing of a clock that is set. */
const LONGEST_WAIT_MS = 30_000;

export function createOutbox(desk: OutboxDesk): Outbox {
  const outbox = new Lanes(desk);
  return { welcome: (key) => outbox.welcome(key), pump: () => outbox.pump(), close: () => outbox.close() };
}

class Lanes {
  readonly #desk: OutboxDesk;
  readonly #stop = new AbortController();
  /** By chat; and by `name:account` while what was left of it is being marked. */
  readonly #lanes = new Map<string, Promise<void>>();
  /** By `name:account`: until when nothing is sent (ms since the epoch). */
  readonly #pausedUntil = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(desk: OutboxDesk) {
    this.#desk = desk;
  }

  /** What was being sent when the last core died waits for what the platform may still tell of it. */
  welcome(key: string): void {
    const echoMs = this.#desk.channels.get(key)?.can.echoMs ?? 0;
    if (echoMs === 0) return;
    const marking = this.#mark(key, echoMs).finally(() => {
      this.#lanes.delete(key);
      this.pump();
    });
    this.#lanes.set(key, marking);
  }

  /** Nothing is said on this account before it is done. Never rejects. */
  async #mark(key: string, echoMs: number): Promise<void> {
    const { board, now, log } = this.#desk;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await board.write((tx) => suspectSending(tx, `${key}:`, now() + echoMs));
        return;
      } catch (error) {
        log.error("outbox-failed", { account: key, error });
        await pause(FIRST_BACKOFF_MS, signal);
      }
    }
  }

  pump(): void {
    if (this.#stop.signal.aborted || this.#desk.channels.size === 0) return;
    for (const chatId of this.#desk.board.read(chatsOpen)) {
      if (this.#lanes.has(chatId)) continue;
      const lane = this.#run(chatId).finally(() => {
        this.#lanes.delete(chatId);
      });
      this.#lanes.set(chatId, lane);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.all(this.#lanes.values());
  }

  /** Until nothing is left to be said in this chat, or it has to wait. Never rejects. */
  async #run(chatId: string): Promise<void> {
    const { board, channels, log } = this.#desk;
    try {
      while (!this.#stop.signal.aborted) {
        const [chat, next] = board.read((tx) => [readChat(tx, chatId), nextDelivery(tx, chatId)]);
        if (chat === null || chat.chat === "" || next === null || next.state === "held") return;
        const key = `${chat.channel}:${chat.account}`;
        const channel = channels.get(key);
        if (channel === undefined || this.#lanes.has(key)) return;
        const notBefore = Math.max(next.notBefore, this.#pausedUntil.get(key) ?? 0);
        const waitMs = Math.max(notBefore - this.#desk.now(), channel.waitMs?.(chat.chat) ?? 0);
        if (waitMs > 0) {
          this.#pumpIn(waitMs);
          return;
        }
        await this.#handle(chat, channel, next);
      }
    } catch (error) {
      log.error("outbox-failed", { chat: chatId, error });
      this.#pumpIn(FIRST_BACKOFF_MS);
    }
  }

  #pumpIn(waitMs: number): void {
    const at = performance.now() + Math.min(waitMs, LONGEST_WAIT_MS);
    if (at >= this.#timerAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.pump();
      },
      Math.min(waitMs, LONGEST_WAIT_MS),
    );
  }

  async #handle(chat: Chat, channel: Channel, delivery: Delivery): Promise<void> {
    const operation = Operation.safeParse(delivery.operation);
    if (operation.success) await this.#say(chat, channel, delivery, operation.data);
    else await this.#expand(channel, delivery);
  }

  /** What a job came to, in words and files, as this channel can show it. */
  async #expand(channel: Channel, delivery: Delivery): Promise<void> {
    const { board, now, linkTo, endProgress } = this.#desk;
    const jobId = delivery.jobId ?? "";
    const shown = await endProgress(jobId);
    const { operations, placed } = board.read((tx) => {
      const job = readJob(tx, jobId);
      if (job === null) return { operations: [], placed: null };
      const placed = readReply(tx, jobId)?.placed ?? shown;
      // Who stopped it has been answered; only what still shows its progress is to say so.
      if (job.output?.error?.code === "cancelled" && placed === null) return { operations: [], placed };
      const reply = replyOf(viewJob(tx, job), artifactsOfJob(tx, jobId), linkTo(job.conversationId));
      return { operations: render(reply, channel.can), placed };
    });
    await expandDelivery(board, delivery, operations, placed, now());
  }

  async #say(chat: Chat, channel: Channel, delivery: Delivery, operation: Operation): Promise<void> {
    const { board, now, log } = this.#desk;
    if (!(await beginDelivery(board, delivery.id))) return;
    const order: Order = {
      id: delivery.id,
      chat: chat.chat,
      operation,
      placed: delivery.placed,
      isUnresolved: delivery.state === "sending",
      fileOf: (artifact) => this.#fileOf(artifact),
      onPlaced: (platformId) => rememberPlaced(board, delivery.id, platformId),
    };
    try {
      const platformId = await channel.deliver(order, this.#stop.signal);
      await endAttempt(board, delivery.id, { outcome: "sent", platformId }, now());
    } catch (thrown) {
      // A stop in the middle: nobody knows, and the next start asks.
      if (this.#stop.signal.aborted) return;
      const error =
        thrown instanceof DeliveryError ? thrown : new DeliveryError("ambiguous", "It broke.", { cause: thrown });
      log.warn("delivery-failed", { delivery: delivery.id, failure: error.failure, error });
      await this.#fail(chat, channel, delivery, operation, error);
    }
  }

  async #fail(
    chat: Chat,
    channel: Channel,
    delivery: Delivery,
    operation: Operation,
    error: DeliveryError,
  ): Promise<void> {
    const { board, now } = this.#desk;
    const key = `${chat.channel}:${chat.account}`;
    const attempts = delivery.attempts + 1;
    const waitMs = error.retryAfterMs ?? backoff(attempts);
    if (error.isForAll || error.failure === "auth")
      this.#pausedUntil.set(key, now() + (error.failure === "auth" ? REFUSED_MS : waitMs));
    const isOver = attempts >= MOST_ATTEMPTS || now() - delivery.createdAt > GIVE_UP_MS;
    const mayBeTried = error.failure === "not_sent" || error.failure === "ambiguous" || error.failure === "auth";
    const failure = { error: error.message, notBefore: now() + waitMs };
    if (error.failure === "window") {
      await endAttempt(board, delivery.id, { ...failure, outcome: "held" }, now());
      return;
    }
    if (mayBeTried && (!isOver || error.failure === "auth")) {
      const isUnknown = error.failure === "ambiguous";
      const notBefore = isUnknown ? now() + Math.max(waitMs, channel.can.echoMs) : failure.notBefore;
      await endAttempt(board, delivery.id, { ...failure, notBefore, outcome: isUnknown ? "unknown" : "later" }, now());
      return;
    }
    await endAttempt(board, delivery.id, { ...failure, outcome: "failed" }, now());
    if (operation.kind !== "text") await this.#apologise(chat, channel, delivery, error);
  }

  /** A picture or file that cannot be sent is not passed over in silence. */
  async #apologise(chat: Chat, channel: Channel, delivery: Delivery, error: DeliveryError): Promise<void> {
    const { board, now, linkTo } = this.#desk;
    const markdown = `A file could not be sent here. ${error.message} It is in the dashboard: ${linkTo(chat.conversationId)}`;
    const operations = render({ markdown, files: [], actions: [], dashboard: "" }, channel.can);
    await board.write((tx) =>
      operations.forEach((operation, index) =>
        queueDelivery(tx, { id: `${delivery.id}.sorry.${index}`, chatId: chat.id, operation }, now()),
      ),
    );
  }

  #fileOf(id: string): OutgoingFile {
    const artifact = this.#desk.board.read((tx) => readArtifact(tx, id));
    if (artifact === null) throw new DeliveryError("permanent", "The file is not there any more.");
    const { path, name, mediaType, bytes } = artifact;
    return { path: `${this.#desk.home}/${path}`, name, mediaType, bytes };
  }
}

const backoff = (attempts: number): number =>
  Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempts - 1)) * (0.75 + 0.5 * Math.random());
