// The rest of what a bot says: who it is, what it can do, that it is busy, that it heard a button, which file it wants.
import { z } from "zod";
import { badRequest } from "./refusal.ts";
import { FLAG, json, parse } from "./request.ts";
import { CHAT_ID } from "./sending.ts";
import type { Method } from "./service.ts";

/** After this long nobody waits for the answer to a button any more. */
const QUERY_LIFE_MS = 60_000;
const MAX_ANSWER = 200;
const MAX_COMMANDS = 100;

const CHAT = z.object({ chat_id: CHAT_ID });
const ACTIONS = [
  "typing",
  "upload_photo",
  "record_video",
  "upload_video",
  "record_voice",
  "upload_voice",
  "upload_document",
  "choose_sticker",
  "find_location",
  "record_video_note",
  "upload_video_note",
] as const;
const ACTION = z.object({ action: z.enum(ACTIONS) });
const ANSWER = z.object({
  callback_query_id: z.string().default(""),
  text: z.string().default(""),
  show_alert: FLAG.default(false),
});
const COMMANDS = z.object({ commands: json(z.array(z.object({ command: z.string(), description: z.string() }))) });
const FILE = z.object({ file_id: z.string().default("") });

export const getMe: Method = ({ bot, hearsAll }) => ({
  result: {
    ...bot,
    can_join_groups: true,
    can_read_all_group_messages: hearsAll,
    supports_inline_queries: false,
    can_connect_to_business: false,
    has_main_web_app: false,
  },
});

export const getChat: Method = ({ chats }, { fields }) => {
  const { chat } = chats.readable(parse(CHAT, fields).chat_id);
  return { result: { ...chat, accent_color_id: 3, max_reaction_count: 11, accepted_gift_types: NO_GIFTS } };
};

export const sendChatAction: Method = ({ chats, nowMs }, { fields }) => {
  const room = chats.writable(parse(CHAT, fields).chat_id);
  const parsed = ACTION.safeParse(fields);
  if (!parsed.success) throw badRequest("wrong parameter action in request");
  room.actions.push({ action: parsed.data.action, atMs: nowMs() });
  return { result: true, effect: `action:${parsed.data.action}` };
};

export const answerCallbackQuery: Method = ({ queries, nowMs }, { fields }) => {
  const { callback_query_id: id, text, show_alert: isAlert } = parse(ANSWER, fields);
  const query = queries.get(id);
  if (query === undefined || query.answer !== undefined || nowMs() - query.atMs > QUERY_LIFE_MS)
    throw badRequest("query is too old and response timeout expired or query ID is invalid");
  if (text.length > MAX_ANSWER) throw badRequest("MESSAGE_TOO_LONG");
  query.answer = { text, isAlert };
  return { result: true, effect: `answer:${id}` };
};

export const setMyCommands: Method = (service, { fields }) => {
  const { commands } = parse(COMMANDS, fields);
  if (commands.length > MAX_COMMANDS) throw badRequest("BOT_COMMANDS_TOO_MUCH");
  for (const { command, description } of commands) {
    if (!/^\/?[a-z0-9_]{1,32}$/.test(command)) throw badRequest("BOT_COMMAND_INVALID");
    if (description === "" || description.length > 256) throw badRequest("BOT_COMMAND_DESCRIPTION_INVALID");
  }
  service.commands = commands.map((one) => ({ ...one, command: one.command.replace(/^\//, "") }));
  return { result: true, effect: "commands" };
};

export const getMyCommands: Method = ({ commands }) => ({ result: commands });

export const getFile: Method = ({ files }, { fields }) => ({ result: files.locate(parse(FILE, fields).file_id) });

const NO_GIFTS = {
  unlimited_gifts: false,
  limited_gifts: false,
  unique_gifts: false,
  premium_subscription: false,
  gifts_from_channels: false,
};
