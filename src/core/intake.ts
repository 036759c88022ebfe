// Messages in the order of their coming, each with what belongs to it: a job in one transaction, or words.
import { arrivalsOf, closeArrival, markAsked, type KeptArrival } from "../shared/arrivals.ts";
import { readChat, type Chat } from "../shared/chats.ts";
import { CHOICES } from "../shared/choices.ts";
import type { Tx } from "../shared/db.ts";
import { AppError, toAppError, type ErrorCode } from "../shared/errors.ts";
import { countOpen } from "../shared/jobs.ts";
import { pause } from "../shared/stop.ts";
import type { UploadedFile } from "../shared/types.ts";
import { insertUpload } from "../shared/uploads.ts";
import type { Channel, IncomingFile } from "./channels/channel.ts";
import { Kept } from "./door.ts";
import { commandIn } from "./intent.ts";
import { literal } from "./markdown.ts";
import { say } from "./outbox.ts";
import { askedIn, choose, makeJob, type RequestDesk } from "./requests.ts";

/** Files that belong together come one by one. */
const GROUP_MS = 1_000;
/** A longer text is cut by the platform's own program; the rest follows at once. */
const LONG_TEXT = 4_000;
const LONG_TEXT_MS = 1_500;
/** Messages that are looked through for what belongs together. */
const MOST_TOGETHER = 50;
/** What is wrong with the message itself; all else may pass, and the message is kept until it has. */
const FINAL: ReadonlySet<ErrorCode> = new Set(["bad_request", "forbidden", "not_found", "too_large", "unsupported"]);
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** So long, all pauses together, a file is asked for that the platform does not give. */
const FETCH_MS = 3_600_000;
/** After so many attempts its sender is told that it waits. */
const PATIENCE = 5;

/** Jobs of a chat that have not ended: nobody writes so much, a program that went mad does. */
const MOST_OPEN = 5_000;
/** Whoever goes on writing is told so often that nothing is taken. */
const FULL_MS = 60_000;

type Message = Extract<Kept, { kind: "message" }>;
type Waiting = { readonly seq: number; readonly at: number; readonly message: Message };

/** How often the message whose turn it is could not be dealt with, and all pauses since. */
type Trouble = { readonly times: number; readonly waitedMs: number };
const NONE: Trouble = { times: 0, waitedMs: 0 };

/** Until none waits, or the signal aborts. What cannot be done yet is tried again, and what came later waits behind it. */
export async function attendInTurn(
  desk: RequestDesk,
  channel: Channel,
  chatId: string,
  signal: AbortSignal,
): Promise<void> {
  let trouble = NONE;
  while (!signal.aborted) {
    const chat = desk.board.read((tx) => readChat(tx, chatId));
    const waiting = desk.board.read((tx) => waitingIn(tx, chatId));
    if (chat === null || waiting.length === 0) return;
    if (isFull(desk, chat)) {
      await refuse(desk, chat, waiting, FULL, `full:${chat.id}:${Math.floor(desk.now() / FULL_MS)}`);
      continue;
    }
    const { together, waitMs } = gather(waiting, desk.now());
    if (waitMs > 0) await pause(waitMs, signal);
    else trouble = await attempt(desk, channel, chat, together, trouble, signal);
  }
}

const FULL = `${MOST_OPEN} of your messages wait already. Until some are done I take no more, so send again what you sent last; /stop ends them all.`;

function isFull({ board }: RequestDesk, { conversationId }: Chat): boolean {
  return conversationId !== null && board.read((tx) => countOpen(tx, conversationId)) >= MOST_OPEN;
}

/** The next messages; what belongs to the first of them has come with it. */
const waitingIn = (tx: Tx, chatId: string): Waiting[] =>
  arrivalsOf(tx, chatId, "waiting", { limit: MOST_TOGETHER }).flatMap(toWaiting);

function toWaiting({ seq, at, body }: KeptArrival): Waiting[] {
  const kept = Kept.safeParse(body);
  return kept.success && isInTurn(kept.data) ? [{ seq, at, message: kept.data }] : [];
}

