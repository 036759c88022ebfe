// The notebook of the tests: a messenger of our own over the board of the running house, whose worker does its jobs.
import { Notebook, type Line } from "../../core/channels/notebook.ts";
import { messengerOver } from "../../core/channels/office.ts";
import { until } from "../../e2e/until.ts";
import type { House } from "../house.ts";
import { WITHIN_MS, type Chat, type Driver } from "./driver.ts";
import { MESSENGER_CAN, tracesOf } from "./messenger_chat.ts";

const WORDS = { textLength: 1_000, captionLength: 1_000, messagesPerJob: 5 };

export type NotebookDriver = Driver & AsyncDisposable;

export function notebookDriver(house: House): NotebookDriver {
  const notebook = new Notebook({ ...WORDS, incomingFileBytes: 10_000_000 });
  const place = { board: house.board, folder: house.sandpiper.home };
  const messenger = messengerOver(place, { notebook: () => () => Promise.resolve(notebook) });
  const { textLength: text, captionLength: caption, messagesPerJob: messages } = WORDS;
  let people = 0;
  return {
    name: "the notebook",
    can: { ...MESSENGER_CAN, buttons: 4, words: { text, caption, messages } },
    open: async () => {
      people += 1;
      const person = `person ${people}`;
      await house.letIn("notebook", notebook.account, person);
      return chatOf(house, notebook, person);
    },
    [Symbol.asyncDispose]: () => messenger.close(),
  };
}

function chatOf(house: House, notebook: Notebook, person: string): Chat {
  let events = 0;
  let again = (): Promise<void> => Promise.resolve();
  const from = { chat: person, person: [person] };
  const lines = (): Line[] => [...notebook.lines.values()].filter(({ chat }) => chat === person);
  const traces = tracesOf(house, { channel: "notebook", account: "1", person, events: () => events });
  const send: Chat["send"] = async (text, files = []) => {
    const refs = files.map(({ name, bytes }) => {
      const ref = Bun.randomUUIDv7();
      notebook.files.set(ref, new TextDecoder().decode(bytes));
      return { ref, name, bytes: bytes.byteLength };
    });
    const eventId = Bun.randomUUIDv7();
    const message = { messageId: eventId, files: refs };
    again = () => notebook.say(text, message, { ...from, eventId });
    await again();
    events += 1;
  };
  const press: Chat["press"] = async (title, text = "") => {
    const line = lines().findLast(({ words, titles }) => words.includes(text) && titles.includes(title));
    const action = line?.buttons[line.titles.indexOf(title)];
    if (action === undefined) throw new Error(`There is no button ${title}.`);
    const pressId = Bun.randomUUIDv7();
    await notebook.happen({ kind: "press", messageId: pressId, pressId, action }, from);
    events += 1;
    await until(() => notebook.pressed.some((one) => one.startsWith(pressId)), WITHIN_MS);
  };
  return {
    ...traces,
    send,
    press,
    stop: async () => {
      await until(() => lines().some(({ titles }) => titles.includes("Stop")), WITHIN_MS);
      await press("Stop");
    },
    redeliver: () => again(),
    seen: () =>
      Promise.all(
        lines().map(async ({ words, attached, titles }) => ({
          words,
          files: await Promise.all(
            attached.map(async ({ name, path }) => ({ name, bytes: await Bun.file(path).bytes() })),
          ),
          buttons: titles,
        })),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
