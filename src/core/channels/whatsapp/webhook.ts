// Where Meta calls: proves that the address is ours, believes only what is signed, and answers 200 when it is durable.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../../shared/clock.ts";
import type { Log } from "../../../shared/log.ts";
import type { Channel, Door } from "../channel.ts";
import { readAtMost } from "./bytes.ts";
import { readPayload, type Payload } from "./payload.ts";

export type Webhook = NonNullable<Channel["webhook"]>;

/** Meta posts 3 MB at most. */
const MAX_BODY_BYTES = 4 * 2 ** 20;
/** What Meta posts is ten deep. */
const MAX_DEPTH = 32;
const SIGNATURE = /^sha256=([0-9a-f]{64})$/i;
/** Strangers may knock as often as they like; the log has each reason once a minute. */
const SAID_AGAIN_MS = 60_000;

export function createWebhook(
  settings: { readonly phoneId: string; readonly appSecret: string; readonly verifyToken: string },
  log: Log,
  clock: Clock,
): Webhook {
  const quietUntil = new Map<string, number>();
  const refuse = (status: number, reason: string): Response => {
    if (clock.monotonic() >= (quietUntil.get(reason) ?? 0)) {
      log.warn("webhook-refused", { channel: "whatsapp", reason });
      quietUntil.set(reason, clock.monotonic() + SAID_AGAIN_MS);
    }
    return new Response(null, { status });
  };
  const receive = async (request: Request, door: Door): Promise<Response> => {
    const signature = SIGNATURE.exec(request.headers.get("x-hub-signature-256") ?? "")?.[1];
    if (signature === undefined) return refuse(401, "it is not signed");
    if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return refuse(413, "it is too large");
    const body = await readAtMost(request.body, MAX_BODY_BYTES);
    if (body === null) return refuse(413, "it is too large");
    if (!isSigned(body, signature, settings.appSecret))
      return refuse(401, "the signature does not fit: check SANDPIPER_WHATSAPP_APP_SECRET");
    const json = parseBounded(body);
    if (json === undefined) return refuse(400, "it is no JSON that we read");
    return admit(readPayload(json, settings.phoneId), door, log);
  };
  return {
    path: "/whatsapp",
    receive: async (request, door) => {
      if (request.method === "GET") return shakeHands(request, settings.verifyToken, refuse);
      if (request.method === "POST") return receive(request, door);
      return new Response(null, { status: 405, headers: { allow: "GET, POST" } });
    },
  };
}

function shakeHands(
  request: Request,
  verifyToken: string,
  refuse: (status: number, reason: string) => Response,
): Response {
  const { searchParams } = new URL(request.url);
  const challenge = searchParams.get("hub.challenge") ?? "";
  const isOurs = isSame(searchParams.get("hub.verify_token") ?? "", verifyToken);
  if (searchParams.get("hub.mode") !== "subscribe" || challenge === "" || !isOurs)
    return refuse(403, "the verify token does not fit: check SANDPIPER_WHATSAPP_VERIFY_TOKEN");
  return new Response(challenge, { headers: { "content-type": "text/plain", "x-content-type-options": "nosniff" } });
}

/** Takes as long whatever is the same. */
function isSame(given: string, wanted: string): boolean {
  const [one, other] = [given, wanted].map((text) => createHash("sha256").update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

/** Over the bytes as they came: the same JSON written otherwise has another signature. */
function isSigned(body: Uint8Array, signature: string, secret: string): boolean {
  const given = Buffer.from(signature, "hex");
  const wanted = createHmac("sha256", secret).update(body).digest();
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Undefined: it is no JSON, or nests without end. */
function parseBounded(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return isDeep(text) ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Brackets in texts do not count. */
function isDeep(json: string): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (isText && character === "\\") at += 1;
    else if (character === '"') isText = !isText;
    else if (!isText && (character === "[" || character === "{")) depth += 1;
    else if (!isText && (character === "]" || character === "}")) depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

async function admit({ arrivals, receipts, problems }: Payload, door: Door, log: Log): Promise<Response> {
  for (const { failure, message } of problems) log.warn("whatsapp-trouble", { failure, message });
  try {
    await door.admit(arrivals, receipts);
  } catch (error) {
    log.error("webhook-failed", { channel: "whatsapp", error });
    // Meta sends it again, for seven days.
    return new Response(null, { status: 503 });
  }
  return new Response(null, { status: 200 });
}
