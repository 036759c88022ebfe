// Raw requests to the fake Cloud API, as a program without a library would make them.
import { deflateSync } from "node:zlib";
import { FakeGraph, type FakeGraphOptions } from "../../fakes/graph/server.ts";

export type Answer = { readonly status: number; readonly body: Record<string, unknown>; readonly headers: Headers };

/** A clock that stands until it is moved. */
export function stoppedClock(at = Date.UTC(2026, 10, 22)): { now: () => number; advance: (ms: number) => void } {
  let now = at;
  return { now: () => now, advance: (ms) => (now += ms) };
}

/** A fake and a person whose window is open. */
export function openGraph(options: FakeGraphOptions = {}) {
  const graph = new FakeGraph(options);
  const person = graph.person({ name: "Ada", waId: "4915112345678" });
  person.say("Hello");
  return { graph, person };
}

export async function ask(graph: FakeGraph, path: string, init: RequestInit = {}): Promise<Answer> {
  const headers = { authorization: `Bearer ${graph.account.token}`, ...plain(init.headers) };
  const response = await fetch(`${graph.url}/v23.0/${path}`, { ...init, headers });
  const body: unknown = await response.json();
  return { status: response.status, body: record(body), headers: response.headers };
}

export async function send(
  graph: FakeGraph,
  message: Record<string, unknown>,
  init: RequestInit = {},
): Promise<Answer> {
  const body = JSON.stringify({ messaging_product: "whatsapp", ...message });
  const headers = { "content-type": "application/json", ...plain(init.headers) };
  return await ask(graph, `${graph.account.phoneNumberId}/messages`, { ...init, method: "POST", body, headers });
}

export async function say(graph: FakeGraph, to: string, text: string): Promise<Answer> {
  return await send(graph, { to, type: "text", text: { body: text } });
}

export async function upload(graph: FakeGraph, bytes: BlobPart, type: string, name = "file"): Promise<Answer> {
  const form = new FormData();
  form.append("messaging_product", "whatsapp");
  form.append("type", type);
  form.append("file", new File([bytes], name, { type }));
  return await ask(graph, `${graph.account.phoneNumberId}/media`, { method: "POST", body: form });
}

/** The id of what was uploaded. Throws what was answered instead. */
export async function uploaded(graph: FakeGraph, bytes: BlobPart, type: string): Promise<string> {
  const { body } = await upload(graph, bytes, type);
  if (typeof body["id"] !== "string") throw new Error(JSON.stringify(body));
  return body["id"];
}

/** `error` of an answer that is one. */
export function errorOf({ body }: Answer): Record<string, unknown> {
  return record(body["error"]);
}

/** The id of the message that was taken. Throws what was answered instead. */
export function idOf({ body }: Answer): string {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  const { id } = record(messages[0]);
  if (typeof id !== "string") throw new Error(JSON.stringify(body));
  return id;
}

/** A PNG of one pixel: 8 bits a channel, colour type 6 is RGBA. */
export function png(colourType = 6): Uint8Array<ArrayBuffer> {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(1, 0);
  head.writeUInt32BE(1, 4);
  head.set([8, colourType, 0, 0, 0], 8);
  const pixel = deflateSync(Buffer.alloc(5));
  const parts = [Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", pixel), chunk("IEND")];
  return new Uint8Array(Buffer.concat(parts));
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function chunk(name: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(name), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(Bun.hash.crc32(body));
  return Buffer.concat([length, body, sum]);
}

function plain(headers: RequestInit["headers"]): Record<string, string> {
  return Object.fromEntries(new Headers(headers));
}
