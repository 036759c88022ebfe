// `bun run fake-whatsapp`: chat with the assistant from a terminal, through its real WhatsApp adapter and without an account.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { FakeGraph } from "./server.ts";
import { openTerminal } from "./terminal.ts";

const DEFAULT_PORT = 8791;
const DEFAULT_WEBHOOK = "http://127.0.0.1:8787/whatsapp";
const FOLDER = "fake-whatsapp";
const PERSON = { name: "You", waId: "15550000001", userId: "US.10000000000000000001" };

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    port: { type: "string", default: String(DEFAULT_PORT) },
    webhook: { type: "string", default: DEFAULT_WEBHOOK },
  },
});

await using graph = new FakeGraph({ port: Number(values.port), webhook: values.webhook });
const person = graph.person(PERSON);
const { account } = graph;

process.stdout.write(`A WhatsApp of your own, at ${graph.url}. These lines belong into Sandpiper's .env:

SANDPIPER_WHATSAPP_TOKEN=${account.token}
SANDPIPER_WHATSAPP_PHONE_ID=${account.phoneNumberId}
SANDPIPER_WHATSAPP_APP_SECRET=${account.appSecret}
SANDPIPER_WHATSAPP_VERIFY_TOKEN=${account.verifyToken}
SANDPIPER_WHATSAPP_API=${graph.url}

Webhooks go to ${values.webhook}; until it answers they wait. You write from +${PERSON.waId}.
Write a message, or /file PATH [caption], /press N, /react EMOJI, /read, /quit. Files are kept in ./${FOLDER}/.

`);

using terminal = openTerminal({ graph, person, folder: FOLDER, write: (text) => void process.stdout.write(text) });
let warned = 0;
using _ = {
  [Symbol.dispose]: graph.watch.subscribe(() => {
    const last = graph.webhooks.attempts.at(-1);
    if (last === undefined || last.status === 200 || last.post < warned) return;
    warned = last.post + 1;
    process.stdout.write(`  (the webhook answered ${last.status ?? "nothing"}; it is tried again)\n`);
  }),
};
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "/quit") break;
  await terminal.enter(line);
}
await terminal.saved();
