// While jobs of chats are at work: which chat is shown what. What is shown is in `screen`.
import { readChat } from "../shared/chats.ts";
import type { Board } from "../shared/db.ts";
import { openReplies, readReply, type Reply } from "../shared/deliveries.ts";
import { eventsAfter, latestSeq } from "../shared/events.ts";
import type { Log } from "../shared/log.ts";
import type { JobEvent } from "../shared/types.ts";
import type { Channel } from "./channels/channel.ts";
import { Hush, Screen } from "./screen.ts";

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

const BATCH = 500;

export function createProgress(desk: ProgressDesk): Progress {
  const stop = new AbortController();
  const hush = new Hush();
  /** By chat. */
  const screens = new Map<string, Screen>();
  /** By job: the chat that is shown it. */
  const chats = new Map<string, string>();
  let seen = desk.board.read(latestSeq);

  const begin = (reply: Reply): void => {
    const { board, log } = desk;
    const chat = board.read((tx) => readChat(tx, reply.chatId));
    const channel = chat === null ? undefined : desk.channels.get(`${chat.channel}:${chat.account}`);
    if (chat === null || chat.chat === "" || channel === undefined || chats.has(reply.jobId)) return;
    const screen = screens.get(chat.id) ?? new Screen({ board, log, channel, hush, signal: stop.signal }, chat);
    screens.set(chat.id, screen);
    chats.set(reply.jobId, chat.id);
    screen.add(reply, chat);
  };

  const screenOf = (jobId: string): Screen | undefined => screens.get(chats.get(jobId) ?? "");

  const forget = (jobId: string): void => {
    const chatId = chats.get(jobId) ?? "";
    chats.delete(jobId);
    if (screens.get(chatId)?.isEmpty) screens.delete(chatId);
  };

  const take = (event: JobEvent): void => {
    if (event.conversationId === null) return;
    if (event.kind === "job-created") {
      const reply = desk.board.read((tx) => readReply(tx, event.jobId));
      if (reply !== null) begin(reply);
      return;
    }
    screenOf(event.jobId)?.take(event);
    if (event.kind === "job-deleted") forget(event.jobId);
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
    const ending = screenOf(jobId)?.end(jobId);
    forget(jobId);
    return (await ending) ?? null;
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
      hush.close();
      await Promise.all([...chats.keys()].map(end));
    },
  };
}
