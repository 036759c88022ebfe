// `sandpiper link`: a new one-time link, for another browser or one whose pairing was lost; for a channel, for a phone.
import { parseArgs } from "node:util";
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import { findServer, type Client } from "./client.ts";
import { printable } from "./printable.ts";
import { qrCode } from "./qr_code.ts";

export const usage = `link                           print a new link that opens the dashboard in one browser
  link CHANNEL                   a link and a QR code that make your phone the owner's there: telegram, whatsapp
    --json        print one JSON object instead of text`;

const Link = z.object({ url: z.string() });
const Channels = z.object({
  channels: z.array(z.object({ name: z.string(), state: z.string(), detail: z.string() })),
});

export async function link(args: readonly string[] = []): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const [channel, tooMuch] = positionals;
  if (tooMuch !== undefined) throw new AppError("bad_request", `Say one channel.\n\n  ${usage}`);
  await using client = await findServer();
  if (client === null)
    throw new AppError("unavailable", "Sandpiper is not running. Start it with `npm start`; that prints a link too.");
  if (channel !== undefined) await checkReached(client, channel);
  const path = channel === undefined ? "/api/link" : `/api/channels/${encodeURIComponent(channel)}/link`;
  const { url } = await client.call(Link, path, { json: {} });
  if (values.json) console.log(JSON.stringify({ url }));
  else if (channel === undefined) console.log(url);
  else show(url);
  return 0;
}

/** Throws AppError: a link into a channel that is away would be opened in vain. */
async function checkReached(client: Client, name: string): Promise<void> {
  const { channels } = await client.call(Channels, "/api/channels");
  const channel = channels.find((one) => one.name === name);
  if (channel === undefined) {
    const others = channels.length === 0 ? "" : ` There is ${channels.map((one) => one.name).join(", ")}.`;
    throw new AppError(
      "not_found",
      `“${name}” is not set up.${others} How to set up a channel: docs/telegram.md, docs/whatsapp.md.`,
    );
  }
  if (channel.state !== "up")
    throw new AppError("unavailable", `${name} is not reached. ${channel.detail || "Try again in a moment."}`);
}

function show(url: string): void {
  console.log(printable(url));
  if (process.stdout.isTTY && url.startsWith("https://")) {
    const code = qrCode(url);
    // A broken line would make it unreadable.
    if (code.columns <= process.stdout.columns) console.log(`\n${code.text}\n`);
  }
  console.log("It works once, within an hour: whoever opens it first becomes the owner.");
}
