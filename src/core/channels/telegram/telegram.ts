// Telegram as a channel: a bot of the owner's, asked for what people write to it, or called by webhook.
import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import type { Channel } from "../channel.ts";
import { ABILITIES } from "./abilities.ts";
import { createClient, systemTiming, type Client, type Timing } from "./client.ts";
import { createDelivery } from "./delivery.ts";
import { createDownload } from "./download.ts";
import { publishMenu } from "./menu.ts";
import { changeText, HINT_MS, sendText } from "./messages.ts";
import { poll, REFUSED } from "./polling.ts";
import { announce, checkAddress, createWebhook, type Address } from "./webhook.ts";

export type TelegramSettings = {
  readonly token: string;
  readonly apiUrl: string;
  /** Null: we ask. */
  readonly webhook: Address | null;
};

const Bot = z.looseObject({ id: z.int(), username: z.string().min(1) });

/** The service shows no more of it. */
const MAX_ANSWER = 200;
const ACTIONS = { typing: "typing", photo: "upload_photo" } as const;

/** Throws AppError: `config` for a token or webhook that cannot be, `unavailable` while Telegram cannot be reached. */
export async function openTelegram(
  { token, apiUrl, webhook }: TelegramSettings,
  log: Log,
  timing: Timing = systemTiming,
): Promise<Channel> {
  if (webhook !== null) checkAddress(webhook);
  const client = createClient(token, apiUrl, timing);
  const { id, username } = await introduce(client);
  const listening = { client, timing, log, username };
  return {
    name: "telegram",
    account: String(id),
    can: ABILITIES,
    listen: async (door, signal) => {
      const listen = webhook === null ? poll(listening, door, signal) : announce(webhook, listening, door, signal);
      // Best effort: the commands work without the menu.
      const menu = publishMenu(client, signal).catch((error: unknown) => {
        if (!signal.aborted) log.warn("menu-not-set", { channel: "telegram", error });
      });
      await Promise.all([listen, menu]);
    },
    deliver: createDelivery(client),
    progress: {
      place: (chat, text, buttons, signal) => sendText(client, chat, { text, isHtml: false, buttons }, signal),
      change: (chat, message, text, buttons, signal) =>
        changeText(client, { chat, message }, { text, isHtml: false, buttons }, signal),
    },
    hint: async (chat, hint, _about, signal) => {
      const payload = { chat_id: Number(chat), action: ACTIONS[hint] };
      await client.ask(z.unknown(), { timeoutMs: HINT_MS, signal }, (api) => api.sendChatAction(payload));
    },
    acknowledge: async (pressId, words, signal) => {
      const payload = { callback_query_id: pressId, text: words.slice(0, MAX_ANSWER) };
      await client.ask(z.unknown(), { timeoutMs: HINT_MS, signal }, (api) => api.answerCallbackQuery(payload));
    },
    fetch: createDownload(client, timing),
    ...(webhook !== null && { webhook: createWebhook(webhook) }),
    linkFor: (code) => `https://t.me/${username}?start=${code}`,
  };
}

async function introduce(client: Client): Promise<z.infer<typeof Bot>> {
  // Whoever opens it has nothing to stop it with; it ends by itself.
  const limits = { timeoutMs: HINT_MS, signal: new AbortController().signal };
  try {
    return await client.ask(Bot, limits, (api) => api.getMe());
  } catch (thrown) {
    const error = client.toError(thrown);
    if (error.failure === "auth") throw new AppError("config", REFUSED, { cause: error });
    throw new AppError("unavailable", "Telegram cannot be reached; it is tried again until it answers.", {
      cause: error,
    });
  }
}
