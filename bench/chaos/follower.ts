// Somebody who watches the dashboard all the time: connects again after each kill, from the last seq that was seen.
import { z } from "zod";
import { pause } from "../../src/shared/stop.ts";

const Frame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello") }),
  z.object({ type: z.literal("event"), event: z.object({ seq: z.number(), jobId: z.string(), kind: z.string() }) }),
  z.object({ type: z.literal("error") }),
]);

export type Seen = { readonly job: string; readonly kind: string };

const AGAIN_MS = 50;

export class Follower {
  readonly #token: string;
  readonly #port: () => number | null;
  readonly #seen = new Map<number, Seen>();
  #cursor = 0;
  #disorders = 0;

  constructor(token: string, port: () => number | null) {
    this.#token = token;
    this.#port = port;
  }

  get seen(): ReadonlyMap<number, Seen> {
    return this.#seen;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Frames whose seq did not rise. */
  get disorders(): number {
    return this.#disorders;
  }

  async follow(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const port = this.#port();
      if (port !== null) await this.#watch(port, stop);
      await pause(AGAIN_MS, stop);
    }
  }

  /** Until the line is cut. */
  async #watch(port: number, stop: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/live`);
    const close = () => socket.close();
    stop.addEventListener("abort", close, { once: true });
    socket.addEventListener("open", () =>
      socket.send(JSON.stringify({ type: "auth", key: this.#token, after: this.#cursor })),
    );
    socket.addEventListener("message", ({ data }) => this.#take(String(data)));
    socket.addEventListener("close", () => resolve());
    socket.addEventListener("error", () => resolve());
    await promise;
    stop.removeEventListener("abort", close);
  }

  #take(text: string): void {
    const frame = Frame.parse(JSON.parse(text));
    if (frame.type !== "event") return;
    const { seq, jobId: job, kind } = frame.event;
    if (seq <= this.#cursor) this.#disorders += 1;
    this.#seen.set(seq, { job, kind });
    this.#cursor = Math.max(this.#cursor, seq);
  }
}
