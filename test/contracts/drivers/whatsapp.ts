// WhatsApp: a person's phone at the fake of Meta's Cloud API, whose webhooks reach the real port.
import type { Person } from "../../../fakes/graph/person.ts";
import type { House } from "../house.ts";
import { WITHIN_MS, type Chat, type Driver } from "./driver.ts";
import { MESSENGER_CAN, tracesOf } from "./messenger_chat.ts";

export function whatsAppDriver(house: House): Driver {
  const { graph } = house;
  const account = graph.account.phoneNumberId;
  return {
    name: "WhatsApp",
    can: {
      ...MESSENGER_CAN,
      buttons: 3,
      sendsFilesTogether: false,
      words: { text: 4_096, caption: 1_024, messages: 2 },
    },
    open: async () => {
      const person = graph.person();
      await house.letIn("whatsapp", account, person.identity.userId ?? "");
      return chatOf(house, account, person);
    },
  };
}

function chatOf(house: House, account: string, person: Person): Chat {
  const { graph } = house;
  let events = 0;
  let last = "";
  const ours = () => graph.view(person).messages.filter(({ from }) => from === "business");
  const traces = tracesOf(house, {
    channel: "whatsapp",
    account,
    person: person.identity.userId ?? "",
    events: () => events,
  });
  const sent = (id: string): void => {
    events += 1;
    last = id;
  };
  const send: Chat["send"] = (text, files = []) => {
    if (files.length === 0) sent(person.say(text));
    // A phone sends several files as a message each; the words are below the first.
    files.forEach(({ name, bytes }, at) =>
      sent(
        person.sendDocument({ name, bytes, mediaType: "text/csv", ...(at === 0 && text !== "" && { caption: text }) }),
      ),
    );
    return Promise.resolve();
  };
  return {
    ...traces,
    send,
    press: (title, words = "") => {
      const button = ours()
        .filter(({ text }) => text?.includes(words) === true)
        .flatMap(({ buttons }) => buttons)
        .findLast((one) => one.title === title);
      if (button === undefined) throw new Error(`There is no button ${title}.`);
      sent(person.press(button.id));
      return Promise.resolve();
    },
    stop: () => send("/stop"),
    redeliver: async () => {
      const post = graph.webhooks.posts.find((one) => JSON.stringify(one).includes(last));
      const { status } = await graph.webhooks.send(JSON.stringify(post));
      if (status !== 200) throw new Error(`The webhook answered ${status}.`);
      await graph.webhooks.idle(WITHIN_MS);
    },
    seen: () =>
      Promise.resolve(
        ours().map(({ text, file, buttons }) => ({
          words: text ?? "",
          files: file === null ? [] : [{ name: file.name ?? "", bytes: file.bytes }],
          buttons: buttons.map(({ title }) => title),
        })),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
