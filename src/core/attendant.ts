// Deals with what was let in: commands and presses at once, messages one after the other, each a job in one transaction.
import { arrivalsOf, chatsWaiting, closeArrival, markAsked, type KeptArrival } from "../shared/arrivals.ts";
import { readChat, type Chat } from "../shared/chats.ts";
import { CHOICES } from "../shared/choices.ts";
import type { Tx } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import { pause } from "../shared/stop.ts";
import type { UploadedFile } from "../shared/types.ts";
import { insertUpload } from "../shared/uploads.ts";
import type { Channel, IncomingFile } from "./channels/channel.ts";
import { runCommand } from "./chat_commands.ts";
import { Kept } from "./door.ts";
import { commandIn } from "./intent.ts";
import { literal } from "./markdown.ts";
import { say } from "./outbox.ts";
import { press } from "./presses.ts";
import { askedIn, choose, makeJob, type RequestDesk } from "./requests.ts";

export type AttendantDesk = RequestDesk;

export type Attendant = {
  /** Something may have been let in; cheap when nothing was. */
  readonly pump: () => void;
  readonly close: () => Promise<void>;
};

/** Files that belong together come one by one. */
const GROUP_MS = 1_000;
/** A longer text is cut by the platform's own program; the rest follows at once. */
const LONG_TEXT = 4_000;
const LONG_TEXT_MS = 1_500;
/** Messages that are looked through for what belongs together. */
const MOST_TOGETHER = 50;
/** A file that cannot be fetched is asked for so often. */
const FETCH_ATTEMPTS = 4;
const FETCH_PAUSE_MS = 1_000;

type Message = Extract<Kept, { kind: "message" }>;
type Waiting = { readonly seq: number; readonly at: number; readonly message: Message };

export function createAttendant(desk: AttendantDesk): Attendant {
  const stop = new AbortController();
  const busy = new Map<string, Promise<void>>();
  /** By chat whose messages are dealt with: up to where it was looked for what waits behind none of them. */
  const looked = new Map<string, number>();

  const pump = (): void => {
    if (stop.signal.aborted || desk.channels.size === 0) return;
    for (const id of desk.board.read(chatsWaiting)) {
      const chat = desk.board.read((tx) => readChat(tx, id));
      const channel = chat === null ? undefined : desk.channels.get(`${chat.channel}:${chat.account}`);
      if (chat === null || channel === undefined) continue;
      // Each lane ends when nothing of its own is left, so that looking again afterwards comes to an end, too.
      const urgent = busy.has(`${id} now`) ? [] : freshIn(id).filter((arrival) => toWaiting(arrival).length === 0);
      if (urgent.length > 0) begin(`${id} now`, id, () => attendNow(desk, channel, chat, urgent, stop.signal));
      if (!busy.has(id) && desk.board.read((tx) => waitingIn(tx, id)).length > 0)
        begin(id, id, () => attendInTurn(desk, channel, id, stop.signal));
    }
  };

  const freshIn = (id: string): KeptArrival[] => {
    const fresh = desk.board.read((tx) => arrivalsOf(tx, id, "waiting", { after: looked.get(id) ?? 0 }));
    const last = fresh.at(-1);
    if (last !== undefined) looked.set(id, last.seq);
    return fresh;
  };

  const begin = (lane: string, id: string, work: () => Promise<void>): void => {
    const done = work()
      .catch(async (error: unknown) => {
        desk.log.error("attendant-failed", { lane, error });
        await pause(FETCH_PAUSE_MS, stop.signal);
        looked.delete(id);
      })
      .finally(() => {
        busy.delete(lane);
        // Numbers may begin anew when nothing is kept any more.
        if (!busy.has(id)) looked.delete(id);
      });
    busy.set(lane, done);
    // What came while it was ending is seen by the next look.
    void done.then(pump);
  };

  return {
    pump,
    close: async () => {
      stop.abort();
      await Promise.all(busy.values());
    },
  };
}

/** Commands and presses: they wait behind nothing. */
async function attendNow(
  desk: AttendantDesk,
  channel: Channel,
  chat: Chat,
  urgent: readonly KeptArrival[],
  signal: AbortSignal,
): Promise<void> {
  for (const arrival of urgent) {
    const kept = Kept.safeParse(arrival.body);
    if (!kept.success) await desk.board.write((tx) => void closeArrival(tx, arrival.seq));
    else if (kept.data.kind === "press") await press(desk, channel, chat, arrival.seq, kept.data, signal);
    else {
      const command = commandIn(kept.data);
      if (command !== null) await runCommand(desk, chat, arrival.seq, command);
    }
  }
}

/** Messages, in the order of their coming. */
async function attendInTurn(desk: AttendantDesk, channel: Channel, chatId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const chat = desk.board.read((tx) => readChat(tx, chatId));
    const waiting = desk.board.read((tx) => waitingIn(tx, chatId));
    if (chat === null || waiting.length === 0) return;
    const { together, waitMs } = gather(waiting, desk.now());
    if (waitMs > 0) await pause(waitMs, signal);
    else await take(desk, channel, chat, together, signal);
  }
}

/** The next messages; what belongs to the first of them has come with it. */
const waitingIn = (tx: Tx, chatId: string): Waiting[] =>
  arrivalsOf(tx, chatId, "waiting", { limit: MOST_TOGETHER }).flatMap(toWaiting);

