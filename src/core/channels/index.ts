// The list of channels. A new one is a file and a line here.
import type { Config } from "../../shared/config.ts";
import type { Log } from "../../shared/log.ts";
import type { Channel } from "./channel.ts";
import { openTelegram } from "./telegram/telegram.ts";
import { openWhatsApp } from "./whatsapp/whatsapp.ts";

/** What opens it, again and again until it is there; null where it is not set up. */
export type OpenChannel = (config: Config, log: Log) => (() => Promise<Channel>) | null;

export const CHANNELS: { readonly [name: string]: OpenChannel } = {
  telegram: ({ telegram: { token, apiUrl, webhook, secret } }, log) =>
    token === ""
      ? null
      : () => openTelegram({ token, apiUrl, webhook: webhook === "" ? null : { url: webhook, secret } }, log),
  whatsapp: ({ whatsapp }, log) => (whatsapp.token === "" ? null : () => openWhatsApp(whatsapp, log)),
};
