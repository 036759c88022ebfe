// WhatsApp's Cloud API: Meta calls us, we answer by its Graph API. What was said cannot be changed there, so every message
// carries our own id, which comes back in what Meta tells of it.
import { z } from "zod";
import type { Config } from "../../../shared/config.ts";
import { AppError } from "../../../shared/errors.ts";
import { pause } from "../../../shared/stop.ts";
import { DeliveryError, type Capabilities, type Channel, type Door, type Order } from "../channel.ts";
import type { Operation } from "../operation.ts";
import { createClient, type Client } from "./client.ts";
import { documentType, fetchMedia, upload } from "./media.ts";
import { receive } from "./webhook.ts";

const CAN: Capabilities = {
  textLength: 4_096,
  captionLength: 1_024,
  markup: "whatsapp",
  photoBytes: 5 * 2 ** 20,
  fileBytes: 100 * 2 ** 20,
  incomingFileBytes: 100 * 2 ** 20,
  photoTypes: ["image/png", "image/jpeg"],
  albumSize: 1,
  buttons: { most: 3, titleLength: 20, textLength: 1_024 },
  echoMs: 15_000,
  changeGapMs: 0,
  messagesPerJob: 2,
};

const Probe = z.object({ id: z.string(), display_phone_number: z.string().default("") });
const Sent = z.object({ messages: z.array(z.object({ id: z.string() })).min(1) });
/** Typing is shown for 25 s. */
const HINT_MS = 20_000;
/** How often a refused account is asked after. */
const PROBE_MS = 300_000;

/** Throws AppError when the token is refused, a secret is missing, or the service cannot be reached. */
export async function openWhatsApp(settings: Config["whatsapp"]): Promise<Channel> {
  if (settings.appSecret === "" || settings.verifyToken === "" || settings.phoneId === "")
    throw new AppError(
      "config",
      "WhatsApp needs SANDPIPER_WHATSAPP_PHONE_ID, SANDPIPER_WHATSAPP_APP_SECRET and SANDPIPER_WHATSAPP_VERIFY_TOKEN, too.",
    );
  const client = createClient(settings);
  const { phoneId } = settings;
  const number = await probe(client, phoneId);
  const hinted = new Map<string, number>();
  return {
    name: "whatsapp",
    account: phoneId,
    can: CAN,
    progress: null,
    listen: (door, signal) => listen(client, phoneId, door, signal),
    webhook: { path: "/whatsapp", receive: (request, door) => receive(settings, request, door) },
    deliver: (order, signal) => deliver(client, phoneId, order, signal),
    hint: async (chat, _hint, about, signal) => {
      const now = performance.now();
      if (about === null || now - (hinted.get(chat) ?? Number.NEGATIVE_INFINITY) < HINT_MS) return;
      hinted.set(chat, now);
      await client.post(
        `${phoneId}/messages`,
        { messaging_product: "whatsapp", status: "read", message_id: about, typing_indicator: { type: "text" } },
        signal,
      );
    },
    // WhatsApp shows a press by itself.
    acknowledge: async () => undefined,
    fetch: (file, signal) => fetchMedia(client, settings, file.ref, signal),
    linkFor: (code) => (number === "" ? null : `https://wa.me/${number}?text=${encodeURIComponent(code)}`),
  };
}

async function probe(client: Client, phoneId: string): Promise<string> {
  try {
    const answer = await client.get(
      `${encodeURIComponent(phoneId)}?fields=id,display_phone_number`,
      AbortSignal.timeout(15_000),
    );
    return Probe.parse(answer).display_phone_number.replace(/\D/g, "");
  } catch (error) {
    const isRefused = error instanceof DeliveryError && error.failure === "auth";
    throw new AppError(
      isRefused ? "config" : "unavailable",
      isRefused
        ? "WhatsApp refused the token. Check SANDPIPER_WHATSAPP_TOKEN in .env."
        : "WhatsApp cannot be reached, or does not know this phone-number id.",
      { cause: error },
    );
  }
}

/** Updates come by the webhook; here it is only watched whether the account is still ours. */
async function listen(client: Client, phoneId: string, door: Door, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await probe(client, phoneId);
      door.tell({ state: "up", detail: "" });
    } catch (error) {
      const isRefused = error instanceof AppError && error.code === "config";
      door.tell({ state: isRefused ? "refused" : "down", detail: error instanceof Error ? error.message : "" });
    }
    await pause(PROBE_MS, signal);
  }
}

async function deliver(client: Client, phoneId: string, order: Order, signal: AbortSignal): Promise<string> {
  const [kind, address] = splitChat(order.chat);
  const content = await contentOf(client, phoneId, order, signal);
  const body = {
    messaging_product: "whatsapp",
    recipient_type: "individual",
    [kind]: address,
    biz_opaque_callback_data: order.id,
    ...content,
  };
  const sent = Sent.safeParse(await client.post(`${phoneId}/messages`, body, signal));
  const id = sent.success ? sent.data.messages[0]?.id : undefined;
  if (id === undefined) throw new DeliveryError("ambiguous", "WhatsApp answered without the id of the message.");
  return id;
}

/** `to:4915…`, `recipient:US.13…` */
function splitChat(chat: string): [string, string] {
  const at = chat.indexOf(":");
  return [chat.slice(0, at), chat.slice(at + 1)];
}

async function contentOf(client: Client, phoneId: string, order: Order, signal: AbortSignal): Promise<object> {
  const { operation } = order;
  if (operation.kind === "text") return textOf(operation);
  if (operation.kind === "album") throw new DeliveryError("permanent", "WhatsApp has no albums.");
  const file = order.fileOf(operation.artifact);
  const type = operation.kind === "photo" ? file.mediaType : documentType(file.mediaType);
  if (type === null) throw new DeliveryError("permanent", `WhatsApp takes no files like “${file.name}”.`);
  const id = await upload(client, phoneId, file, type, signal);
  const caption = operation.caption === "" ? {} : { caption: operation.caption };
  return operation.kind === "photo"
    ? { type: "image", image: { id, ...caption } }
    : { type: "document", document: { id, filename: file.name, ...caption } };
}

function textOf({ text, buttons }: Extract<Operation, { kind: "text" }>): object {
  if (buttons.length === 0) return { type: "text", text: { body: text, preview_url: false } };
  const reply = buttons.map(({ title, action }) => ({ type: "reply", reply: { id: action, title } }));
  return { type: "interactive", interactive: { type: "button", body: { text }, action: { buttons: reply } } };
}
