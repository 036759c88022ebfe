// One message: put there, changed, taken away.
import { z } from "zod";
import type { Button } from "../channel.ts";
import type { Client } from "./client.ts";
import { isAbout } from "./failure.ts";
import { keyboardOf } from "./keyboard.ts";

export type Words = { readonly text: string; readonly isHtml: boolean; readonly buttons: readonly Button[] };
/** Where; `chat` and `message` are the service's numbers as text. */
export type Place = { readonly chat: string; readonly message: string };

export const SEND_MS = 60_000;
/** What nobody misses waits for no one. */
export const HINT_MS = 10_000;

export const Sent = z.looseObject({ message_id: z.int() });
/** The message, or `true` for one that is not ours to see. */
export const Edited = z.union([z.literal(true), Sent]);

/** Repeating an edit is how we find out what became of the first. */
const UNCHANGED = /message is not modified/i;

/** Resolves to the id of the message. */
export async function sendText(client: Client, chat: string, words: Words, signal: AbortSignal): Promise<string> {
  const payload = { chat_id: Number(chat), ...textOf(words) };
  const sent = await client.ask(Sent, { timeoutMs: SEND_MS, signal }, (api) => api.sendMessage(payload));
  return String(sent.message_id);
}

/** Other words in the same place; that they are there already is success. */
export async function changeText(client: Client, place: Place, words: Words, signal: AbortSignal): Promise<void> {
  const payload = { ...placeOf(place), ...textOf(words) };
  await unlessUnchanged(client.ask(Edited, { timeoutMs: SEND_MS, signal }, (api) => api.editMessageText(payload)));
}

/** Best effort: whoever still sees it sees a line too much. */
export async function discard(client: Client, place: Place, signal: AbortSignal): Promise<void> {
  await client
    .ask(z.unknown(), { timeoutMs: HINT_MS, signal }, (api) => api.deleteMessage(placeOf(place)))
    .catch(() => undefined);
}

export async function unlessUnchanged(edit: Promise<unknown>): Promise<void> {
  await edit.catch((error: unknown) => {
    if (!isAbout(error, UNCHANGED)) throw error;
  });
}

export const placeOf = ({ chat, message }: Place) => ({ chat_id: Number(chat), message_id: Number(message) });

function textOf({ text, isHtml, buttons }: Words) {
  return {
    text,
    // A preview is fetched by whoever shows it: an address in a model's words could carry something away.
    link_preview_options: { is_disabled: true },
    ...(isHtml && { parse_mode: "HTML" as const }),
    ...keyboardOf(buttons),
  };
}
