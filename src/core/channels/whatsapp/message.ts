// Operations → the bodies of messages, and chats → to whom they go. Pure.
import { DeliveryError, type Button } from "../channel.ts";
import type { Operation } from "../operation.ts";

export const TEXT_LENGTH = 4_096;
export const CAPTION_LENGTH = 1_024;
export const MOST_BUTTONS = 3;
export const TITLE_LENGTH = 20;
const MAX_ACTION_LENGTH = 256;

/** Before the action of every button of ours. */
export const PREFIX = "v1:";

/** A file that is on the platform. */
export type Medium = { readonly kind: "image" | "document"; readonly id: string; readonly name: string };

/** Numbers are answered with `to`, ids within the business with `recipient`; a chat says which. Null: there is neither. */
export function chatOf(number: string | undefined, userId: string | undefined): string | null {
  if (number !== undefined) return `to:${number}`;
  return userId === undefined ? null : `recipient:${userId}`;
}

/** Throws DeliveryError `permanent`. */
export function recipientOf(chat: string) {
  const [, field = "", who = ""] = /^(to|recipient):(.+)$/.exec(chat) ?? [];
  if (field === "to") return { recipient_type: "individual", to: who };
  if (field === "recipient") return { recipient_type: "individual", recipient: who };
  throw new DeliveryError("permanent", "This chat is none of WhatsApp's.");
}

/** `medium`: the file of the operation, null for a text. */
export function contentOf(operation: Exclude<Operation, { kind: "album" }>, medium: Medium | null): object {
  const { buttons } = operation;
  const words = operation.kind === "text" ? operation.text : operation.caption;
  if (buttons.length > 0 && canPress(buttons, words)) return interactive(words, buttons, medium);
  const most = medium === null ? TEXT_LENGTH : CAPTION_LENGTH;
  const numbered = buttons.map(({ title }, at) => `${at + 1}. ${title}`).join("\n");
  const all = [words, numbered].filter((part) => part !== "").join("\n\n");
  const shown = all.length <= most ? all : words;
  if (medium === null) return { type: "text", text: { body: shown, preview_url: false } };
  const caption = shown === "" ? {} : { caption: shown };
  return { type: medium.kind, [medium.kind]: { ...fileOf(medium), ...caption } };
}

function canPress(buttons: readonly Button[], words: string): boolean {
  const titles = new Set(buttons.map(({ title }) => title));
  const areShort = buttons.every(
    ({ title, action }) => title.length <= TITLE_LENGTH && action.length + PREFIX.length <= MAX_ACTION_LENGTH,
  );
  return buttons.length <= MOST_BUTTONS && titles.size === buttons.length && areShort && words.length <= CAPTION_LENGTH;
}

/** A picture or file with buttons is their head; the body may not be empty. */
function interactive(words: string, buttons: readonly Button[], medium: Medium | null): object {
  const header = medium === null ? {} : { header: { type: medium.kind, [medium.kind]: fileOf(medium) } };
  const replies = buttons.map(({ title, action }) => ({ type: "reply", reply: { id: PREFIX + action, title } }));
  const body = { text: words === "" ? (medium?.name ?? "…") : words };
  return { type: "interactive", interactive: { type: "button", ...header, body, action: { buttons: replies } } };
}

const fileOf = ({ kind, id, name }: Medium) => (kind === "image" ? { id } : { id, filename: name });
