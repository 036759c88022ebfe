// Deals with what was let in: commands and presses at once, messages one after the other. One chat waits for no other.
import { arrivalsOf, chatsWaiting, closeArrival, waitingAfter, type KeptArrival } from "../shared/arrivals.ts";
import { readChat, type Chat } from "../shared/chats.ts";
import { AppError } from "../shared/errors.ts";
import { pause } from "../shared/stop.ts";
import type { Channel } from "./channels/channel.ts";
import { runCommand } from "./chat_commands.ts";
import { Kept } from "./door.ts";
import { attendInTurn, isInTurn } from "./intake.ts";
import { commandIn } from "./intent.ts";
import { say } from "./outbox.ts";
import { press } from "./presses.ts";
import type { RequestDesk } from "./requests.ts";

export type AttendantDesk = RequestDesk;

export type Attendant = {
  /** This account can be spoken to from now on. */
  readonly welcome: (key: string) => void;
  /** Something new may have been let in; cheap when nothing was. */
  readonly pump: () => void;
  readonly close: () => Promise<void>;
};

/** Chats that are begun with in one turn of the event loop: core has others to answer. */
const AT_ONCE = 50;
/** What came since the last look is read in such batches. */
const MOST_FRESH = 1_000;
/** A command that could not be done is tried again. */
const AGAIN_MS = 10_000;
/** What was overlooked is not missed: everything that waits is looked at so often. */
const NET_MS = 60_000;

export function createAttendant(desk: AttendantDesk): Attendant {
  const lanes = new Lanes(desk);
  return { welcome: (key) => lanes.welcome(key), pump: () => lanes.pump(), close: () => lanes.close() };
}

class Lanes {
  readonly #desk: AttendantDesk;
  readonly #stop = new AbortController();
  /** By chat, for its messages; by `chat now` for what waits behind nothing; by `chat again` for what failed of that. */
  readonly #lanes = new Map<string, Promise<void>>();
  /** Lanes that are to be begun again, as something came while they were at work. */
  readonly #missed = new Set<string>();
  /** By chat: up to where it was looked for what waits behind nothing. */
  readonly #looked = new Map<string, number>();
  /** Chats that are to be looked at. */
  readonly #due = new Set<string>();
  readonly #net: ReturnType<typeof setInterval>;
  #isLooking = false;
  #seen = 0;

  constructor(desk: AttendantDesk) {
    this.#desk = desk;
    this.#net = setInterval(() => this.#lookAtAll(), NET_MS);
  }

  welcome(key: string): void {
    this.#look(this.#desk.board.read(chatsWaiting).filter((id) => id.startsWith(`${key}:`)));
  }

  pump(): void {
    if (this.#stop.signal.aborted || this.#desk.channels.size === 0) return;
    const { chatIds, seq } = this.#desk.board.read((tx) => waitingAfter(tx, this.#seen));
    // Numbers begin anew when nothing is kept any more.
    const isAnew = seq < this.#seen;
    this.#seen = seq;
    if (isAnew) this.#lookAtAll();
    else this.#look(chatIds);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#net);
    await Promise.all(this.#lanes.values());
  }

  #lookAtAll(): void {
    this.#looked.clear();
    this.#look(this.#desk.board.read(chatsWaiting));
  }

  #look(chatIds: Iterable<string>): void {
    for (const id of chatIds) this.#due.add(id);
    if (this.#isLooking || this.#due.size === 0) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      if (this.#stop.signal.aborted) return;
      for (const id of [...this.#due].slice(0, AT_ONCE)) {
        this.#due.delete(id);
        this.#begin(`${id} now`, id, () => this.#attendNow(id));
        this.#begin(id, id, () => this.#attendInTurn(id));
      }
      this.#look([]);
    });
  }

  #begin(lane: string, id: string, work: () => Promise<void>): void {
    if (this.#lanes.has(lane)) {
      this.#missed.add(lane);
      return;
    }
    const done = work()
      .catch(async (error: unknown) => {
        this.#desk.log.error("attendant-failed", { lane, error });
        await pause(AGAIN_MS, this.#stop.signal);
        this.#missed.add(lane);
      })
      .finally(() => {
        this.#lanes.delete(lane);
        if (this.#missed.delete(lane)) this.#look([id]);
      });
    this.#lanes.set(lane, done);
  }

  /** Messages, in the order of their coming. */
  async #attendInTurn(id: string): Promise<void> {
    const [, channel] = this.#chatOf(id);
    if (channel !== null) await attendInTurn(this.#desk, channel, id, this.#stop.signal);
  }

  /** Commands and presses: they wait behind nothing, not even behind each other's trouble. */
  async #attendNow(id: string): Promise<void> {
    for (const arrival of this.#freshIn(id)) {
      const [chat, channel] = this.#chatOf(id);
      if (chat === null || channel === null || this.#stop.signal.aborted) return;
      try {
        await attendOne(this.#desk, channel, chat, arrival, this.#stop.signal);
      } catch (error) {
        this.#desk.log.error("attendant-failed", { lane: `${id} now`, error });
        this.#begin(`${id} again`, id, () => this.#tryAgain(id));
      }
    }
  }

  async #tryAgain(id: string): Promise<void> {
    await pause(AGAIN_MS, this.#stop.signal);
    this.#looked.delete(id);
    this.#missed.add(`${id} again`);
  }

  #chatOf(id: string): readonly [Chat | null, Channel | null] {
    const chat = this.#desk.board.read((tx) => readChat(tx, id));
    return [chat, (chat && this.#desk.channels.get(`${chat.channel}:${chat.account}`)) ?? null];
  }

  /** What came since the last look. */
  #freshIn(id: string): KeptArrival[] {
    const after = this.#looked.get(id) ?? 0;
    const fresh = this.#desk.board.read((tx) => arrivalsOf(tx, id, "waiting", { after, limit: MOST_FRESH }));
    const last = fresh.at(-1);
    if (last !== undefined) this.#looked.set(id, last.seq);
    if (fresh.length === MOST_FRESH) this.#missed.add(`${id} now`);
    return fresh.filter((arrival) => !isForLater(arrival));
  }
}

function isForLater({ body }: KeptArrival): boolean {
  const kept = Kept.safeParse(body);
  return kept.success && isInTurn(kept.data);
}

async function attendOne(
  desk: AttendantDesk,
  channel: Channel,
  chat: Chat,
  { seq, body }: KeptArrival,
  signal: AbortSignal,
): Promise<void> {
  const kept = Kept.safeParse(body);
  if (!kept.success) await desk.board.write((tx) => void closeArrival(tx, seq));
  else if (kept.data.kind === "press") await pressOrSayWhyNot(desk, channel, chat, seq, kept.data, signal);
  else {
    const command = commandIn(kept.data);
    if (command !== null) await runCommand(desk, chat, seq, command);
  }
}

/** The button is still there to be pressed again. */
async function pressOrSayWhyNot(
  desk: AttendantDesk,
  channel: Channel,
  chat: Chat,
  seq: number,
  pressed: Extract<Kept, { kind: "press" }>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await press(desk, channel, chat, seq, pressed, signal);
  } catch (error) {
    if (!(error instanceof AppError) || signal.aborted) throw error;
    await desk.board.write((tx) => {
      if (closeArrival(tx, seq)) say(desk, tx, chat.id, `arrival:${seq}`, error.message, []);
    });
    desk.onSaid();
    // Best effort: the answer is on its way.
    await channel.acknowledge(pressed.pressId, "", signal).catch(() => undefined);
  }
}
