// Messages on their way to one client of a Connect stream, and what is to be done when it is over.
import { LIMITS } from "../limits.ts";
import { envelope } from "./connect.ts";

/** Of a client that does not say how often it wants to hear something. */
const PING_SECONDS = 50;

export class Sink {
  readonly body: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isOver = false;
  #endings: (() => void)[] = [];

  constructor() {
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        cancel: () => this.#finish(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
    );
  }

  /** `ending` is called once, however the stream ends; at once if it has. */
  whenOver(ending: () => void): void {
    if (this.#isOver) ending();
    else this.#endings.push(ending);
  }

  send(message: object): void {
    if (this.#isOver) return;
    this.#controller?.enqueue(envelope(message));
    if ((this.#controller?.desiredSize ?? 0) < -LIMITS.unreadBytes)
      this.end({ code: "resource_exhausted", message: "The client does not read what it asked to follow." });
  }

  end(error: { readonly code: string; readonly message: string } | null): void {
    if (this.#isOver) return;
    this.#controller?.enqueue(envelope(error === null ? {} : { error }, true));
    this.#controller?.close();
    this.#finish();
  }

  break(): void {
    if (this.#isOver) return;
    // With a reason, Bun would print it as an uncaught error.
    this.#controller?.error();
    this.#finish();
  }

  #finish(): void {
    this.#isOver = true;
    for (const ending of this.#endings.splice(0)) ending();
  }
}

/** Clients give up a silent stream. */
export function keepAlive(sink: Sink, request: Request, message: object): void {
  const seconds = Number(request.headers.get("keepalive-ping-interval")) || PING_SECONDS;
  const ping = setInterval(() => sink.send(message), seconds * 1_000);
  sink.whenOver(() => clearInterval(ping));
}
