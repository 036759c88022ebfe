// Channels as the fake core tells of them.
import type { Channel } from "../../src/web/api.ts";

export class FakeChannels {
  all: readonly Channel[] = [];
  /** What the next links are; the last one stays. */
  links: string[] = [];

  /** Null: there is no such thing. */
  answer(name: string, action: string | undefined): Response | null {
    if (name === "") return Response.json({ channels: this.all.map((channel) => ({ account: "1", ...channel })) });
    if (action !== "link" || !this.all.some((channel) => channel.name === name)) return null;
    return Response.json({ url: this.links.length > 1 ? this.links.shift() : this.links[0] });
  }
}
