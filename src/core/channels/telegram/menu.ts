// The commands that Telegram offers when somebody types a slash.
import { z } from "zod";
import { MENU } from "../menu.ts";
import type { Client } from "./client.ts";

const Commands = z.array(z.object({ command: z.string(), description: z.string() }));

const CALL_MS = 10_000;

/** Only where it is another one: the service counts how often it is set. */
export async function publishMenu(client: Client, signal: AbortSignal): Promise<void> {
  const limits = { timeoutMs: CALL_MS, signal };
  const shown = await client.ask(Commands, limits, (api) => api.getMyCommands({}));
  if (Bun.deepEquals(shown, MENU)) return;
  await client.ask(z.literal(true), limits, (api) => api.setMyCommands({ commands: [...MENU] }));
}
