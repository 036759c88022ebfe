// While a job of a chat is at work: that something is being done, and in one message how far it is.
import { readChat, type Chat } from "../shared/chats.ts";
import type { Board } from "../shared/db.ts";
import { openReplies, readReply, setPlaced, type Reply } from "../shared/deliveries.ts";
import { eventsAfter, latestSeq } from "../shared/events.ts";
import type { Log } from "../shared/log.ts";
import type { JobEvent } from "../shared/types.ts";
import type { Channel } from "./channels/channel.ts";

export type ProgressDesk = {
  readonly board: Board;
  /** By `name:account`. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly log: Log;
};

export type Progress = {
  /** This account can be spoken to from now on. */
  readonly welcome: (key: string) => void;
  /** There may be new events; cheap when there are none. */
  readonly pump: () => void;
  /** Nothing more is said of this job's progress; resolves to the message that showed it. */
  readonly end: (jobId: string) => Promise<string | null>;
  readonly close: () => Promise<void>;
};

/** What is done sooner than this needs no message. */
const QUIET_MS = 1_500;
/** Platforms forget that somebody is typing after 5 s. */
const HINT_MS = 4_000;
const BATCH = 500;

export function createProgress(desk: ProgressDesk): Progress {
  const stop = new AbortController();
  const shows = new Map<string, Show>();
  let seen = desk.board.read(latestSeq);

  const begin = (reply: Reply): void => {
    const chat = desk.board.read((tx) => readChat(tx, reply.chatId));
    const channel = chat === null ? undefined : desk.channels.get(`${chat.channel}:${chat.account}`);
    if (chat !== null && chat.chat !== "" && channel !== undefined)
      shows.set(reply.jobId, new Show(desk, chat, channel, reply, stop.signal));
  };

  const take = (event: JobEvent): void => {
    if (event.conversationId === null) return;
    if (event.kind === "job-created") {
      const reply = desk.board.read((tx) => readReply(tx, event.jobId));
      if (reply !== null) begin(reply);
    } else shows.get(event.jobId)?.take(event);
  };

  const pump = (): void => {
    if (desk.channels.size === 0 || stop.signal.aborted) return;
    for (;;) {
      const events = desk.board.read((tx) => eventsAfter(tx, seen, BATCH));
      for (const event of events) take(event);
      seen = events.at(-1)?.seq ?? seen;
      if (events.length < BATCH) return;
    }
  };

  const end = async (jobId: string): Promise<string | null> => {
    const show = shows.get(jobId);
    shows.delete(jobId);
    return (await show?.end()) ?? null;
  };

  // What was at work when the last core ended.
  const welcome = (key: string): void => {
    for (const reply of desk.board.read(openReplies)) if (reply.chatId.startsWith(`${key}:`)) begin(reply);
  };

  return {
    welcome,
    pump,
    end,
    close: async () => {
      stop.abort();
      await Promise.all([...shows.keys()].map(end));
    },
  };
}

/** One job's. */
class Show {
  readonly #desk: ProgressDesk;
  readonly #chat: Chat;
  readonly #channel: Channel;
  readonly #reply: Reply;
  readonly #signal: AbortSignal;
  readonly #steps = new Map<string, { title: string; isDone: boolean }>();
  readonly #hint: ReturnType<typeof setInterval>;
  #state = "Waiting for its turn …";
  #placed: string | null;
  #said = "";
  #timer: ReturnType<typeof setTimeout> | null;
  #work: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(desk: ProgressDesk, chat: Chat, channel: Channel, reply: Reply, signal: AbortSignal) {
    this.#desk = desk;
    this.#chat = chat;
    this.#channel = channel;
    this.#reply = reply;
    this.#signal = signal;
    this.#placed = reply.placed;
    this.#timer = setTimeout(() => this.#tick(), QUIET_MS);
    this.#hint = setInterval(() => this.#type(), HINT_MS);
    this.#type();
  }

  take(event: JobEvent): void {
    if (event.kind === "job-started") this.#begin("Working …");
    if (event.kind === "job-requeued") this.#begin("Waiting for its turn …");
    if (event.kind === "job-retrying") this.#begin(`${event.error.message} Trying again soon …`);
    if (event.kind === "step-started") this.#steps.set(event.step, { title: event.title, isDone: false });
    if (event.kind === "step-finished") this.#steps.set(event.step, { title: event.title, isDone: true });
    if (event.kind === "job-completed" || event.kind === "job-failed" || event.kind === "job-deleted") void this.end();
    // Before the quiet time is over, and between two changes, it waits.
    if (this.#timer === null) this.#tick();
  }

  /** The message that showed it, once whatever is under way is over. */
  async end(): Promise<string | null> {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    clearInterval(this.#hint);
    await this.#work;
    return this.#placed;
  }

  #begin(state: string): void {
    this.#state = state;
    this.#steps.clear();
  }

  #tick(): void {
    this.#timer = null;
    const { progress, can } = this.#channel;
    const words = this.#words();
    if (this.#isOver || progress === null || words === this.#said) return;
    this.#said = words;
    this.#timer = setTimeout(() => this.#tick(), can.changeGapMs);
    this.#work = this.#work
      .then(() => this.#show(words))
      .catch((error: unknown) => {
        // Only what is nice to know is lost.
        this.#desk.log.debug("progress-not-shown", { job: this.#reply.jobId, error });
      });
  }

  async #show(words: string): Promise<void> {
    const { progress } = this.#channel;
    if (this.#isOver || progress === null) return;
    const buttons = [{ title: "Stop", action: `stop:${this.#reply.jobId}` }];
    if (this.#placed !== null) {
      await progress.change(this.#chat.chat, this.#placed, words, buttons, this.#signal);
      return;
    }
    const placed = await progress.place(this.#chat.chat, words, buttons, this.#signal);
    this.#placed = placed;
    await setPlaced(this.#desk.board, this.#reply.jobId, placed);
  }

  #words(): string {
    const steps = [...this.#steps.values()].map(({ title, isDone }) => `${isDone ? "✅" : "▸"} ${title}`);
    return [`⏳ ${this.#state}`, ...steps].join("\n");
  }

  #type(): void {
    // Best effort: nobody misses it.
    this.#channel.hint(this.#chat.chat, "typing", this.#reply.askedBy, this.#signal).catch(() => undefined);
  }
}
