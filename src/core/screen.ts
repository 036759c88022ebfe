// What one chat is shown while its jobs are at work: that something is being done, and how far the first of them is.
import type { Chat } from "../shared/chats.ts";
import type { Board } from "../shared/db.ts";
import { setPlaced, type Reply } from "../shared/deliveries.ts";
import type { Log } from "../shared/log.ts";
import type { JobEvent } from "../shared/types.ts";
import { DeliveryError, type Channel } from "./channels/channel.ts";

/** What is done sooner than this needs no message. */
const QUIET_MS = 1_500;
/** Platforms forget that somebody is typing after 5 s. */
const BEAT_MS = 4_000;
/** A timer cannot wait for weeks. */
const LONGEST_HUSH_MS = 86_400_000;

/** By chat and by account: who wants to hear nothing that can be done without, for as long as the platform said. */
export class Hush {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  begin(key: string, ms: number): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.set(
      key,
      setTimeout(() => this.#timers.delete(key), Math.min(ms, LONGEST_HUSH_MS)),
    );
  }

  isOn(...keys: readonly string[]): boolean {
    return keys.some((key) => this.#timers.has(key));
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** One job's. */
type Show = {
  readonly reply: Reply;
  readonly steps: Map<string, { readonly title: string; readonly isDone: boolean }>;
  state: string;
  placed: string | null;
  said: string;
  isOver: boolean;
};

export type ScreenDesk = {
  readonly board: Board;
  readonly log: Log;
  readonly channel: Channel;
  readonly hush: Hush;
  readonly signal: AbortSignal;
};

export class Screen {
  readonly #desk: ScreenDesk;
  #chat: Chat;
  /** By job, in the order of their coming. */
  readonly #shows = new Map<string, Show>();
  #beat: ReturnType<typeof setInterval> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(desk: ScreenDesk, chat: Chat) {
    this.#desk = desk;
    this.#chat = chat;
  }

  /** `chat`: where it is now. */
  add(reply: Reply, chat: Chat): void {
    this.#chat = chat;
    const { placed } = reply;
    const show = { reply, steps: new Map(), state: WAITING, placed, said: "", isOver: false };
    this.#shows.set(reply.jobId, show);
    if (this.#first() === show) this.#turn();
  }

  take(event: JobEvent): void {
    const show = this.#shows.get(event.jobId);
    if (show === undefined) return;
    tell(show, event);
    if (event.kind === "job-completed" || event.kind === "job-failed") this.#finish(show);
    else if (event.kind === "job-deleted") this.#strike(show);
    // Before the quiet time is over, and between two changes, it waits.
    else if (this.#timer === null && this.#first() === show) this.#tick();
  }

  /** Nothing more is shown of this job; resolves to the message that showed it, once whatever is under way is over. */
  async end(jobId: string): Promise<string | null> {
    const show = this.#shows.get(jobId);
    if (show === undefined) return null;
    this.#finish(show);
    this.#shows.delete(jobId);
    await this.#work;
    return show.placed;
  }

  get isEmpty(): boolean {
    return this.#shows.size === 0;
  }

  /** The others wait in silence. */
  #first(): Show | undefined {
    return [...this.#shows.values()].find((show) => !show.isOver);
  }

  #finish(show: Show): void {
    const wasFirst = this.#first() === show;
    show.isOver = true;
    if (wasFirst) this.#turn();
  }

  /** Another job is the first, or none. */
  #turn(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#first() === undefined) {
      if (this.#beat !== null) clearInterval(this.#beat);
      this.#beat = null;
      return;
    }
    this.#timer = setTimeout(() => this.#tick(), QUIET_MS);
    if (this.#beat !== null) return;
    this.#beat = setInterval(() => {
      this.#type();
      if (this.#timer === null) this.#tick();
    }, BEAT_MS);
    this.#type();
  }

  #tick(): void {
    this.#timer = null;
    const show = this.#first();
    const { progress, can } = this.#desk.channel;
    if (show === undefined || progress === null || this.#isHushed()) return;
    const words = wordsOf(show);
    if (words === show.said) return;
    show.said = words;
    this.#timer = setTimeout(() => this.#tick(), can.changeGapMs);
    this.#do(show, () => this.#show(show, words));
  }

  #do(show: Show, work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      // Only what is nice to know is lost.
      this.#desk.log.debug("progress-not-shown", { job: show.reply.jobId, error });
      if (this.#obey(error)) show.said = "";
    });
  }

  async #show(show: Show, words: string): Promise<void> {
    const { board, channel, signal } = this.#desk;
    if (show.isOver || channel.progress === null) return;
    const buttons = [{ title: "Stop", action: `stop:${show.reply.jobId}` }];
    if (show.placed !== null) {
      await channel.progress.change(this.#chat.chat, show.placed, words, buttons, signal);
      return;
    }
    show.placed = await channel.progress.place(this.#chat.chat, words, buttons, signal);
    await setPlaced(board, show.reply.jobId, show.placed);
  }

  /** No answer will take the place of what is shown. */
  #strike(show: Show): void {
    const { channel, signal } = this.#desk;
    this.#finish(show);
    this.#shows.delete(show.reply.jobId);
    this.#do(show, async () => {
      if (show.placed !== null) await channel.progress?.change(this.#chat.chat, show.placed, DELETED, [], signal);
    });
  }

  #type(): void {
    const { channel, signal } = this.#desk;
    if (this.#isHushed()) return;
    // Best effort: nobody misses it.
    channel
      .hint(this.#chat.chat, "typing", this.#first()?.reply.askedBy ?? null, signal)
      .catch((error: unknown) => this.#obey(error));
  }

  /** False: the platform did not ask for silence. */
  #obey(error: unknown): boolean {
    if (!(error instanceof DeliveryError) || error.retryAfterMs === null || this.#desk.signal.aborted) return false;
    this.#desk.hush.begin(error.isForAll ? this.#account : this.#chat.id, error.retryAfterMs);
    return true;
  }

  #isHushed(): boolean {
    return this.#desk.hush.isOn(this.#account, this.#chat.id);
  }

  get #account(): string {
    return `${this.#chat.channel}:${this.#chat.account}`;
  }
}

const WAITING = "Waiting for its turn …";
const DELETED = "Deleted in the dashboard.";

/** What an event changes of what is shown. */
function tell(show: Show, event: JobEvent): void {
  const begin = (state: string): void => {
    show.state = state;
    show.steps.clear();
  };
  if (event.kind === "job-started") begin("Working …");
  if (event.kind === "job-requeued") begin(WAITING);
  if (event.kind === "job-retrying") begin(`${event.error.message} Trying again soon …`);
  if (event.kind === "step-started") show.steps.set(event.step, { title: event.title, isDone: false });
  if (event.kind === "step-finished") show.steps.set(event.step, { title: event.title, isDone: true });
}

function wordsOf({ state, steps }: Show): string {
  return [`⏳ ${state}`, ...[...steps.values()].map(({ title, isDone }) => `${isDone ? "✅" : "▸"} ${title}`)].join(
    "\n",
  );
}
