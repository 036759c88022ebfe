// Folders that a client watches: what the room's agent tells of them, checked, in the words of E2B, as a stream.
import { z } from "zod";
import { RoomError, type Channel } from "../room/channel.ts";
import { FrameError } from "../room/frames.ts";
import { afterLimit, connectFailure, parseMessage, readMessage, refusedStream, streamed } from "./connect.ts";
import { entryInfo } from "./entries.ts";
import { keepAlive, Sink } from "./sink.ts";

export const Wanted = z.object({
  path: z.string().default(""),
  recursive: z.boolean().default(false),
  includeEntry: z.boolean().default(false),
});

const KINDS = {
  create: "EVENT_TYPE_CREATE",
  write: "EVENT_TYPE_WRITE",
  remove: "EVENT_TYPE_REMOVE",
  rename: "EVENT_TYPE_RENAME",
  chmod: "EVENT_TYPE_CHMOD",
} as const;
const Happened = z.object({
  name: z.string(),
  kind: z.enum(["create", "write", "remove", "rename", "chmod"]),
  entry: z.unknown().optional(),
});

export type Watch = {
  readonly stop: () => void;
  /** Resolves once it was stopped; rejects with RoomError when too much happened, and when the room ends. */
  readonly ended: Promise<void>;
};

/** E2B's WatchDirResponse. */
type WatchMessage = { readonly start: object } | { readonly filesystem: object };

/** `listener` hears the start, then whatever happens. Throws RoomError when it cannot be watched. */
export async function watchFolder(
  channel: Channel,
  { path, recursive, includeEntry: entries }: z.infer<typeof Wanted>,
  listener: (message: WatchMessage) => void,
): Promise<Watch> {
  const watch = crypto.randomUUID();
  const started = Promise.withResolvers<void>();
  const ended = channel
    .request({ op: "watch", watch, path, recursive, entries }, undefined, ({ name, body }) => {
      if (name !== "start") return eventsIn(body).forEach((filesystem) => listener({ filesystem }));
      listener({ start: {} });
      started.resolve();
    })
    .then(() => undefined);
  ended.catch((error: unknown) => started.reject(error));
  await started.promise;
  return { ended, stop: () => void channel.request({ op: "unwatch", watch }).catch(() => undefined) };
}

function eventsIn(body: Uint8Array): object[] {
  const lines = new TextDecoder().decode(body).split("\n");
  return lines.map((line) => {
    const parsed = Happened.safeParse(parseLine(line));
    if (!parsed.success) throw new FrameError("The room told of a file in a way that is not part of the protocol.");
    const { name, kind, entry } = parsed.data;
    return { name, type: KINDS[kind], ...(entry !== undefined && { entry: entryInfo(entry) }) };
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new FrameError("The room told of a file in what is not JSON.", { cause });
  }
}

/** Until the client leaves or its time is over. */
export async function watchRoute(channel: Channel, request: Request): Promise<Response> {
  try {
    const sink = new Sink();
    const wanted = parseMessage(Wanted, await readMessage(request));
    const watch = await watchFolder(channel, wanted, (message) => sink.send(message));
    keepAlive(sink, request, { keepalive: {} });
    const over = { code: "deadline_exceeded", message: "The folder was watched for as long as was asked." };
    const limit = afterLimit(request, () => sink.end(over));
    sink.whenOver(() => clearTimeout(limit));
    sink.whenOver(watch.stop);
    void watch.ended.then(
      () => sink.end(null),
      (error: unknown) => (error instanceof RoomError ? sink.end(connectFailure(error)) : sink.break()),
    );
    return streamed(sink.body);
  } catch (error) {
    const { code, message } = connectFailure(error);
    return refusedStream(code, message);
  }
}
