// Channels over HTTP: how they are, and the link by which their owner comes in.
import { z } from "zod";
import { route, type Route } from "./http.ts";
import type { Messenger } from "./messenger.ts";

const State = z.object({
  name: z.string(),
  account: z.string(),
  state: z.enum(["starting", "up", "down", "refused"]),
  detail: z.string(),
});

export function channelRoutes(desk: { readonly channels: Pick<Messenger, "states" | "invite"> }): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/channels",
      summary: "The channels that are set up, and how each is",
      auth: "paired",
      status: 200,
      response: z.object({ channels: z.array(State) }),
      handle: () => ({ channels: [...desk.channels.states()] }),
    }),
    route({
      method: "POST",
      path: "/api/channels/:name/link",
      summary: "A link that makes whoever opens it first the owner of that channel, once, within an hour",
      auth: "paired",
      body: z.strictObject({}),
      status: 200,
      response: z.object({ url: z.string() }),
      handle: async ({ params }) => ({ url: await desk.channels.invite(params["name"] ?? "") }),
    }),
  ];
}
