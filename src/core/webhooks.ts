// Where platforms call us: a listener of its own, so that what a tunnel makes public is never the dashboard.
import type { Server } from "bun";
import type { Config } from "../shared/config.ts";
import type { Log } from "../shared/log.ts";
import type { Channel, Door } from "./channels/channel.ts";

export type Webhook = NonNullable<Channel["webhook"]> & { readonly door: Door };

const MAX_BODY_BYTES = 4 * 2 ** 20;
/** Who signed a body is known only when all of it is here: until then strangers may have so many here, so much in all, for so long. */
const BODIES = { most: 256, bytes: 8 * MAX_BODY_BYTES, withinMs: 10_000 };

/** `find`: the channel that is called at a path. Null where the port is taken: the dashboard goes on without it. */
export function serveWebhooks(
  config: Pick<Config, "webhookPort">,
  log: Log,
  find: (path: string) => Webhook | null,
  limits: typeof BODIES = BODIES,
): Server<undefined> | null {
  const bodies = new Bodies(limits);
  try {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: config.webhookPort,
      development: false,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: (request) => {
        const webhook = find(new URL(request.url).pathname);
        if (webhook === null) return new Response(null, { status: 404 });
        return bodies.guard(request, (guarded) => webhook.receive(guarded, webhook.door));
      },
      // Whoever called tries again.
      error: (error) => {
        log.error("webhook-failed", { error });
        return new Response(null, { status: 503 });
      },
    });
    log.info("webhooks-ready", { port: server.port });
    return server;
  } catch (error) {
    log.error("webhooks-not-open", { port: config.webhookPort, error });
    return null;
  }
}

/** There was no room for it, or no time. */
class Unread extends Error {}

/** Those that are being read. */
class Bodies {
  readonly #limits: typeof BODIES;
  #open = 0;
  #bytes = 0;

  constructor(limits: typeof BODIES) {
    this.#limits = limits;
  }

  /** 503 for a body that there is no room or no time for; one that is never read is none. */
  async guard(request: Request, receive: (request: Request) => Promise<Response>): Promise<Response> {
    if (request.body === null) return receive(request);
    const done = new AbortController();
    const { url, method, headers } = request;
    try {
      return await receive(new Request(url, { method, headers, body: this.#bounded(request.body, done.signal) }));
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
      return new Response(null, { status: 503, headers: { connection: "close" } });
    } finally {
      done.abort();
    }
  }

  /** The same bytes; its place is free again when whoever reads it is `done` with it. */
  #bounded(body: ReadableStream<Uint8Array>, done: AbortSignal): ReadableStream<Uint8Array> {
    let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
    const late = Promise.withResolvers<never>();
    let own = 0;
    // Whoever has read all of it in time does not look.
    late.promise.catch(() => undefined);
    const begin = (): ReadableStreamDefaultReader<Uint8Array> => {
      if (this.#open >= this.#limits.most) throw new Unread();
      this.#open += 1;
      const opened = body.getReader();
      const timer = setTimeout(() => late.reject(new Unread()), this.#limits.withinMs);
      const leave = () => {
        this.#open -= 1;
        this.#bytes -= own;
        clearTimeout(timer);
        // Of what is left, nothing comes in any more.
        opened.cancel().catch(() => undefined);
      };
      done.addEventListener("abort", leave, { once: true });
      return opened;
    };
    return new ReadableStream(
      {
        pull: async (controller) => {
          reader ??= begin();
          const { done: isOver, value } = await Promise.race([reader.read(), late.promise]);
          if (isOver) {
            controller.close();
            return;
          }
          own += value.length;
          this.#bytes += value.length;
          if (this.#bytes > this.#limits.bytes) throw new Unread();
          controller.enqueue(value);
        },
        cancel: async () => reader?.cancel(),
      },
      { highWaterMark: 0 },
    );
  }
}
