// Says what is to be said: one lane a chat, in order, over kills and outages. What counts is in the table.
import { artifactsOfJob, readArtifact } from "../shared/artifacts.ts";
import { readChat, type Chat } from "../shared/chats.ts";
import type { Board, Tx } from "../shared/db.ts";
import {
  beginDelivery,
  chatsAfter,
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
import { literal } from "./markdown.ts";
import { render } from "./render.ts";
import { replyOf } from "./reply.ts";

export type OutboxDesk = {
  readonly board: Board;
  /** By `name:account`. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly now: () => number;
  /** Ms that only ever grow; waits go by them, because the clock may be set. */
  readonly monotonic: () => number;
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
  /** Something new may be there to be said; cheap when nothing is. */
  readonly pump: () => void;
  /** What waited in these chats may go now. */
  readonly wake: (chatIds: Iterable<string>) => void;
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
/** What was refused had no effect: it is tried again every minute, for a day. */
const MAX_BACKOFF_MS = 60_000;
const GIVE_UP_MS = 86_400_000;
const MOST_REFUSALS = 12;
/** What may have had its effect is tried again less and less often, for half a day. */
const MAX_DOUBT_MS = 3_600_000;
/** After the platform said that it does not know us. */
const REFUSED_MS = 60_000;
/** No wait that was written down is believed for longer: the clock may have been set since. */
const LONGEST_WAIT_MS = 3_600_000;
/** A timer that is late is not missed: everything open is looked at so often. */
const NET_MS = 60_000;

export function createOutbox(desk: OutboxDesk): Outbox {
  const outbox = new Lanes(desk);
  return {
    welcome: (key) => outbox.welcome(key),
    pump: () => outbox.pump(),
    wake: (chatIds) => outbox.wake(chatIds),
    close: () => outbox.close(),
  };
}

class Lanes {
  readonly #desk: OutboxDesk;
  readonly #stop = new AbortController();
  /** By chat; and by `name:account` while what was left of it is being marked. */
  readonly #lanes = new Map<string, Promise<void>>();
  /** By chat: when it is to be looked at again (monotonic ms). */
  readonly #due = new Map<string, number>();
  /** By `name:account`: until when nothing is sent (monotonic ms). */
  readonly #pausedUntil = new Map<string, number>();
  /** By delivery: until when it waits, and how often it was refused in a row, as this process knows it. */
  readonly #waits = new Map<string, { readonly until: number; readonly refusals: number }>();
  readonly #net: ReturnType<typeof setInterval>;
  #seen = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(desk: OutboxDesk) {
    this.#desk = desk;
    this.#net = setInterval(() => this.wake(desk.board.read(chatsOpen)), NET_MS);
  }

  /** What was being sent when the last core died waits for what the platform may still tell of it. */
  welcome(key: string): void {
    const echoMs = this.#desk.channels.get(key)?.can.echoMs ?? 0;
    const open = () => this.#desk.board.read(chatsOpen).filter((chatId) => chatId.startsWith(`${key}:`));
    if (echoMs === 0) {
      this.wake(open());
      return;
    }
    const marking = this.#mark(key, echoMs).finally(() => {
      this.#lanes.delete(key);
      this.wake(open());
    });
    this.#lanes.set(key, marking);
  }

  /** Nothing is said on this account before it is done. Never rejects. */
  async #mark(key: string, echoMs: number): Promise<void> {
    const { board, now } = this.#desk;
    await this.#insist(() => board.write((tx) => suspectSending(tx, `${key}:`, now() + echoMs)));
  }

  pump(): void {
    if (this.#stop.signal.aborted || this.#desk.channels.size === 0) return;
    const { chatIds, seq } = this.#desk.board.read((tx) => chatsAfter(tx, this.#seen));
    this.#seen = seq;
    this.wake(chatIds);
    if (this.#desk.monotonic() >= this.#timerAt) this.#wakeDue();
  }

  wake(chatIds: Iterable<string>): void {
    if (this.#stop.signal.aborted) return;
    for (const chatId of chatIds) this.#begin(chatId);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#net);
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.all(this.#lanes.values());
  }

  #begin(chatId: string): void {
    this.#due.delete(chatId);
    if (this.#lanes.has(chatId)) {
      // What is new may have come after its last look.
      this.#lookIn(chatId, 0);
      return;
    }
    const lane = this.#run(chatId).finally(() => {
      this.#lanes.delete(chatId);
      if ((this.#due.get(chatId) ?? Number.POSITIVE_INFINITY) <= this.#desk.monotonic()) this.#begin(chatId);
    });
    this.#lanes.set(chatId, lane);
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
        const waitMs = Math.max(this.#waitOf(key, next), channel.waitMs?.(chat.chat) ?? 0);
        if (waitMs > 0) {
          this.#lookIn(chatId, waitMs);
          return;
        }
        await this.#handle(chat, channel, next);
      }
    } catch (error) {
      log.error("outbox-failed", { chat: chatId, error });
      this.#lookIn(chatId, FIRST_BACKOFF_MS);
    }
  }

  /** By the clock of this process where it made the wait: the machine's may be set. */
  #waitOf(key: string, { id, notBefore }: Delivery): number {
    const paused = (this.#pausedUntil.get(key) ?? 0) - this.#desk.monotonic();
    const known = this.#waits.get(id);
    const own =
      known === undefined
        ? Math.min(notBefore - this.#desk.now(), LONGEST_WAIT_MS)
        : known.until - this.#desk.monotonic();
    return Math.max(paused, own);
  }

  #lookIn(chatId: string, waitMs: number): void {
    const at = this.#desk.monotonic() + waitMs;
    this.#due.set(chatId, Math.min(at, this.#due.get(chatId) ?? at));
    this.#setTimer(at);
  }

  #setTimer(at: number): void {
    if (at >= this.#timerAt || this.#stop.signal.aborted) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#wakeDue(), Math.max(0, at - this.#desk.monotonic()));
  }

  #wakeDue(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#desk.monotonic();
    const due = [...this.#due].filter(([, at]) => at <= now).map(([chatId]) => chatId);
    // A lane that is at work looks by itself when it ends.
    this.wake(due.filter((chatId) => !this.#lanes.has(chatId)));
    const rest = [...this.#due.values()].filter((at) => at > now);
    if (rest.length > 0) this.#setTimer(rest.reduce((one, other) => Math.min(one, other)));
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
      this.#waits.delete(delivery.id);
      // It has been said: whatever is wrong with the table, it is not said again for that.
      await this.#insist(() => endAttempt(board, delivery.id, { outcome: "sent", platformId }, now()));
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
    const outcome = this.#outcomeOf(delivery, error);
    const refusals = outcome === "later" ? (this.#waits.get(delivery.id)?.refusals ?? 0) + 1 : 0;
    const most = outcome === "unknown" ? MAX_DOUBT_MS : MAX_BACKOFF_MS;
    const asked = error.failure === "auth" ? REFUSED_MS : error.retryAfterMs;
    const least = outcome === "unknown" ? channel.can.echoMs : 0;
    const waitMs = Math.max(least, asked ?? backoff(outcome === "unknown" ? delivery.attempts + 1 : refusals, most));
    const until = this.#desk.monotonic() + waitMs;
    if (error.isForAll || error.failure === "auth") this.#pausedUntil.set(`${chat.channel}:${chat.account}`, until);
    if (outcome === "later" || outcome === "unknown") this.#waits.set(delivery.id, { until, refusals });
    else this.#waits.delete(delivery.id);
    const end = { outcome, error: error.message, notBefore: now() + waitMs };
    const sorry = outcome === "failed" ? this.#apology(chat, channel, operation, error) : [];
    await this.#insist(() =>
      endAttempt(board, delivery.id, end, now(), (tx) =>
        sorry.forEach((one, index) =>
          queueDelivery(tx, { id: `${delivery.id}.sorry.${index}`, chatId: chat.id, operation: one }, now()),
        ),
      ),
    );
  }

  /** A refusal is given up only after a day, and never in the first minutes: the machine may have slept. */
  #outcomeOf(delivery: Delivery, { failure }: DeliveryError): "later" | "unknown" | "held" | "failed" {
    if (failure === "window") return "held";
    if (failure === "permanent") return "failed";
    if (failure === "ambiguous") return delivery.attempts + 1 >= MOST_ATTEMPTS ? "failed" : "unknown";
    const isOld = this.#desk.now() - delivery.createdAt > GIVE_UP_MS;
    const refusals = this.#waits.get(delivery.id)?.refusals ?? 0;
    return failure === "not_sent" && isOld && refusals + 1 >= MOST_REFUSALS ? "failed" : "later";
  }

  /** Until it is in the table, or we are stopping. */
  async #insist(write: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await write();
        return;
      } catch (error) {
        this.#desk.log.error("outbox-failed", { error });
        await pause(FIRST_BACKOFF_MS, signal);
      }
    }
  }

  /** What cannot be sent is not passed over in silence, and the words beside a picture are said without it. */
  #apology(chat: Chat, channel: Channel, operation: Operation, error: DeliveryError): Operation[] {
    const isText = operation.kind === "text";
    // Words that the platform does not take will not be taken in other words either.
    if (isText && error.failure === "permanent") return [];
    const what = isText ? "An answer" : "A file";
    const link = this.#desk.linkTo(chat.conversationId);
    const sorry = `${what} could not be sent here. ${error.message} It is in the dashboard: ${link}`;
    const markdown = isText || operation.plain === "" ? sorry : `${literal(operation.plain)}\n\n${sorry}`;
    const actions = operation.kind === "album" ? [] : operation.buttons;
    return render({ markdown, files: [], actions, dashboard: "" }, channel.can);
  }

  #fileOf(id: string): OutgoingFile {
    const artifact = this.#desk.board.read((tx) => readArtifact(tx, id));
    if (artifact === null) throw new DeliveryError("permanent", "The file is not there any more.");
    const { path, name, mediaType, bytes } = artifact;
    return { path: `${this.#desk.home}/${path}`, name, mediaType, bytes };
  }
}

const backoff = (attempts: number, most: number): number =>
  Math.min(most, FIRST_BACKOFF_MS * 2 ** (attempts - 1)) * (0.75 + 0.5 * Math.random());
