// What the fake sends has the shape that is on record, key by key.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CHAT, call, idOf, png, withAda } from "./telegram_client.ts";

const FOLDER = join(import.meta.dir, "../../fakes/telegram/payloads");
const RECORDED = z.object({ source: z.string().min(20), update: z.looseObject({ update_id: z.number() }) });
const upload = (name: string, bytes = new TextEncoder().encode("a,b")) => ({ name, bytes });

type World = ReturnType<typeof withAda>;

async function which({ telegram }: World): Promise<number> {
  const reply_markup = { inline_keyboard: [[{ text: "Chart", callback_data: "v1:chart:1" }]] };
  return idOf(await call(telegram, "sendMessage", { chat_id: CHAT, text: "Which one?", reply_markup }));
}

/** How each recorded update comes about. */
const MAKE: { readonly [name: string]: (world: World) => unknown } = {
  text: ({ ada }) => ada.start(),
  document: ({ ada }) => ada.sendDocument(upload("sales.csv"), { caption: "Graph this" }),
  photo: ({ ada }) => ada.sendPhoto(upload("x.png", png(320, 320)), { caption: "www.example.com" }),
  album: ({ ada }) => ada.sendAlbum([{ kind: "document", upload: upload("a.csv"), caption: "Both" }]),
  voice: ({ ada }) => ada.sendVoice(upload("a.oga"), 3),
  forwarded: ({ ada }) => {
    const sender_user = { id: 2002, is_bot: false, first_name: "Bob", username: "bob" };
    return ada.say("/approve", { forwardedFrom: { type: "user", sender_user, date: 1 } });
  },
  edited: ({ ada }) => ada.edit(1, "Better words"),
  reply: async (world) => {
    await call(world.telegram, "sendMessage", { chat_id: CHAT, text: "Which one?" });
    world.ada.say("That", { replyTo: 2 });
  },
  callback_query: async (world) => world.ada.press(await which(world), "Chart"),
  my_chat_member: ({ ada }) => ada.block(),
  message_reaction: async ({ telegram, ada }) => {
    await call(telegram, "getUpdates", { allowed_updates: ["message_reaction"] });
    ada.react(1, "👍");
  },
};

const names = readdirSync(FOLDER).map((name) => name.replace(/\.json$/, ""));

test("every payload on record is made here", () => {
  expect(names.toSorted()).toEqual(Object.keys(MAKE).toSorted());
});

test.each(names)("%s", async (name) => {
  const { update } = RECORDED.parse(await Bun.file(join(FOLDER, `${name}.json`)).json());
  await using world = withAda();
  await MAKE[name]?.(world);
  const made = world.telegram.updates.ever.at(-1);
  expect(shapeOf(JSON.parse(JSON.stringify(made)))).toEqual(shapeOf(update));
});

/** Keys and types; of a list, the shape of its first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}
