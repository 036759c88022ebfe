// Where Meta calls us: the handshake, the signature over the raw bytes, and 200 only when everything has been let in.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Door } from "../channel.ts";
import { readPost } from "./payload.ts";

export type Secrets = { readonly appSecret: string; readonly verifyToken: string; readonly phoneId: string };

/** Meta posts 3 MB at most. */
const MAX_BYTES = 4 * 2 ** 20;

export async function receive(secrets: Secrets, request: Request, door: Door): Promise<Response> {
  if (request.method === "GET") return handshake(secrets.verifyToken, new URL(request.url).searchParams);
  if (request.method !== "POST") return new Response(null, { status: 405 });
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BYTES) return new Response(null, { status: 413 });
  const raw = new Uint8Array(await request.arrayBuffer());
  if (raw.byteLength > MAX_BYTES) return new Response(null, { status: 413 });
  if (!isSigned(raw, request.headers.get("x-hub-signature-256"), secrets.appSecret))
    return new Response(null, { status: 401 });
  const post = readPost(parse(raw), secrets.phoneId);
  if (post === null) return new Response(null, { status: 400 });
  // A throw is answered with 503: Meta sends it again, for seven days.
  await door.admit(post.arrivals, post.receipts);
  return new Response(null, { status: 200 });
}

function handshake(verifyToken: string, query: URLSearchParams): Response {
  const isOurs = query.get("hub.mode") === "subscribe" && isSame(query.get("hub.verify_token") ?? "", verifyToken);
  return isOurs
    ? new Response(query.get("hub.challenge") ?? "", { headers: { "Content-Type": "text/plain" } })
    : new Response(null, { status: 403 });
}

/** Over the bytes as they came: written anew, the same JSON has another signature. */
export function isSigned(raw: Uint8Array, header: string | null, secret: string): boolean {
  const given = /^sha256=([\da-f]{64})$/i.exec(header ?? "")?.[1];
  if (given === undefined || secret === "") return false;
  return timingSafeEqual(Buffer.from(given, "hex"), createHmac("sha256", secret).update(raw).digest());
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return wanted !== "" && a.length === b.length && timingSafeEqual(a, b);
}

function parse(raw: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(raw));
  } catch {
    return undefined;
  }
}
