// Telegram: a person's phone at the fake, and on the other side the real adapter.
import type { Person } from "../../../fakes/telegram/person.ts";
import type { SeenMessage } from "../../../fakes/telegram/view.ts";
import { until } from "../../e2e/until.ts";
import type { House } from "../house.ts";
import { WITHIN_MS, type Chat, type Driver, type Seen, type SentFile } from "./driver.ts";
import { MESSENGER_CAN, tracesOf } from "./messenger_chat.ts";

const FIRST_ID = 2_000;
/** What a phone sends as one message; the rest follows at once. */
const APP_LENGTH = 4_096;

export function telegramDriver(house: House): Driver {
  const { telegram } = house;
  const account = telegram.token.split(":")[0] ?? "";
  let people = 0;
  return {
    name: "Telegram",
    can: { ...MESSENGER_CAN, buttons: 12, words: { text: 4_096, caption: 1_024, messages: 10 } },
    open: async () => {
      people += 1;
      const person = telegram.person({ id: FIRST_ID + people, firstName: `Person ${people}` });
      await house.letIn("telegram", account, String(person.chatId));
      return chatOf(house, account, person);
    },
  };
}

function chatOf(house: House, account: string, person: Person): Chat {
  const { telegram } = house;
  let events = 0;
  const fromBot = (): SeenMessage[] => telegram.view(person.chatId).messages.filter(({ isFromBot }) => isFromBot);
  const traces = tracesOf(house, {
    channel: "telegram",
    account,
    person: String(person.chatId),
    events: () => events,
  });
  const send: Chat["send"] = (text, files = []) => {
    events += post(person, text, files);
    return Promise.resolve();
  };
  const press: Chat["press"] = async (title, words = "") => {
    const shown = fromBot().filter(({ text }) => text.includes(words));
    const message = shown.findLast(({ buttons }) => buttons.flat().some((button) => button.text === title));
    if (message === undefined) throw new Error(`There is no button ${title}.`);
    const query = person.press(message.messageId, title);
    events += 1;
    await telegram.until(() => person.answer(query) !== undefined, WITHIN_MS);
  };
  return {
    ...traces,
    send,
    press,
    stop: async () => {
      await until(
        () => fromBot().some(({ buttons }) => buttons.flat().some((button) => button.text === "Stop")),
        WITHIN_MS,
      );
      await press("Stop");
    },
    redeliver: async () => {
      const last = telegram.updates.ever.findLast((one) => "message" in one && one.message.from.id === person.user.id);
      const polls = telegram.callsOf("getUpdates").length;
      telegram.updates.redeliver((one) => one === last);
      // The poll that waits brings it, and the next one begins after it is kept.
      await telegram.until(() => telegram.callsOf("getUpdates").length > polls, WITHIN_MS);
    },
    seen: () => Promise.resolve(albums(fromBot())),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Returns how many messages it took. */
function post(person: Person, text: string, files: readonly SentFile[]): number {
  const [first, ...more] = files;
  if (first === undefined) {
    const parts = Math.max(1, Math.ceil(text.length / APP_LENGTH));
    for (let at = 0; at < parts; at += 1) person.say(text.slice(at * APP_LENGTH, (at + 1) * APP_LENGTH));
    return parts;
  }
  const caption = text === "" ? {} : { caption: text };
  if (more.length === 0) person.sendDocument(first, caption);
  else person.sendAlbum(files.map((upload, at) => ({ kind: "document", upload, ...(at === 0 ? caption : {}) })));
  return files.length;
}

/** Messages of one album are shown as one. */
function albums(messages: readonly SeenMessage[]): Seen[] {
  const shown = new Map<string, Seen>();
  for (const { messageId, album, text, file, buttons } of messages) {
    const key = album ?? String(messageId);
    const before = shown.get(key) ?? { words: "", files: [], buttons: [] };
    shown.set(key, {
      words: [before.words, text].filter((part) => part !== "").join("\n"),
      files: [...before.files, ...(file === undefined ? [] : [file])],
      buttons: [...before.buttons, ...buttons.flat().map((button) => button.text)],
    });
  }
  return [...shown.values()];
}