/** Commands and presses wait behind nothing. */
export function isInTurn(kept: Kept): kept is Message {
  return kept.kind === "message" && commandIn(kept) === null;
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

/** The trouble that is left; where there is some, a pause has passed. */
async function attempt(
  desk: RequestDesk,
  channel: Channel,
  chat: Chat,
  together: readonly Waiting[],
  trouble: Trouble,
  signal: AbortSignal,
): Promise<Trouble> {
  try {
    await take(desk, channel, chat, together, signal);
    return NONE;
  } catch (error) {
    if (signal.aborted) return trouble;
    if (isFinal(error, trouble)) {
      await refuse(desk, chat, together, toAppError(error).message);
      return NONE;
    }
    const times = trouble.times + 1;
    if (times === PATIENCE) await comfort(desk, chat, together, error);
    desk.log.warn("message-waits", { chat: chat.id, times, error });
    const waitMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** trouble.times);
    await pause(waitMs, signal);
    return { times, waitedMs: trouble.waitedMs + waitMs };
  }
}

function isFinal(error: unknown, { waitedMs }: Trouble): boolean {
  if (error instanceof Unfetched) return waitedMs >= FETCH_MS;
  return error instanceof AppError && FINAL.has(error.code);
}

async function take(
  desk: RequestDesk,
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
    for (const file of together.flatMap((one) => one.message.files))
      files.push(await fetchFile(desk, channel, file, signal));
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
    throw error;
  }
}

/** The platform does not give the file, and may give it later. */
class Unfetched extends AppError {}

async function fetchFile(
  desk: RequestDesk,
  channel: Channel,
  file: IncomingFile,
  signal: AbortSignal,
): Promise<UploadedFile> {
  const losses: AppError[] = [];
  const onLost = (error: unknown): void => void losses.push(toAppError(error));
  try {
    return await desk.inbox.store(file.name, bytesOf(channel, file, signal, onLost));
  } catch (error) {
    const [loss] = losses;
    if (loss === undefined || FINAL.has(loss.code)) throw error;
    throw new Unfetched(loss.code, loss.message, { cause: error });
  }
}

/** Nothing is asked of the platform before somebody reads, who has room for it. */
function bytesOf(
  channel: Channel,
  file: IncomingFile,
  signal: AbortSignal,
  onLost: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  return new ReadableStream(
    {
      pull: async (controller) => {
        try {
          reader ??= (await channel.fetch(file, signal)).getReader();
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          onLost(error);
          throw error;
        }
      },
      cancel: async () => reader?.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** Files without words. */
async function askWhat(
  desk: RequestDesk,
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
  desk: RequestDesk,
  chat: Chat,
  { seq, message }: Waiting,
  text: string,
): Promise<boolean> {
  const asked = desk.board.read((tx) => arrivalsOf(tx, chat.id, "asked")).at(-1);
  const choice = CHOICES[Number(/^\s*([1-4])\s*$/.exec(text)?.[1] ?? 0) - 1];
  if (asked === undefined || choice === undefined) return false;
  return choose(desk, chat, seq, { choice: choice.action, about: asked.seq, askedBy: message.messageId });
}

async function refuse(
  desk: RequestDesk,
  chat: Chat,
  together: readonly Waiting[],
  words: string,
  id = `arrival:${together[0]?.seq ?? 0}`,
): Promise<void> {
  await desk.board.write((tx) => {
    for (const { seq } of together) closeArrival(tx, seq);
    say(desk, tx, chat.id, id, words, []);
  });
  desk.onSaid();
}

/** It is kept, and takes a while. */
async function comfort(desk: RequestDesk, chat: Chat, together: readonly Waiting[], error: unknown): Promise<void> {
  const names = together.flatMap(({ message }) => message.files.map((file) => file.name)).join(", ");
  const words =
    error instanceof Unfetched
      ? `I could not fetch ${names} yet and try again for an hour. What you write meanwhile waits behind it.`
      : `${toAppError(error).message} What you wrote is kept and done as soon as that is over.`;
  await desk.board.write((tx) => say(desk, tx, chat.id, `arrival:${together[0]?.seq ?? 0}:waits`, words, []));
  desk.onSaid();
}
