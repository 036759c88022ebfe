// The Connect protocol in JSON, as envd speaks it: unary calls, and streams of enveloped messages.
import type { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { RoomError } from "../room/channel.ts";
import { asciiJson, json, ROOM_STATUS } from "../wire.ts";

const PREFIX_BYTES = 5;
const END_OF_STREAM = 0x02;
/** One that is longer goes off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const STREAM_TYPE = "application/connect+json";

/** Codes that are ours alone, in Connect's words. */
function connectCode(code: string): string {
  return code === "no_space" ? "resource_exhausted" : code;
}

export function connectFailure(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof RoomError) return { code: connectCode(error.code), message: error.message };
  if (error instanceof AppError)
    return { code: error.code === "bad_request" ? "invalid_argument" : "internal", message: error.message };
  return { code: "unavailable", message: "The sandbox ended while it was working on this." };
}

/** Answers with what `handle` returns; a refusal of the room becomes Connect's error body. */
export async function unary(handle: () => Promise<object>): Promise<Response> {
  try {
    return json(await handle());
  } catch (error) {
    if (!(error instanceof RoomError) && !(error instanceof AppError)) throw error;
    const failure = connectFailure(error);
    return json(failure, ROOM_STATUS[failure.code] ?? 500);
  }
}

export function isStream(request: Request): boolean {
  return request.headers.get("content-type")?.startsWith(STREAM_TYPE) ?? false;
}

/** Undefined: the client set no limit. */
export function afterLimit(request: Request, act: () => void): Timer | undefined {
  const limitMs = Number(request.headers.get("connect-timeout-ms"));
  return limitMs > 0 ? setTimeout(act, Math.min(limitMs, LONGEST_TIMER_MS)) : undefined;
}

/** The one message of a request, whether enveloped or not. Throws AppError `bad_request`. */
export async function readMessage(request: Request): Promise<unknown> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  const text = isStream(request) ? bytes.subarray(PREFIX_BYTES) : bytes;
  try {
    return JSON.parse(new TextDecoder().decode(text)) as unknown;
  } catch (cause) {
    throw new AppError("bad_request", "The message is not JSON.", { cause });
  }
}

export function envelope(message: object, isEnd = false): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(asciiJson(message));
  const framed = new Uint8Array(PREFIX_BYTES + text.length);
  framed[0] = isEnd ? END_OF_STREAM : 0;
  new DataView(framed.buffer).setUint32(1, text.length);
  framed.set(text, PREFIX_BYTES);
  return framed;
}

/** A stream that ends with that error, before it said anything. */
export function refusedStream(code: string, message: string): Response {
  return new Response(envelope({ error: { code, message } }, true), { headers: { "content-type": STREAM_TYPE } });
}

export function streamed(body: ReadableStream<Uint8Array>): Response {
  return new Response(body, { headers: { "content-type": STREAM_TYPE } });
}

/** Throws AppError `bad_request`. */
export function parseMessage<Schema extends z.ZodType>(schema: Schema, message: unknown): z.output<Schema> {
  const parsed = schema.safeParse(message);
  if (!parsed.success) throw new AppError("bad_request", "The message does not have the form of this call.");
  return parsed.data;
}
