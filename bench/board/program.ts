// A process of its own that takes part in a measurement: started, spoken with in lines of JSON, killed by its pid.
import { z } from "zod";

const Message = z.discriminatedUnion("type", [
  /** It can begin; the real core says where it listens. */
  z.object({ type: z.literal("ready"), port: z.number().exactOptional() }),
  /** A handler began (ms since the epoch, with fractions). */
  z.object({ type: z.literal("started"), at: z.number() }),
  /** A foreign row is about to be written, and was. */
  z.object({ type: z.literal("inserted"), at: z.number() }),
  z.object({ type: z.literal("done"), figures: z.record(z.string(), z.array(z.number())) }),
]);
export type Message = z.infer<typeof Message>;
type Of<Type extends Message["type"]> = Extract<Message, { type: Type }>;
/** Named lists of numbers: what a program measured. */
export type Figures = Of<"done">["figures"];

export type ProgramOptions = {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** `lines` for programs that are not Bun's: commands on stdin, messages on stdout. `none`: it only runs. */
  readonly speaks: "ipc" | "lines" | "none";
};

/** Nothing that is waited for takes longer. */
const ANSWER_WITHIN_MS = 180_000;

export class Program implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"pipe" | "ignore", "pipe" | "ignore", "inherit">;
  readonly #messages: Message[] = [];
  readonly #name: string;
  #arrived = Promise.withResolvers<void>();

  constructor({ argv, env = process.env, cwd = process.cwd(), speaks }: ProgramOptions) {
    this.#name = argv.at(-1) ?? "";
    this.#process = Bun.spawn([...argv], {
      cwd,
      env: { ...env },
      stdin: speaks === "lines" ? "pipe" : "ignore",
      stdout: speaks === "lines" ? "pipe" : "ignore",
      stderr: "inherit",
      ...(speaks === "ipc" ? { serialization: "json" as const, ipc: (message: unknown) => this.#take(message) } : {}),
    });
    if (this.#process.stdout instanceof ReadableStream) void this.#readLines(this.#process.stdout);
    void this.#process.exited.then(() => this.#arrived.resolve());
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The first message of this kind that was not taken yet. */
  async next<Type extends Message["type"]>(type: Type): Promise<Of<Type>> {
    const giveUpAt = performance.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const index = this.#messages.findIndex((message) => message.type === type);
      const [found] = index < 0 ? [] : this.#messages.splice(index, 1);
      if (found !== undefined && isOf(found, type)) return found;
      if (this.#process.exitCode !== null || this.#process.signalCode !== null)
        throw new Error(
          `${this.#name} ended (${this.#process.exitCode ?? this.#process.signalCode}) before "${type}".`,
        );
      if (performance.now() > giveUpAt) throw new Error(`${this.#name} did not say "${type}" in time.`);
      this.#arrived = Promise.withResolvers();
      const timer = setTimeout(this.#arrived.resolve, ANSWER_WITHIN_MS);
      await this.#arrived.promise;
      clearTimeout(timer);
    }
  }

  tell(command: string): void {
    const { stdin } = this.#process;
    if (typeof stdin === "object") {
      void stdin.write(`${command}\n`);
      void stdin.flush();
    } else this.#process.send(command);
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  /** SIGTERM, and SIGKILL for what does not obey. */
  async stop(graceMs: number): Promise<void> {
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    await this.#process.exited;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #take(message: unknown): void {
    this.#messages.push(Message.parse(message));
    this.#arrived.resolve();
  }

  async #readLines(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line));
    }
  }
}

function isOf<Type extends Message["type"]>(message: Message, type: Type): message is Of<Type> {
  return message.type === type;
}
