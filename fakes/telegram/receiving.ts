// How a bot gets its updates: by asking, or by an address of its own.
import { z } from "zod";
import { badRequest, conflict } from "./refusal.ts";
import { FLAG, INTEGER, json, parse } from "./request.ts";
import type { Method } from "./service.ts";

const POLL = z.object({
  offset: INTEGER.optional(),
  limit: INTEGER.optional(),
  timeout: INTEGER.optional(),
  allowed_updates: json(z.array(z.string())).optional(),
});
const HOOK = z.object({
  url: z.string().default(""),
  secret_token: z.string().optional(),
  max_connections: INTEGER.default(40),
  allowed_updates: json(z.array(z.string())).optional(),
  drop_pending_updates: FLAG.default(false),
});
const DELETION = z.object({ drop_pending_updates: FLAG.default(false) });

export const getUpdates: Method = async ({ updates, webhook }, { fields }, signal) => {
  const { offset, limit, timeout, allowed_updates: allowed } = parse(POLL, fields);
  if (webhook.isSet)
    throw conflict(
      "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    );
  updates.allow(allowed);
  return { result: await updates.poll({ offset, limit, timeoutS: timeout }, signal) };
};

export const setWebhook: Method = ({ updates, webhook }, { fields }) => {
  const asked = parse(HOOK, fields);
  const allowed = asked.allowed_updates;
  const hook = { url: asked.url, secret: asked.secret_token, maxConnections: asked.max_connections, allowed };
  if (asked.max_connections < 1 || asked.max_connections > 100)
    throw badRequest("max_connections must be between 1 and 100");
  if (asked.drop_pending_updates) updates.drop();
  updates.allow(allowed);
  webhook.set(asked.url === "" ? undefined : hook);
  updates.end(conflict("terminated by setWebhook request"));
  return { result: true, effect: "webhook" };
};

export const deleteWebhook: Method = ({ updates, webhook }, { fields }) => {
  if (parse(DELETION, fields).drop_pending_updates) updates.drop();
  webhook.set(undefined);
  return { result: true, effect: "webhook" };
};

export const getWebhookInfo: Method = ({ webhook }) => ({ result: webhook.info() });
