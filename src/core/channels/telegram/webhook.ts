// Where Telegram calls us, for whoever has a public address. Only what shows the secret is read.
import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import { aborted } from "../../../shared/stop.ts";
import type { Channel, Door } from "../channel.ts";
import { backoff, REFUSED, REFUSED_MS, type Listening } from "./polling.ts";
import { arrivalOf, KINDS } from "./updates.ts";

export type Address = { readonly url: string; readonly secret: string };

const HEADER = "x-telegram-bot-api-secret-token";
const MAX_BODY_BYTES = 4 * 2 ** 20;
const CALL_MS = 20_000;

/** Throws AppError `config`. */
export function checkAddress({ url, secret }: Address): void {
  if (!URL.canParse(url)) throw new AppError("config", "SANDPIPER_TELEGRAM_WEBHOOK is no address.");
  if (!/^[\w-]{16,256}$/.test(secret))
    throw new AppError(
      "config",
      "A webhook needs SANDPIPER_TELEGRAM_SECRET: 16 to 256 letters, digits, _ and -. Without it anybody could write.",
    );
}

/** Tells Telegram where to call, then leaves it to call. */
export async function announce(
  { url, secret }: Address,
  { client, timing, log, username }: Listening,
  door: Door,
  signal: AbortSignal,
): Promise<void> {
  // One call at a time keeps the order in which people write.
  const payload = { url, secret_token: secret, allowed_updates: KINDS, max_connections: 1 };
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      await client.ask(z.literal(true), { timeoutMs: CALL_MS, signal }, (api) => api.setWebhook(payload));
      door.tell({ state: "up", detail: `@${username}, by webhook` });
      await aborted(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = client.toError(thrown);
      log.warn("webhook-not-set", { channel: "telegram", error });
      const isRefused = error.failure === "auth" || error.failure === "permanent";
      door.tell({
        state: isRefused ? "refused" : "down",
        detail: error.failure === "auth" ? REFUSED : error.message,
      });
      const waitMs = error.retryAfterMs ?? backoff(failures, timing.random);
      await timing.pause(isRefused ? REFUSED_MS : waitMs, signal);
    }
  }
}

export function createWebhook({ url, secret }: Address): NonNullable<Channel["webhook"]> {
  return {
    path: new URL(url).pathname,
    receive: async (request, door) => {
      if (!isSame(request.headers.get(HEADER) ?? "", secret)) return new Response(null, { status: 401 });
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const body = await readBody(request);
      if (body === null) return new Response(null, { status: 413 });
      const update = parseJson(body);
      if (update === undefined) return new Response(null, { status: 400 });
      const arrival = arrivalOf(update);
      if (arrival !== null) await door.admit([arrival]);
      return new Response(null, { status: 200 });
    },
  };
}

/** In the same time for whatever is shown. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

const digest = (text: string): Buffer => new Bun.CryptoHasher("sha256").update(text).digest();

/** Null beyond the limit; nothing more is read then. */
async function readBody(request: Request): Promise<string | null> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return null;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
