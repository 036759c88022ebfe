// The live line to core: one WebSocket that always comes back, and a cursor so that no event is lost or seen twice.
import { signal, type ReadonlySignal } from "@preact/signals";
import type { JobEvent, LiveFrame } from "../shared/types.ts";

export type LiveStatus = "idle" | "connecting" | "open" | "lost";

export type LiveListener = {
  readonly onEvent: (event: JobEvent) => void;
  /** Core's log is shorter than what we have seen: everything shown must be fetched anew. */
  readonly onReset: () => void;
  /** Core is there again after it was away. */
  readonly onReturn: () => void;
  /** Core took the connection but did not accept this browser. */
  readonly onRefused: () => void;
};

const FIRST_RETRY_MS = 400;
const SLOWEST_RETRY_MS = 10_000;
/** Core's close code for a browser that it does not know. */
const CLOSE_UNPAIRED = 4401;

/** Doubles with each attempt; the jitter keeps several tabs from knocking at the same instant. */
export function retryDelayMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(SLOWEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  return ceiling / 2 + random() * (ceiling / 2);
}

export class Live {
  readonly #url: string;
  readonly #readKey: () => string;
  readonly #listener: LiveListener;
  readonly #status = signal<LiveStatus>("idle");
  #socket: WebSocket | null = null;
  /** The last event seen; null before the first start. */
  #cursor: number | null = null;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, readKey: () => string, listener: LiveListener) {
    this.#url = url;
    this.#readKey = readKey;
    this.#listener = listener;
  }

  get status(): ReadonlySignal<LiveStatus> {
    return this.#status;
  }

  /** Connects and stays connected. The first start replays what is later than `after`, a later one what was missed. */
  start(after: number): void {
    this.#cursor ??= after;
    if (this.#status.peek() === "idle") this.#connect();
  }

  stop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#status.value = "idle";
    socket?.close();
  }

  /** Does not wait for the next planned attempt. */
  retryNow(): void {
    if (this.#status.peek() === "lost" && this.#socket === null) this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    if (this.#status.peek() === "idle") this.#status.value = "connecting";
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "auth", key: this.#readKey(), after: this.#cursor ?? 0 }));
    });
    socket.addEventListener("message", ({ data }) => {
      const frame = frameOf(data);
      if (frame !== null && this.#socket === socket) this.#receive(frame);
    });
    socket.addEventListener("close", ({ code }) => {
      if (this.#socket !== socket) return;
      if (code === CLOSE_UNPAIRED) this.#listener.onRefused();
      this.#socket = null;
      this.#status.value = "lost";
      this.#timer = setTimeout(() => this.#connect(), retryDelayMs(this.#attempt, Math.random));
      this.#attempt += 1;
    });
  }

  #receive(frame: LiveFrame): void {
    if (frame.type === "error") return this.#listener.onRefused();
    if (frame.type === "hello") return this.#greet(frame.seq);
    if (this.#cursor !== null && frame.event.seq <= this.#cursor) return;
    this.#cursor = frame.event.seq;
    this.#listener.onEvent(frame.event);
  }

  #greet(seq: number): void {
    const wasLost = this.#status.peek() === "lost";
    this.#attempt = 0;
    this.#status.value = "open";
    if (this.#cursor !== null && seq < this.#cursor) {
      this.#cursor = seq;
      this.#listener.onReset();
    }
    if (wasLost) this.#listener.onReturn();
  }
}

function frameOf(data: unknown): LiveFrame | null {
  const frame: unknown = JSON.parse(String(data));
  return isFrame(frame) ? frame : null;
}

/** Frames of a newer core that this page does not know are passed over. */
function isFrame(value: unknown): value is LiveFrame {
  return typeof value === "object" && value !== null && "type" in value && FRAMES.has(value.type);
}

const FRAMES: ReadonlySet<unknown> = new Set(["hello", "event", "error"]);
