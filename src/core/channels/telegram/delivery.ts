// Says one thing so that it is seen once: a message is placed and written down, then filled; filling it again changes nothing.
import { InputFile } from "grammy";
import { z } from "zod";
import type { Operation } from "../operation.ts";
import { DeliveryError, type Channel, type Order, type OutgoingFile } from "../channel.ts";
import { MAX_FILE_BYTES } from "./abilities.ts";
import type { Client } from "./client.ts";
import { isAbout } from "./failure.ts";
import { keyboardOf } from "./keyboard.ts";
import {
  changeText,
  discard,
  Edited,
  placeOf,
  SEND_MS,
  Sent,
  sendText,
  unlessUnchanged,
  type Place,
} from "./messages.ts";

type Album = Extract<Operation, { kind: "album" }>;
type Message = Exclude<Operation, Album>;

/** How it is shown. A service that will not have it so takes it as a file, or without its formatting. */
type Kind = "photo" | "document";
type Form = { readonly isPhoto: boolean; readonly isHtml: boolean };

const PLACEHOLDER = { text: "…", isHtml: false, buttons: [] };
const AGAIN = " (sent again after a connection problem)";
const MAX_CAPTION = 1_024;
/** The slowest line that a file is waited for: 64 kB a second. */
const BYTES_PER_MS = 64;

/** The message that was placed is none that could be changed: somebody deleted it. */
const GONE = /message to edit not found|message can't be edited|MESSAGE_ID_INVALID|no text in the message to edit/i;
const UNPARSED = /can't parse entities/i;
const NO_PHOTO = /PHOTO_|IMAGE_PROCESS_FAILED|too big for a photo|photo has unsupported extension/i;

export function createDelivery(client: Client): Channel["deliver"] {
  return async (order, signal) => {
    let placed = order.placed;
    const place = async (): Promise<string> => {
      placed = await sendText(client, order.chat, PLACEHOLDER, signal);
      await order.onPlaced(placed);
      return placed;
    };
    try {
      const { operation } = order;
      const files = await filesOf(order);
      if (operation.kind === "album") return await sendAlbum(client, order, operation, files, signal);
      // Before anything is placed.
      keyboardOf(operation.buttons);
      return await fillSome(client, order, operation, files[0] ?? null, place, signal);
    } catch (error) {
      // It will never be filled.
      if (placed !== null && error instanceof DeliveryError && error.failure === "permanent")
        await discard(client, { chat: order.chat, message: placed }, signal);
      throw error;
    }
  };
}

/** What was placed, or another one where that is gone. Resolves to the id. */
async function fillSome(
  client: Client,
  order: Order,
  operation: Message,
  file: OutgoingFile | null,
  place: () => Promise<string>,
  signal: AbortSignal,
): Promise<string> {
  const fillIt = async (message: string): Promise<string> => {
    await fill(client, { chat: order.chat, message }, operation, file, signal);
    return message;
  };
  try {
    if (order.placed !== null) return await fillIt(order.placed);
  } catch (error) {
    if (!isAbout(error, GONE)) throw error;
  }
  try {
    return await fillIt(await place());
  } catch (error) {
    if (!isAbout(error, GONE)) throw error;
    throw new DeliveryError("not_sent", "The message was deleted before it was written.", { cause: error });
  }
}

async function fill(
  client: Client,
  place: Place,
  operation: Message,
  file: OutgoingFile | null,
  signal: AbortSignal,
): Promise<void> {
  await inSomeForm({ isPhoto: operation.kind === "photo", isHtml: true }, ({ isPhoto, isHtml }) => {
    const { buttons } = operation;
    if (operation.kind === "text")
      return changeText(client, place, { text: isHtml ? operation.text : operation.plain, isHtml, buttons }, signal);
    if (file === null) throw new DeliveryError("permanent", "There is no file to send.");
    const media = mediaOf(isPhoto ? "photo" : "document", file, isHtml ? operation.caption : operation.plain, isHtml);
    const payload = { ...placeOf(place), media, ...keyboardOf(buttons) };
    const limits = { timeoutMs: patienceFor([file]), signal };
    return unlessUnchanged(client.ask(Edited, limits, (api) => api.editMessageMedia(payload)));
  });
}

/** Several at once can only be sent, not filled in: if nobody knows whether they were, they are sent once more and say so. */
async function sendAlbum(
  client: Client,
  order: Order,
  album: Album,
  files: readonly OutgoingFile[],
  signal: AbortSignal,
): Promise<string> {
  const chat = { chat_id: Number(order.chat) };
  const limits = { timeoutMs: patienceFor(files), signal };
  const [first] = await inSomeForm({ isPhoto: true, isHtml: true }, (form) => {
    const captions = captionsOf(album, form, order.isUnresolved);
    const all = <K extends Kind>(kind: K) =>
      files.map((file, index) => mediaOf(kind, file, captions[index] ?? "", form.isHtml));
    const media = form.isPhoto ? all("photo") : all("document");
    return client.ask(z.array(Sent).min(1), limits, (api) => api.sendMediaGroup({ ...chat, media }));
  });
  if (order.placed !== null) await discard(client, { chat: order.chat, message: order.placed }, signal);
  return String(first?.message_id ?? "");
}

/** The words are below the first picture; where they leave no room for the note, it is below the second. */
function captionsOf(album: Album, { isHtml }: Form, isAgain: boolean): readonly string[] {
  const caption = isHtml ? album.caption : album.plain;
  if (!isAgain) return [caption];
  return album.plain.length + AGAIN.length <= MAX_CAPTION ? [`${caption}${AGAIN}`.trim()] : [caption, AGAIN.trim()];
}

function mediaOf<K extends Kind>(type: K, file: OutgoingFile, caption: string, isHtml: boolean) {
  return {
    type,
    media: new InputFile(file.path, quoted(file.name)),
    ...(caption !== "" && { caption }),
    ...(isHtml && { parse_mode: "HTML" as const }),
  };
}

/** grammY writes the name as it is, where a semicolon would end it. */
const quoted = (name: string): string => `"${name.replace(/[\r\n]/g, " ").replace(/["\\]/g, "'")}"`;

/** Each refusal that another form may avoid leads to that form; none leads back. */
async function inSomeForm<T>(form: Form, attempt: (form: Form) => Promise<T>): Promise<T> {
  try {
    return await attempt(form);
  } catch (error) {
    if (form.isHtml && isAbout(error, UNPARSED)) return inSomeForm({ ...form, isHtml: false }, attempt);
    if (form.isPhoto && isAbout(error, NO_PHOTO)) return inSomeForm({ ...form, isPhoto: false }, attempt);
    throw error;
  }
}

const patienceFor = (files: readonly OutgoingFile[]): number =>
  SEND_MS + files.reduce((sum, file) => sum + file.bytes, 0) / BYTES_PER_MS;

/** The files of an operation as they are on the disk, before anything is asked of the service. */
async function filesOf({ operation, fileOf }: Order): Promise<OutgoingFile[]> {
  if (operation.kind === "text") return [];
  const artifacts = operation.kind === "album" ? operation.artifacts : [operation.artifact];
  return Promise.all(
    artifacts.map(async (artifact) => {
      const file = fileOf(artifact);
      const onDisk = Bun.file(file.path);
      if (!(await onDisk.exists())) throw new DeliveryError("permanent", `${file.name} is not there any more.`);
      if (onDisk.size > MAX_FILE_BYTES)
        throw new DeliveryError("permanent", `${file.name} is larger than the 50 MB that Telegram takes from a bot.`);
      return { ...file, bytes: onDisk.size };
    }),
  );
}
