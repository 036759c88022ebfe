// Buttons below a message, and what comes back when one is pressed.
import { DeliveryError, type Button } from "../channel.ts";

type Keyboard = { inline_keyboard: { text: string; callback_data: string }[][] };

/** So that buttons of a later version are told apart. */
const PREFIX = "v1:";
const MAX_DATA_BYTES = 64;
/** Two titles side by side stay readable on a phone. */
const IN_A_ROW = 2;

/** Nothing where there are no buttons: an edit without a keyboard takes away the one that was there. */
export function keyboardOf(buttons: readonly Button[]): { reply_markup?: Keyboard } {
  if (buttons.length === 0) return {};
  const keys = buttons.map(({ title, action }) => ({ text: title, callback_data: dataOf(action) }));
  const rows = Array.from({ length: Math.ceil(keys.length / IN_A_ROW) }, (_, row) =>
    keys.slice(row * IN_A_ROW, (row + 1) * IN_A_ROW),
  );
  return { reply_markup: { inline_keyboard: rows } };
}

/** Empty for what is none of ours. */
export const actionIn = (data: string): string => (data.startsWith(PREFIX) ? data.slice(PREFIX.length) : "");

function dataOf(action: string): string {
  const data = `${PREFIX}${action}`;
  if (Buffer.byteLength(data) <= MAX_DATA_BYTES) return data;
  throw new DeliveryError("permanent", `A button carries more than Telegram's ${MAX_DATA_BYTES} bytes.`);
}
