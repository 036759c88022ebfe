// `sandpiper link`: a new one-time link, for another browser or one whose pairing was lost.
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import { findServer } from "./client.ts";

export const usage = "link                           print a new link that opens the dashboard in one browser";

export async function link(): Promise<number> {
  const client = await findServer();
  if (client === null)
    throw new AppError("unavailable", "Sandpiper is not running. Start it with `npm start`; that prints a link too.");
  const { url } = await client.call(z.object({ url: z.string() }), "/api/link", { json: {} });
  console.log(url);
  return 0;
}
