// The methods that this fake has, by their lower-case names: the service does not care about case.
import {
  deleteMessage,
  editMessageCaption,
  editMessageMedia,
  editMessageReplyMarkup,
  editMessageText,
  setMessageReaction,
} from "./editing.ts";
import {
  answerCallbackQuery,
  getChat,
  getFile,
  getMe,
  getMyCommands,
  sendChatAction,
  setMyCommands,
} from "./manners.ts";
import { deleteWebhook, getUpdates, getWebhookInfo, setWebhook } from "./receiving.ts";
import { sendDocument, sendMediaGroup, sendMessage, sendPhoto } from "./sending.ts";
import type { Method } from "./service.ts";

const ALL: { readonly [name: string]: Method } = {
  getUpdates,
  setWebhook,
  deleteWebhook,
  getWebhookInfo,
  sendMessage,
  sendPhoto,
  sendDocument,
  sendMediaGroup,
  editMessageText,
  editMessageCaption,
  editMessageMedia,
  editMessageReplyMarkup,
  deleteMessage,
  getMe,
  getChat,
  getFile,
  getMyCommands,
  setMyCommands,
  sendChatAction,
  answerCallbackQuery,
  setMessageReaction,
};

/** `name` is as the documentation writes it. */
export const METHODS: ReadonlyMap<string, { readonly name: string; readonly run: Method }> = new Map(
  Object.entries(ALL).map(([name, run]) => [name.toLowerCase(), { name, run }]),
);
