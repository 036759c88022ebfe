// envd's process service: commands are started and followed as streams, fed and signalled by single calls.
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { LIMITS } from "../limits.ts";
import { RoomError, type Channel } from "../room/channel.ts";
import type { Command, CommandEvent, Commands } from "./commands.ts";
import { connectFailure, envelope, readMessage, refusedStream, streamed, unary } from "./connect.ts";

const Selector = z.object({ pid: z.number().int().optional(), tag: z.string().optional() });
const Start = z.object({
  process: z.object({
    cmd: z.string(),
    args: z.array(z.string()).default([]),
    envs: z.record(z.string(), z.string()).default({}),
    cwd: z.string().default(""),
  }),
  tag: z.string().optional(),
  pty: z.unknown().optional(),
  stdin: z.boolean().default(true),
});
const Select = z.object({ process: Selector });
const Input = z.object({ process: Selector, input: z.object({ stdin: z.base64() }) });
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
      const { process, input } = parse(Input, message);
      await channel.request({ op: "sendInput", pid: pidOf(process) }, Buffer.from(input.stdin, "base64"));
      return {};
    }
    case "CloseStdin":
      await channel.request({ op: "closeInput", pid: pidOf(parse(Select, message).process) });
      return {};
    case "SendSignal": {
      const { process, signal } = parse(Signal, message);
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
  const sink = new Sink();
  const command =
    method === "Start" ? await start(service, message, sink) : found(service.commands, parse(Select, message).process);
  sink.first({ start: { pid: command.pid } });
  command.listeners.add(sink.send);
  const pingSeconds = Number(request.headers.get("keepalive-ping-interval")) || 50;
  const ping = setInterval(() => sink.send({ keepalive: {} }), pingSeconds * 1_000);
  const limit = limitCommand(service, method, request, command, sink);
  const leave = (): void => {
    clearInterval(ping);
    command.listeners.delete(sink.send);
  };
  sink.onCancel = leave;
  const end = (): void => {
    clearTimeout(limit);
    leave();
  };
  void command.ended
    .then(
      () => sink.end(null),
      () => sink.break(),
    )
    .finally(end);
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
  const limitMs = Number(request.headers.get("connect-timeout-ms"));
  if (!(limitMs > 0)) return undefined;
  return setTimeout(() => {
    sink.end({ code: "deadline_exceeded", message: "The command took longer than its time limit." });
    if (method === "Start")
      channel.request({ op: "signalProcess", pid, signal: "SIGNAL_SIGKILL" }).catch(() => undefined);
  }, limitMs);
}

async function start({ commands }: ProcessService, message: unknown, sink: Sink): Promise<Command> {
  const { process, tag, pty, stdin } = parse(Start, message);
  if (pty !== undefined && pty !== null)
    throw new RoomError("unimplemented", "There are no terminals in this sandbox.");
  return await commands.start({ config: process, tag, hasInput: stdin }, sink.send);
}

/** Events on their way to one client. What comes before the start event waits for it. */
class Sink {
  readonly body: ReadableStream<Uint8Array>;
  onCancel: () => void = () => undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #early: CommandEvent[] | null = [];
  #isOver = false;

  constructor() {
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        cancel: () => {
          this.#isOver = true;
          this.onCancel();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
    );
  }

  first(event: CommandEvent): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const one of [event, ...early]) this.send(one);
  }

  readonly send = (event: CommandEvent): void => {
    if (this.#early !== null) this.#early.push(event);
    else if (!this.#isOver) this.#enqueue(envelope({ event }));
  };

  end(error: { readonly code: string; readonly message: string } | null): void {
    if (this.#isOver) return;
    this.#controller?.enqueue(envelope(error === null ? {} : { error }, true));
    this.#isOver = true;
    this.#controller?.close();
  }

  break(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // With a reason, Bun would print it as an uncaught error.
    this.#controller?.error();
  }

  #enqueue(bytes: Uint8Array): void {
    this.#controller?.enqueue(bytes);
    if ((this.#controller?.desiredSize ?? 0) < -LIMITS.unreadBytes)
      this.end({ code: "resource_exhausted", message: "The client does not read the output of the command." });
  }
}

function found(commands: Commands, selector: z.infer<typeof Selector>): Command {
  const command = commands.find(selector);
  if (command === undefined)
    throw new RoomError("not_found", `process ${selector.pid ?? selector.tag ?? ""} not found`);
  return command;
}

function parse<Schema extends z.ZodType>(schema: Schema, message: unknown): z.output<Schema> {
  const parsed = schema.safeParse(message);
  if (!parsed.success) throw new AppError("bad_request", "The message does not have the form of this call.");
  return parsed.data;
}
