// envd's /files: bytes into and out of a sandbox, a mebibyte at a time, so that no file is ever held whole.
import { posix } from "node:path";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { LIMITS } from "../limits.ts";
import type { Channel } from "../room/channel.ts";
import { FrameError } from "../room/frames.ts";
import { json } from "../wire.ts";
import { parts } from "./multipart.ts";

const Opened = z.object({ handle: z.number(), size: z.number().optional(), path: z.string().optional() });

const METADATA = "x-metadata-";
/** E2B's own limit; it fits a frame beside the longest path. */
const MAX_METADATA_BYTES = 4_096;

export async function readFile(channel: Channel, url: URL): Promise<Response> {
  const { handle, size } = opened(await channel.request({ op: "openRead", path: pathOf(url) }));
  const close = () => channel.request({ op: "close", handle }).catch(() => undefined);
  const first = (await channel.request({ op: "read", handle })).body;
  if (first.length === 0) {
    await close();
    return new Response("", { headers: { "content-type": "application/octet-stream", "content-length": "0" } });
  }
  let next: Uint8Array | null = first;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = next ?? (await channel.request({ op: "read", handle })).body;
        next = null;
        if (chunk.length > 0) return controller.enqueue(chunk);
        await close();
        controller.close();
      },
      cancel: async () => void (await close()),
    },
    { highWaterMark: 1 },
  );
  // Not Content-Length: the file may grow or shrink while it is read.
  return new Response(body, {
    headers: { "content-type": "application/octet-stream", "x-file-size": String(size ?? 0) },
  });
}

export async function writeFiles(channel: Channel, request: Request, url: URL): Promise<Response> {
  const metadata = metadataIn(request.headers);
  if (request.headers.get("content-encoding") === "gzip" && request.body !== null)
    return json([
      await writeFile(
        channel,
        { path: pathOf(url), metadata },
        request.body.pipeThrough(new DecompressionStream("gzip")),
      ),
    ]);
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(
    request.headers.get("content-type") ?? "",
  )?.[1];
  if (boundary === undefined)
    return json([await writeFile(channel, { path: pathOf(url), metadata }, request.body ?? [])]);
  const written = [];
  for await (const part of parts(request.body ?? [], boundary)) {
    if (part.name !== "file") continue;
    const path = url.searchParams.get("path") ?? part.filename;
    written.push(await writeFile(channel, { path, metadata }, part.content));
  }
  if (written.length === 0) throw new AppError("bad_request", "The form has no part named file.");
  return json(written);
}

async function writeFile(
  channel: Channel,
  { path, metadata }: { readonly path: string; readonly metadata: Readonly<Record<string, string>> },
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<object> {
  const { handle, path: absolute } = opened(await channel.request({ op: "openWrite", path, metadata }));
  try {
    for await (const chunk of content)
      for (let start = 0; start < chunk.length; start += LIMITS.frameBodyBytes)
        await channel.request({ op: "write", handle }, chunk.subarray(start, start + LIMITS.frameBodyBytes));
  } finally {
    await channel.request({ op: "close", handle });
  }
  const where = absolute ?? path;
  const noted = Object.keys(metadata).length > 0 && { metadata };
  return { path: where, name: posix.basename(where), type: "file", ...noted };
}

/** Of E2B: what headers with this beginning say is noted about each file of the request. */
function metadataIn(headers: Headers): Record<string, string> {
  const found = [...headers].filter(([name]) => name.startsWith(METADATA));
  const metadata = Object.fromEntries(found.map(([name, value]) => [name.slice(METADATA.length), value]));
  if (!/^[ -~]*$/.test(Object.values(metadata).join("")) || JSON.stringify(metadata).length > MAX_METADATA_BYTES)
    throw new AppError("bad_request", `Metadata may be ${MAX_METADATA_BYTES} printable characters of ASCII.`);
  return metadata;
}

function pathOf(url: URL): string {
  const path = url.searchParams.get("path");
  if (path === null || path === "") throw new AppError("bad_request", "The path is missing.");
  return path;
}

function opened(reply: { readonly value: unknown }): z.infer<typeof Opened> {
  const parsed = Opened.safeParse(reply.value);
  if (!parsed.success) throw new FrameError("The room opened a file in a way that is not part of the protocol.");
  return parsed.data;
}
