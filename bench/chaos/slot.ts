// A place where one program runs at a time: started, stopped in its tracks, killed, and started anew.
import { z } from "zod";

const Message = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), port: z.number().exactOptional() }),
  z.object({ type: z.literal("failed"), message: z.string() }),
]);

export type SlotOptions = {
  readonly name: "core" | "worker";
  /** Asked anew for each start. */
  readonly command: () => { readonly argv: readonly string[]; readonly env: Record<string, string> };
  readonly cwd: string;
  /** A line of its log. */
  readonly onLine: (line: string) => void;
};

/** A program that does not begin in this time will not. */
const READY_WITHIN_MS = 30_000;

export class Slot implements AsyncDisposable {
  readonly name: SlotOptions["name"];
  readonly #options: SlotOptions;
  #process: Bun.Subprocess<"ignore", "pipe", "inherit"> | null = null;
  #read: Promise<void> = Promise.resolve();
  #isReady = false;
  #port = 0;

  constructor(options: SlotOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** 0 before the first start. */
  get port(): number {
    return this.#port;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get pid(): number {
    if (this.#process === null) throw new Error(`${this.name} was never started.`);
    return this.#process.pid;
  }

  /** Resolves when it is ready for work. */
  async start(): Promise<void> {
    const { argv, env } = this.#options.command();
    const ready = Promise.withResolvers<void>();
    const child = Bun.spawn([...argv], {
      cwd: this.#options.cwd,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
      serialization: "json",
      ipc: (sent: unknown) => {
        const message = Message.parse(sent);
        if (message.type === "failed") ready.reject(new Error(`${this.name} did not start: ${message.message}`));
        else {
          this.#port = message.port ?? this.#port;
          ready.resolve();
        }
      },
    });
    this.#process = child;
    this.#read = this.#readLines(child.stdout);
    const late = setTimeout(() => ready.reject(new Error(`${this.name} did not start in time.`)), READY_WITHIN_MS);
    void this.#end(child).then(ready.reject);
    await ready.promise.finally(() => clearTimeout(late));
    this.#isReady = true;
  }

  async #end(child: Bun.Subprocess): Promise<Error> {
    const code = await child.exited;
    if (this.#process === child) this.#isReady = false;
    return new Error(`${this.name} ended with ${String(code ?? child.signalCode)} before it was ready.`);
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.kill(name);
  }

  async kill(): Promise<void> {
    if (this.#process === null) return;
    this.#isReady = false;
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    await this.#read;
  }

  /** As an ordinary stop goes. Returns its exit code; null when it had to be killed. */
  async end(graceMs: number): Promise<number | null> {
    if (this.#process === null) return null;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process?.kill("SIGKILL"), graceMs);
    await this.#process.exited;
    clearTimeout(timer);
    await this.#read;
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #readLines(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(this.#options.onLine);
    }
  }
}
