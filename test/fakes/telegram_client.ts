// A bot of a few lines, straight on the wire, and pictures to send with it.
import { PNG } from "pngjs";
import { z } from "zod";
import { FakeTelegram } from "../../fakes/telegram/server.ts";

const ANSWER = z.looseObject({
  ok: z.boolean(),
  result: z.unknown().optional(),
  error_code: z.number().optional(),
  description: z.string().optional(),
  parameters: z.looseObject({ retry_after: z.number().optional() }).optional(),
});
const MESSAGE = z.looseObject({ message_id: z.number() });

/** Ada's own chat with the bot. */
export const CHAT = 2001;

export type Answer = z.infer<typeof ANSWER> & { readonly status: number };

/** A service with a person who has opened the chat; her /start is message 1 and the first update. */
export function withAda(options: ConstructorParameters<typeof FakeTelegram>[0] = {}) {
  const telegram = new FakeTelegram(options);
  const ada = telegram.person({ id: CHAT, firstName: "Ada", username: "ada" });
  ada.start();
  return { telegram, ada, [Symbol.asyncDispose]: () => telegram[Symbol.asyncDispose]() };
}

/** One call with a JSON body; whatever the answer is. */
export async function call(
  telegram: FakeTelegram,
  method: string,
  parameters: Record<string, unknown> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const body = JSON.stringify(parameters);
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body, ...(signal !== undefined && { signal }) };
  return read(await fetch(`${telegram.url}/bot${telegram.token}/${method}`, init));
}

/** One call with a form; values that are files become parts. */
export async function post(
  telegram: FakeTelegram,
  method: string,
  form: Record<string, string | Blob>,
): Promise<Answer> {
  const body = new FormData();
  for (const [name, value] of Object.entries(form)) body.append(name, value);
  return read(await fetch(`${telegram.url}/bot${telegram.token}/${method}`, { method: "POST", body }));
}

/** The id of the message that a call sent. */
export function idOf({ result }: Answer): number {
  return MESSAGE.parse(result).message_id;
}

export function png(width: number, height: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(PNG.sync.write(new PNG({ width, height })));
}

/** A picture of a given size in pixels with one row of bytes: what counts is its head. */
export function pngHead(width: number, height: number): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(png(1, 1));
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return new Uint8Array(bytes);
}

export function file(name: string, bytes: BlobPart, type = ""): File {
  return new File([bytes], name, { type });
}

async function read(response: Response): Promise<Answer> {
  return { status: response.status, ...ANSWER.parse(await response.json()) };
}
