// What one run says, from the room's events to E2B's lines: decoded, checked and bounded, because a room may say anything.
import { z } from "zod";
import { LIMITS } from "../limits.ts";
import { FrameError } from "../room/frames.ts";
import type { RoomEvent } from "../room/channel.ts";

export type OutputLine = { readonly type: string; readonly [field: string]: unknown };

const Json: z.ZodType = z.json();
const Text = z.string().optional();
const Result = z.object({
  is_main_result: z.boolean(),
  text: Text,
  html: Text,
  markdown: Text,
  svg: Text,
  png: Text,
  jpeg: Text,
  pdf: Text,
  latex: Text,
  javascript: Text,
  json: Json.optional(),
  data: z.record(z.string(), Json).optional(),
  chart: z.record(z.string(), Json).optional(),
  /** Forms that have no field of their own, by media type. */
  extra: z.record(z.string(), Json).optional(),
});
const RunError = z.object({ name: z.string(), value: z.string(), traceback: z.string() });
const Died = z.object({ died: z.object({ signal: z.number(), exitCode: z.number() }) });

const SIGKILL = 9;
const SIGXCPU = 24;

export class RunOutput {
  readonly #emit: (line: OutputLine) => void;
  readonly #kill: () => void;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #textBytes = 0;
  #droppedBytes = 0;
  #resultBytes = 0;
  #parts: Uint8Array[] = [];
  #stopped: string | null = null;

  /** `kill` is called at most once, when the run says more than a run may. */
  constructor(emit: (line: OutputLine) => void, kill: () => void) {
    this.#emit = emit;
    this.#kill = kill;
  }

  /** Throws FrameError for what the agent of a healthy room would never send. */
  take(event: RoomEvent): void {
    if (this.#stopped !== null) return;
    if (event.name === "stdout" || event.name === "stderr") this.#takeText(event.name, event.body);
    else this.#takeWhole(event);
  }

  /** `value` is the agent's last word: empty, or how the process died. */
  finish(value: unknown, wasCancelled: boolean): void {
    for (const name of ["stdout", "stderr"] as const) this.#emitText(name, this.#decoders[name].decode());
    if (this.#droppedBytes > 0) this.#emitText("stderr", `[output truncated: ${this.#droppedBytes} bytes more]\n`);
    const died = Died.safeParse(value);
    if (this.#stopped !== null) this.#emitError("OutputLimit", this.#stopped);
    else if (died.success) this.#emitError("KernelDied", deathReason(died.data.died, wasCancelled));
  }

  #takeText(name: "stdout" | "stderr", body: Uint8Array<ArrayBuffer>): void {
    const room = Math.max(0, LIMITS.outputKeptBytes - this.#textBytes);
    this.#textBytes += body.length;
    this.#droppedBytes += Math.max(0, body.length - room);
    if (room > 0) this.#emitText(name, this.#decoders[name].decode(body.subarray(0, room), { stream: true }));
    if (this.#textBytes > LIMITS.outputKilledBytes)
      this.#stop(`The code wrote more than ${LIMITS.outputKilledBytes / 2 ** 20} MiB of output and was stopped.`);
  }

  #takeWhole(event: RoomEvent): void {
    this.#resultBytes += event.body.length;
    if (this.#resultBytes > LIMITS.resultBytes) {
      this.#stop(`The code produced more than ${LIMITS.resultBytes / 2 ** 20} MiB of results and was stopped.`);
      return;
    }
    this.#parts.push(event.body);
    if (event.more) return;
    const text = new TextDecoder().decode(Buffer.concat(this.#parts.splice(0)));
    if (event.name === "result") this.#emit({ type: "result", ...parse(Result, text) });
    else if (event.name === "error") this.#emit({ type: "error", ...parse(RunError, text) });
    else this.#emit({ type: "number_of_executions", execution_count: parse(z.number(), text) });
  }

  #emitText(name: "stdout" | "stderr", text: string): void {
    if (text !== "") this.#emit({ type: name, text, timestamp: Date.now() * 1_000_000 });
  }

  #emitError(name: string, value: string): void {
    this.#emit({ type: "error", name, value, traceback: `${name}: ${value}` });
  }

  #stop(reason: string): void {
    this.#stopped = reason;
    this.#parts = [];
    this.#kill();
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new FrameError("The room sent a result that is not part of the protocol.", { cause });
  }
}

function deathReason(died: { signal: number; exitCode: number }, wasCancelled: boolean): string {
  if (wasCancelled) return "The code did not stop when it was interrupted and was killed. Its memory is lost.";
  const again = "The next run begins with empty memory.";
  if (died.signal === SIGKILL) return `The Python process was killed, probably because memory ran out. ${again}`;
  if (died.signal === SIGXCPU) return `The Python process had all the processor time that one may have. ${again}`;
  if (died.signal !== 0) return `The Python process crashed (signal ${died.signal}). ${again}`;
  return `The Python process ended by itself (exit code ${died.exitCode}). ${again}`;
}
