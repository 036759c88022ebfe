// Where platforms call us: a listener of its own, so that what a tunnel makes public is never the dashboard.
import type { Server } from "bun";
import type { Config } from "../shared/config.ts";
import type { Log } from "../shared/log.ts";
import type { Channel, Door } from "./channels/channel.ts";

export type Webhook = NonNullable<Channel["webhook"]> & { readonly door: Door };

const MAX_BODY_BYTES = 4 * 2 ** 20;

/** `find`: the channel that is called at a path. Null where the port is taken: the dashboard goes on without it. */
export function serveWebhooks(
  config: Pick<Config, "webhookPort">,
  log: Log,
  find: (path: string) => Webhook | null,
): Server<undefined> | null {
  try {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: config.webhookPort,
      development: false,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: (request) => {
        const webhook = find(new URL(request.url).pathname);
        return webhook === null ? new Response(null, { status: 404 }) : webhook.receive(request, webhook.door);
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
