// envd's process service: commands are started and followed as streams, fed and signalled by single calls.
import { z } from "zod";
import { LIMITS } from "../limits.ts";
import { RoomError, type Channel } from "../room/channel.ts";
import type { Command, CommandEvent, Commands } from "./commands.ts";
import { afterLimit, connectFailure, parseMessage, readMessage, refusedStream, streamed, unary } from "./connect.ts";
import { keepAlive, Sink } from "./sink.ts";

const Selector = z.object({ pid: z.number().int().optional(), tag: z.string().optional() });
const Size = z.object({ cols: z.int().min(0).max(65_535).default(0), rows: z.int().min(0).max(65_535).default(0) });
const Terminal = z.object({ size: Size.prefault({}) });
const Start = z.object({
  process: z.object({
    cmd: z.string(),
    args: z.array(z.string()).default([]),
    envs: z.record(z.string(), z.string()).default({}),
    cwd: z.string().default(""),
  }),
  tag: z.string().optional(),
  pty: Terminal.nullish(),
  stdin: z.boolean().default(true),
});
const Select = z.object({ process: Selector });
const Update = z.object({ process: Selector, pty: Terminal.nullish() });
const Input = z.object({
  process: Selector,
  input: z.union([z.object({ stdin: z.base64() }), z.object({ pty: z.base64() })]),
});
const Signal = z.object({ process: Selector, signal: z.union([z.string(), z.number()]) });

export type ProcessService = { readonly channel: Channel; readonly commands: Commands };

export async function processRoutes(service: ProcessService, method: string, request: Request): Promise<Response> {
  if (method !== "Start" && method !== "Connect")
    return await unary(async () => await call(service, method, await readMessage(request)));
  try {
    return await follow(service, method, request);
  } catch (error) {
    const { code, message } = connectFailure(error);
    return refusedStream(code, message);
  }
}

async function call({ channel, commands }: ProcessService, method: string, message: unknown): Promise<object> {
  const pidOf = (selector: z.infer<typeof Selector>): number => found(commands, selector).pid;
  switch (method) {
    case "List":
      return {
        processes: commands.list().map(({ pid, tag, config }) => ({ pid, config, ...(tag !== undefined && { tag }) })),
      };
    case "SendInput": {
      const { process, input } = parseMessage(Input, message);
      const text = "pty" in input ? input.pty : input.stdin;
      const [pid, bytes] = [pidOf(process), Buffer.from(text, "base64")];
      for (let start = 0; start === 0 || start < bytes.length; start += LIMITS.frameBodyBytes)
        await channel.request({ op: "sendInput", pid }, bytes.subarray(start, start + LIMITS.frameBodyBytes));
      return {};
    }
    case "Update": {
      const { process, pty } = parseMessage(Update, message);
      const pid = pidOf(process);
      if (pty != null) await channel.request({ op: "resizeProcess", pid, ...pty.size });
      return {};
    }
    case "CloseStdin":
      await channel.request({ op: "closeInput", pid: pidOf(parseMessage(Select, message).process) });
      return {};
    case "SendSignal": {
      const { process, signal } = parseMessage(Signal, message);
      const name = signal === 9 ? "SIGNAL_SIGKILL" : signal === 15 ? "SIGNAL_SIGTERM" : String(signal);
      await channel.request({ op: "signalProcess", pid: pidOf(process), signal: name });
      return {};
    }
    default:
      throw new RoomError("unimplemented", `process.Process/${method} is not available in this sandbox.`);
  }
}

/** A stream that a client may leave without harm to the command; only its own time limit kills it. */
async function follow(service: ProcessService, method: "Start" | "Connect", request: Request): Promise<Response> {
  const message = await readMessage(request);
  const sink = new Sink(service.channel);
  // What comes before its start event waits for it.
  let early: CommandEvent[] | null = [];
  const tell = (event: CommandEvent): void => (early === null ? sink.send({ event }) : void early.push(event));
  const command =
    method === "Start"
      ? await start(service, message, tell)
      : found(service.commands, parseMessage(Select, message).process);
  const waiting = early;
  early = null;
  for (const event of [{ start: { pid: command.pid } }, ...waiting]) tell(event);
  command.listeners.add(tell);
  const limit = limitCommand(service, method, request, command, sink);
  keepAlive(sink, request, { event: { keepalive: {} } });
  sink.whenOver(() => command.listeners.delete(tell));
  void command.ended
    .then(
      () => sink.end(null),
      () => sink.break(),
    )
    .finally(() => clearTimeout(limit));
  return streamed(sink.body);
}

/** The limit of whoever started the command kills it, also when that client has gone; another's ends its own stream. */
function limitCommand(
  { channel }: ProcessService,
  method: "Start" | "Connect",
  request: Request,
  { pid }: Command,
  sink: Sink,
): Timer | undefined {
  return afterLimit(request, () => {
    sink.end({ code: "deadline_exceeded", message: "The command took longer than its time limit." });
    if (method === "Start")
      channel.request({ op: "signalProcess", pid, signal: "SIGNAL_SIGKILL" }).catch(() => undefined);
  });
}

async function start(
  { commands }: ProcessService,
  message: unknown,
  listener: (event: CommandEvent) => void,
): Promise<Command> {
  const { process, tag, pty, stdin } = parseMessage(Start, message);
  return await commands.start({ config: process, tag, hasInput: stdin, terminal: pty?.size ?? null }, listener);
}

function found(commands: Commands, selector: z.infer<typeof Selector>): Command {
  const command = commands.find(selector);
  if (command === undefined)
    throw new RoomError("not_found", `process ${selector.pid ?? selector.tag ?? ""} not found`);
  return command;
}
