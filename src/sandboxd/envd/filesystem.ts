// envd's filesystem service: what is where, and moving it about.
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import type { Channel, Operation } from "../room/channel.ts";
import { FrameError } from "../room/frames.ts";
import { parseMessage, readMessage, unary } from "./connect.ts";
import { entryInfo } from "./entries.ts";
import { watchRoute } from "./watch.ts";

const Path = z.object({ path: z.string().default("") });
const List = z.object({ path: z.string().default(""), depth: z.number().int().min(0).max(64).default(1) });
const Move = z.object({ source: z.string(), destination: z.string() });
const Page = z.object({ next: z.number().nullable() });

export async function filesystemRoutes(channel: Channel, method: string, request: Request): Promise<Response> {
  if (method === "WatchDir") return await watchRoute(channel, request);
  return await unary(async () => await call(channel, method, await readMessage(request)));
}

async function call(channel: Channel, method: string, message: unknown): Promise<object> {
  switch (method) {
    case "Stat":
      return await entryOf(channel, { op: "stat", ...parseMessage(Path, message) });
    case "MakeDir":
      return await entryOf(channel, { op: "makeDir", ...parseMessage(Path, message) });
    case "Move":
      return await entryOf(channel, { op: "move", ...parseMessage(Move, message) });
    case "Remove":
      await channel.request({ op: "remove", ...parseMessage(Path, message) });
      return {};
    case "ListDir":
      return { entries: await listAll(channel, parseMessage(List, message)) };
    default:
      throw new AppError("unsupported", `filesystem.Filesystem/${method} is not available in this sandbox.`);
  }
}

async function entryOf(channel: Channel, operation: Operation): Promise<object> {
  return { entry: entryInfo((await channel.request(operation)).value) };
}

/** A long list comes in pieces that fit a frame. */
async function listAll(channel: Channel, wanted: z.infer<typeof List>): Promise<object[]> {
  const entries: object[] = [];
  let from: number | null = 0;
  while (from !== null) {
    const reply = await channel.request({ op: "list", path: wanted.path, depth: Math.max(wanted.depth, 1), from });
    const page = Page.safeParse(reply.value);
    if (!page.success || (page.data.next !== null && page.data.next <= from))
      throw new FrameError("The room listed files in a way that is not part of the protocol.");
    const text = new TextDecoder().decode(reply.body);
    if (text !== "") entries.push(...text.split("\n").map((line) => entryInfo(JSON.parse(line))));
    from = page.data.next;
  }
  return entries;
}
