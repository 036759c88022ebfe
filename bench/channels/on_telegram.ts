// Telegram, for a measurement.
import { FakeTelegram } from "../../fakes/telegram/server.ts";
import { TABLE, type Phone, type Platform } from "./platform.ts";

const SAYING = /^(send(?!ChatAction)|edit)/;
const SLOW = ["sendMessage", "editMessageText", "editMessageMedia"];
const FIRST_ID = 1_001;

/** `answerMs`: how late the bot is told what was done at once; a kill that comes between leaves it in doubt. */
export function openTelegram(people: number, answerMs = 0): Platform & { readonly fake: FakeTelegram } {
  const fake = new FakeTelegram();
  if (answerMs > 0)
    for (const method of SLOW) fake.faults.add({ kind: "slow", method, ms: answerMs, times: Number.POSITIVE_INFINITY });
  const owners = Array.from({ length: people }, (_, index) =>
    fake.person({ id: FIRST_ID + index, firstName: `Person ${index + 1}` }),
  );
  const phones = owners.map((owner): Phone => ({
    id: String(owner.chatId),
    say: (text) => String(owner.say(text).message_id),
    sendTable: (caption) => void owner.sendDocument({ name: "rain.csv", bytes: TABLE }, { caption }),
    seen: () =>
      fake
        .view(owner.chatId)
        .messages.filter((message) => message.isFromBot)
        .map(({ text, file }) => ({ text, file: file?.bytes ?? null })),
  }));
  return {
    name: "telegram",
    fake,
    account: fake.token.split(":")[0] ?? "",
    settings: { SANDPIPER_TELEGRAM_TOKEN: fake.token, SANDPIPER_TELEGRAM_API: fake.url },
    phones,
    open: (link) => void owners[0]?.start(new URL(link).searchParams.get("start") ?? ""),
    isIdle: () => fake.updates.pendingCount === 0,
    saidAt: () => fake.calls.filter(({ method }) => SAYING.test(method)).map(({ atMs }) => atMs),
    until: async (condition, withinMs) => {
      await fake.until(condition, withinMs);
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}
