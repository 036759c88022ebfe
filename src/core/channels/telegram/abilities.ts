// What Telegram can show, and how much of it (https://core.telegram.org/bots/api, /bots/faq).
import type { Capabilities } from "../channel.ts";

export const MAX_FILE_BYTES = 50 * 2 ** 20;
export const MAX_INCOMING_BYTES = 20 * 2 ** 20;

export const ABILITIES: Capabilities = {
  textLength: 4_096,
  captionLength: 1_024,
  markup: "telegram-html",
  photoBytes: 10 * 2 ** 20,
  fileBytes: MAX_FILE_BYTES,
  incomingFileBytes: MAX_INCOMING_BYTES,
  photoTypes: ["image/png", "image/jpeg"],
  albumSize: 10,
  buttons: { most: 12, titleLength: 64 },
  echoMs: 0,
  // One message a second in a chat; a change counts as one.
  changeGapMs: 1_100,
  messagesPerJob: 10,
};
