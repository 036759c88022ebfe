// Buttons: read from a call, checked as the service checks them.
import { z } from "zod";
import { badRequest } from "./refusal.ts";
import type { Button, InlineKeyboard } from "./wire.ts";

const MAX_DATA_BYTES = 64;

const BUTTON = z.object({
  text: z.string(),
  callback_data: z.string().optional(),
  url: z.string().optional(),
  style: z.enum(["danger", "success", "primary"]).optional(),
});
const INLINE = z.object({ inline_keyboard: z.array(z.array(BUTTON)) });
/** A keyboard in place of the person's own, its removal, a forced reply: taken, but no part of the message. */
const OTHER = z.union([
  z.object({ keyboard: z.array(z.unknown()) }),
  z.object({ remove_keyboard: z.literal(true) }),
  z.object({ force_reply: z.literal(true) }),
]);

/** `value` is reply_markup as it came; undefined for none and for what is no part of the message. */
export function readKeyboard(value: unknown): InlineKeyboard | undefined {
  const given = typeof value === "string" && value !== "" ? fromJson(value) : value;
  if (given === undefined || given === "" || OTHER.safeParse(given).success) return undefined;
  const parsed = INLINE.safeParse(given);
  if (!parsed.success) throw badRequest("object expected as reply markup");
  const rows = parsed.data.inline_keyboard.filter((row) => row.length > 0);
  for (const button of rows.flat()) refuseBadButton(button);
  return rows.length === 0 ? undefined : { inline_keyboard: rows };
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badRequest("can't parse reply keyboard markup JSON object");
  }
}

function refuseBadButton({ text, callback_data: data, url }: Button): void {
  if (text.trim() === "") throw badRequest("can't parse inline keyboard button: Button text must be non-empty");
  if (data === undefined && url === undefined)
    throw badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard");
  if (data !== undefined && (data === "" || Buffer.byteLength(data) > MAX_DATA_BYTES))
    throw badRequest("BUTTON_DATA_INVALID");
  if (url !== undefined && !(/^(?:https?|tg):\/\//.test(url) && URL.canParse(url)))
    throw badRequest(`inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`);
}
