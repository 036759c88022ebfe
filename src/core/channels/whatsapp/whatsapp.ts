// WhatsApp through Meta's Cloud API: called at a webhook, answered over HTTPS.
import { systemClock, type Clock } from "../../../shared/clock.ts";
import type { Config } from "../../../shared/config.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import { pause } from "../../../shared/stop.ts";
import { DeliveryError, type Capabilities, type Channel, type Order } from "../channel.ts";
import { createGraph, type Graph } from "./graph.ts";
import { createHealth, type Pause } from "./health.ts";
import { isLoopback, systemLookup, type Lookup } from "./hosts.ts";
import { fetchFile, INCOMING_BYTES } from "./incoming.ts";
import { CAPTION_LENGTH, contentOf, MOST_BUTTONS, recipientOf, TEXT_LENGTH, TITLE_LENGTH } from "./message.ts";
import { Pairs, Typing } from "./pace.ts";
import { DOCUMENT_BYTES, FILE_TYPES, IMAGE_BYTES, uploadOf } from "./upload.ts";
import { createWebhook } from "./webhook.ts";

const CAN: Capabilities = {
  textLength: TEXT_LENGTH,
  captionLength: CAPTION_LENGTH,
  markup: "whatsapp",
  photoBytes: IMAGE_BYTES,
  fileBytes: DOCUMENT_BYTES,
  fileTypes: FILE_TYPES,
  incomingFileBytes: INCOMING_BYTES,
  photoTypes: ["image/png", "image/jpeg"],
  albumSize: 1,
  buttons: { most: MOST_BUTTONS, titleLength: TITLE_LENGTH, textLength: CAPTION_LENGTH },
  // Statuses come within seconds, with our own id in them.
  echoMs: 15_000,
  // Nothing that was said can be changed.
  changeGapMs: 0,
  messagesPerJob: 2,
};

/** What a test holds in its hand. */
export type Surroundings = { readonly wait: Pause; readonly resolve: Lookup };

/** Asks the platform nothing yet. Throws AppError `config` where a setting is missing. */
export async function openWhatsApp(
  settings: Config["whatsapp"],
  log: Log,
  clock: Clock = systemClock,
  { wait = pause, resolve = systemLookup }: Partial<Surroundings> = {},
): Promise<Channel> {
  const api = checked(settings);
  const graph = createGraph(settings);
  const health = createHealth(graph, wait);
  const pairs = new Pairs(clock);
  const typing = new Typing(clock);
  return {
    name: "whatsapp",
    account: settings.phoneId,
    can: CAN,
    listen: health.watch,
    waitMs: (chat) => pairs.waitMs(chat),
    deliver: async (order, signal) => {
      try {
        const id = await deliver(graph, pairs, order, signal);
        health.onSent();
        return id;
      } catch (error) {
        if (error instanceof DeliveryError) health.onFailure(error);
        throw error;
      }
    },
    progress: null,
    hint: async (chat, hint, about, signal) => {
      if (hint === "typing" && about !== null && typing.isDue(chat, about)) await graph.markRead(about, signal);
    },
    acknowledge: () => Promise.resolve(),
    fetch: (file, signal) => fetchFile({ graph, api, resolve, log }, file, signal),
    webhook: createWebhook(settings, log, clock),
    linkFor: (code) => {
      const number = health.number();
      return number === null ? null : `https://wa.me/${number}?text=${encodeURIComponent(code)}`;
    },
  };
}

function checked({ token, phoneId, appSecret, verifyToken, apiUrl }: Config["whatsapp"]): URL {
  const missing = [
    token === "" ? "TOKEN" : "",
    /^\d+$/.test(phoneId) ? "" : "PHONE_ID",
    appSecret === "" ? "APP_SECRET" : "",
    verifyToken === "" ? "VERIFY_TOKEN" : "",
  ].filter((name) => name !== "");
  if (missing.length > 0)
    throw new AppError(
      "config",
      `WhatsApp needs ${missing.map((name) => `SANDPIPER_WHATSAPP_${name}`).join(", ")}: Meta's page of the app has them.`,
    );
  const api = URL.parse(apiUrl);
  if (api === null || (api.protocol !== "https:" && !(api.protocol === "http:" && isLoopback(api))))
    throw new AppError("config", "SANDPIPER_WHATSAPP_API must be an address with https: the token goes there.");
  return api;
}

/** One message. Whether an earlier attempt had its effect is told by the statuses, for which the core has waited. */
async function deliver(
  graph: Graph,
  pairs: Pairs,
  { id, chat, operation, fileOf }: Order,
  signal: AbortSignal,
): Promise<string> {
  if (operation.kind === "album") throw new DeliveryError("permanent", "WhatsApp has no albums.");
  const recipient = recipientOf(chat);
  const file = operation.kind === "text" ? null : fileOf(operation.artifact);
  if (file !== null && !(await Bun.file(file.path).exists()))
    throw new DeliveryError("permanent", `${file.name} is not there any more.`);
  const upload = file === null ? null : uploadOf(file, operation.kind === "document");
  pairs.count(chat);
  const medium = upload === null ? null : { ...upload, id: await graph.upload(upload, signal) };
  const message = { ...recipient, ...contentOf(operation, medium), biz_opaque_callback_data: id };
  return graph.send(message, signal);
}
