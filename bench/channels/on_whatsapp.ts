// WhatsApp, for a measurement.
import { z } from "zod";
import { FakeGraph } from "../../fakes/graph/server.ts";
import { freePort } from "../board/workshop.ts";
import { TABLE, type Phone, type Platform } from "./platform.ts";

/** Hours would pass with the real ones: 1 s, 2 s … 1 h. */
const RETRY_MS = [50, 100, 200];
const CONNECTIONS = 16;
const Said = z.looseObject({ type: z.string() });

/** To one person our own core says two things at once, and then one in six seconds. Beyond that the pace is measured. */
export const peopleFor = (messages: number): number => Math.ceil(messages / 2) + 1;

/** `answerMs`: how long a message takes; a kill that comes between leaves it in doubt. */
export function openWhatsApp(people: number, answerMs = 0): Platform & { readonly fake: FakeGraph } {
  const port = freePort();
  // One message to a person every six seconds, as the real one has it, would make a run of hundreds take hours.
  const rules = { pairRate: null, numberRate: null };
  const fake = new FakeGraph({ webhook: `http://127.0.0.1:${port}/whatsapp`, retryMs: RETRY_MS, rules });
  if (answerMs > 0) fake.faults.add({ kind: "slow", call: "messages", ms: answerMs, times: Number.POSITIVE_INFINITY });
  fake.webhooks.release({ connections: CONNECTIONS });
  const { account } = fake;
  const owners = Array.from({ length: people }, () => fake.person());
  const phones = owners.map((owner): Phone => ({
    id: owner.identity.userId ?? "",
    say: (text) => owner.say(text),
    sendTable: (caption) => void owner.sendDocument({ name: "rain.csv", bytes: TABLE, mediaType: "text/csv", caption }),
    seen: () =>
      fake
        .view(owner)
        .messages.filter((message) => message.from === "business")
        .map(({ text, file }) => ({ text: text ?? "", file: file?.bytes ?? null })),
  }));
  return {
    name: "whatsapp",
    fake,
    account: account.phoneNumberId,
    settings: {
      SANDPIPER_WHATSAPP_TOKEN: account.token,
      SANDPIPER_WHATSAPP_PHONE_ID: account.phoneNumberId,
      SANDPIPER_WHATSAPP_APP_SECRET: account.appSecret,
      SANDPIPER_WHATSAPP_VERIFY_TOKEN: account.verifyToken,
      SANDPIPER_WHATSAPP_API: fake.url,
      SANDPIPER_WEBHOOK_PORT: String(port),
    },
    phones,
    open: (link) => void owners[0]?.say(new URL(link).searchParams.get("text") ?? ""),
    isIdle: () => fake.webhooks.isIdle,
    saidAt: () =>
      fake.calls
        .filter(({ call, body }) => call === "media" || (call === "messages" && Said.safeParse(body).success))
        .map(({ at }) => at),
    until: (condition, withinMs) => fake.until(condition, withinMs),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}