function toWaiting({ seq, at, body }: KeptArrival): Waiting[] {
  const kept = Kept.safeParse(body);
  return kept.success && kept.data.kind === "message" && commandIn(kept.data) === null
    ? [{ seq, at, message: kept.data }]
    : [];
}

/** The first of them with what belongs to it; `waitMs`: more of it may still come. */
export function gather(
  waiting: readonly Waiting[],
  now: number,
): { readonly together: readonly Waiting[]; readonly waitMs: number } {
  const [first, ...rest] = waiting;
  if (first === undefined) return { together: [], waitMs: 0 };
  const { groupId, text } = first.message;
  if (groupId !== null) {
    const together = waiting.filter((one) => one.message.groupId === groupId);
    const last = together.at(-1) ?? first;
    return { together, waitMs: clamp(last.at + GROUP_MS - now, GROUP_MS) };
  }
  if (text.length < LONG_TEXT) return { together: [first], waitMs: 0 };
  const end = rest.findIndex((one) => one.message.files.length > 0);
  const parts = [first, ...(end === -1 ? rest : rest.slice(0, end))];
  const cut = parts.findIndex((one) => one.message.text.length < LONG_TEXT);
  if (cut !== -1) return { together: parts.slice(0, cut + 1), waitMs: 0 };
  const last = parts.at(-1) ?? first;
  return { together: parts, waitMs: clamp(last.at + LONG_TEXT_MS - now, LONG_TEXT_MS) };
}

/** A clock that was set back keeps nobody waiting for longer. */
const clamp = (ms: number, most: number): number => Math.min(most, Math.max(0, ms));

async function take(
  desk: AttendantDesk,
  channel: Channel,
  chat: Chat,
  together: readonly Waiting[],
  signal: AbortSignal,
): Promise<void> {
  const [first] = together;
  if (first === undefined) return;
  const text = together
    .map((one) => one.message.text)
    .filter((part) => part !== "")
    .join("\n");
  const files: UploadedFile[] = [];
  try {
    for (const file of together.flatMap((one) => one.message.files)) {
      const stored = await fetchFile(desk, channel, file, signal);
      if (stored === null) return;
      files.push(stored);
    }
    if (text.trim() === "" && files.length === 0) await refuse(desk, chat, together, "There was nothing in it.");
    else if (text.trim() === "") await askWhat(desk, chat, together, files);
    else if (files.length > 0 || !(await chooseByNumber(desk, chat, first, text)))
      await makeJob(
        desk,
        chat,
        together.map(({ seq }) => seq),
        {
          text,
          files,
          asked: files.length > 0 ? [] : askedIn(desk, chat),
          askedBy: first.message.messageId,
          key: `arrival:${first.seq}`,
        },
      );
  } catch (error) {
    await desk.inbox.drop(files);
    if (!(error instanceof AppError)) throw error;
    await refuse(desk, chat, together, error.message);
  }
}

/** Null: we are stopping. What the platform fails to give is asked for again; what is wrong with the file is thrown. */
async function fetchFile(
  desk: AttendantDesk,
  channel: Channel,
  file: IncomingFile,
  signal: AbortSignal,
): Promise<UploadedFile | null> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await desk.inbox.store(file.name, await channel.fetch(file, signal));
    } catch (error) {
      if (signal.aborted) return null;
      const mayPass = error instanceof AppError && error.code === "unavailable";
      if (!mayPass || attempt === FETCH_ATTEMPTS) throw error;
      await pause(FETCH_PAUSE_MS * 2 ** attempt, signal);
    }
  }
}

/** Files without words. */
async function askWhat(
  desk: AttendantDesk,
  chat: Chat,
  together: readonly Waiting[],
  files: readonly UploadedFile[],
): Promise<void> {
  const [first, ...rest] = together;
  if (first === undefined) return;
  const names = files.map((file) => file.name).join(", ");
  const choices = CHOICES.map(({ title, action }) => ({ title, action: `do:${action}:${first.seq}` }));
  await desk.board.write((tx) => {
    for (const file of files) insertUpload(tx, file, desk.now());
    markAsked(tx, first.seq, { files: files.map((file) => file.id) });
    for (const { seq } of rest) closeArrival(tx, seq);
    say(desk, tx, chat.id, `arrival:${first.seq}`, `What shall I do with ${literal(names)}?`, choices);
  });
  desk.onSaid();
}

/** Where a platform has too few buttons, the others are named by number. False: it is no choice. */
async function chooseByNumber(
  desk: AttendantDesk,
  chat: Chat,
  { seq, message }: Waiting,
  text: string,
): Promise<boolean> {
  const asked = desk.board.read((tx) => arrivalsOf(tx, chat.id, "asked")).at(-1);
  const choice = CHOICES[Number(/^\s*([1-4])\s*$/.exec(text)?.[1] ?? 0) - 1];
  if (asked === undefined || choice === undefined) return false;
  return choose(desk, chat, seq, { choice: choice.action, about: asked.seq, askedBy: message.messageId });
}

async function refuse(desk: AttendantDesk, chat: Chat, together: readonly Waiting[], words: string): Promise<void> {
  await desk.board.write((tx) => {
    for (const { seq } of together) closeArrival(tx, seq);
    say(desk, tx, chat.id, `arrival:${together[0]?.seq ?? 0}`, words, []);
  });
  desk.onSaid();
}
