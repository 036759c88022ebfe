// One call as it arrives: query, JSON, urlencoded or multipart, all read into one record; files apart.
import { z } from "zod";
import type { Upload } from "./files.ts";
import { badRequest } from "./refusal.ts";

export type Parameters = {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly files: ReadonlyMap<string, Upload>;
};

const ANY_RECORD = z.record(z.string(), z.unknown());

export async function readParameters(request: Request): Promise<Parameters> {
  const fields: Record<string, unknown> = Object.fromEntries(new URL(request.url).searchParams);
  const files = new Map<string, Upload>();
  const type = request.headers.get("content-type") ?? "";
  if (request.method === "POST" && type.startsWith("application/json"))
    Object.assign(fields, readJson(await request.text()));
  else if (request.method === "POST" && type.startsWith("application/x-www-form-urlencoded"))
    Object.assign(fields, Object.fromEntries(new URLSearchParams(await request.text())));
  else if (request.method === "POST" && type.startsWith("multipart/form-data"))
    for (const [name, value] of await request.formData())
      if (typeof value === "string") fields[name] = value;
      else files.set(name, await toUpload(value, name));
  return { fields, files };
}

/** Numbers, truths and objects also come as text: in forms there is nothing else. */
export const INTEGER = z.union([
  z.int(),
  z
    .string()
    .regex(/^-?\d{1,19}$/)
    .transform(Number),
]);
export const FLAG = z.union([
  z.boolean(),
  z.stringbool({ truthy: ["true", "1", "yes"], falsy: ["false", "0", "no", ""], error: "no truth value" }),
]);

export function json<T extends z.ZodType>(schema: T) {
  return z.preprocess((value, context) => {
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      context.addIssue("not JSON");
      return z.NEVER;
    }
  }, schema);
}

/** The fields by a schema; what does not fit is the service's complaint about the first such field. */
export function parse<T extends z.ZodType>(schema: T, fields: Readonly<Record<string, unknown>>): z.output<T> {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? "request");
  if (name === "reply_markup") throw badRequest("can't parse inline keyboard button: wrong object");
  throw badRequest(
    fields[name] === undefined ? `parameter "${name}" is required` : `invalid value of parameter "${name}"`,
  );
}

function readJson(text: string): Record<string, unknown> {
  try {
    const parsed = ANY_RECORD.safeParse(text === "" ? {} : JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest("can't parse JSON object");
}

async function toUpload(file: Blob, field: string): Promise<Upload> {
  const name = file instanceof File && file.name !== "" ? file.name : field;
  const type = file.type.split(";")[0];
  // What a client says about bytes that it does not know is not worth more than the name.
  const mimeType = type === "application/octet-stream" ? undefined : type;
  return { name, bytes: new Uint8Array(await file.arrayBuffer()), mimeType };
}
