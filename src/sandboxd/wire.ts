// Small things of HTTP that the three services share: JSON answers, E2B's error body, tokens compared in constant time.
import { createHash, timingSafeEqual } from "node:crypto";
import type { z } from "zod";
import { AppError, type ErrorCode } from "../shared/errors.ts";
import { LIMITS } from "./limits.ts";
import { RoomError } from "./room/channel.ts";

/** ASCII only: E2B's client decodes each network chunk by itself, which breaks characters of several bytes. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(asciiJson(value), { status, headers: { "content-type": "application/json", ...headers } });
}

/** The error body of E2B's control plane and envd; `code` repeats the status because clients read it there. */
export function failure(status: number, message: string): Response {
  return json({ code: status, message }, status);
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  budget: 429,
  unsupported: 501,
  unavailable: 503,
};

export function failureOf(error: AppError): Response {
  return failure(STATUS[error.code] ?? 500, error.message);
}

/** Connect's codes, as the room's agent uses them, in HTTP. */
export const ROOM_STATUS: Readonly<Record<string, number>> = {
  not_found: 404,
  already_exists: 409,
  invalid_argument: 400,
  failed_precondition: 400,
  permission_denied: 403,
  resource_exhausted: 429,
  no_space: 507,
};

export function failureOfRoom(error: RoomError): Response {
  return failure(ROOM_STATUS[error.code] ?? 500, error.message);
}

export function sameSecret(given: string | null, wanted: string): boolean {
  return given !== null && timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** The body of a request that is no file. Throws AppError `too_large` before it has held more than a message may have. */
export async function messageOf(request: Request): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > LIMITS.messageBytes)
      throw new AppError("too_large", `A message may have ${LIMITS.messageBytes} bytes. Put data into a file instead.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body as JSON of that shape; throws AppError `bad_request` or `too_large`. An empty body counts as `{}`. */
export async function parseBody<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.output<Schema>> {
  const text = (await messageOf(request)).toString();
  let value: unknown;
  try {
    value = text === "" ? {} : JSON.parse(text);
  } catch (cause) {
    throw new AppError("bad_request", "The body of the request is not JSON.", { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError("bad_request", `The request is not valid: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`);
}
