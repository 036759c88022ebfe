// One chat with the bot in a terminal: lines become messages, and what the bot does is written below them.
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Person } from "./person.ts";
import { Refusal } from "./refusal.ts";
import type { FakeTelegram } from "./server.ts";
import type { SeenFile, SeenMessage } from "./view.ts";

export const HELP = `Write a message and press Enter. Further:
  /file PATH [caption]    send a file ("quotes around a path with spaces")
  /photo PATH [caption]   send a picture as a photo
  /press N                press the button with this number
`;

type Shown = { edits: number; buttons: string; reactions: string };
type Pressable = { readonly messageId: number; readonly data: string };

export class Terminal {
  readonly #telegram: FakeTelegram;
  readonly #person: Person;
  readonly #folder: string;
  readonly #print: (line: string) => void;
  readonly #shown = new Map<number, Shown>();
  #buttons: Pressable[] = [];
  #actions = 0;
  #deleted = 0;
  #answered = new Set<string>();
  #queries: string[] = [];
  #saving: Promise<void> = Promise.resolve();

  /** Files of the bot are put into `folder`, which is made when the first comes. */
  constructor(telegram: FakeTelegram, person: Person, folder: string, print: (line: string) => void) {
    this.#telegram = telegram;
    this.#person = person;
    this.#folder = folder;
    this.#print = print;
  }

  /** Shows what happens until the returned function is called; that waits for files that are being saved. */
  follow(): () => Promise<void> {
    const end = this.#telegram.watch(() => this.#show());
    return async () => {
      end();
      await this.#saving;
    };
  }

  async enter(line: string): Promise<void> {
    const { verb, path, rest } = read(line);
    try {
      if (verb === "/file" || verb === "/photo") await this.#send(verb, path, rest);
      else if (verb === "/press") this.#press(path);
      else if (line.trim() !== "") this.#person.say(line);
    } catch (error) {
      // What one line asked for in vain must not end the chat.
      this.#print(`! ${error instanceof Refusal || error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #send(verb: string, path: string, caption: string): Promise<void> {
    const file = Bun.file(path);
    if (!(await file.exists())) throw new Error(`There is no file ${path}.`);
    const upload = { name: basename(path), bytes: new Uint8Array(await file.arrayBuffer()) };
    if (verb === "/photo") this.#person.sendPhoto(upload, { caption });
    else this.#person.sendDocument(upload, { caption });
  }

  #press(number: string): void {
    const button = this.#buttons[Number(number) - 1];
    if (button === undefined) throw new Error(`There is no button ${number}.`);
    this.#queries.push(this.#person.press(button.messageId, button.data));
  }

  #show(): void {
    const { messages, deleted, actions } = this.#telegram.view(this.#person.chatId);
    for (const { action } of actions.slice(this.#actions)) this.#print(`  … ${action.replace("_", " ")}`);
    this.#actions = actions.length;
    for (const id of deleted.slice(this.#deleted)) this.#print(`  [${id}] deleted`);
    this.#deleted = deleted.length;
    for (const message of messages) this.#showMessage(message);
    for (const id of this.#queries) this.#showAnswer(id);
  }

  #showMessage(message: SeenMessage): void {
    const before = this.#shown.get(message.messageId);
    const now = {
      edits: message.edits.length,
      buttons: JSON.stringify(message.buttons),
      reactions: message.reactions.join(" "),
    };
    this.#shown.set(message.messageId, now);
    if (now.reactions !== (before?.reactions ?? ""))
      this.#print(`  [${message.messageId}] ${now.reactions || "reaction gone"}`);
    if (!message.isFromBot || (before?.edits === now.edits && before.buttons === now.buttons)) return;
    const sign = before === undefined ? "<" : "~";
    this.#print(`${sign} [${message.messageId}] ${message.text.replaceAll("\n", "\n      ")}`);
    this.#save(message);
    this.#showButtons(message);
  }

  #showButtons({ messageId, buttons }: SeenMessage): void {
    for (const row of buttons) {
      const named = row.map(({ text, callback_data: data, url }) => {
        if (data === undefined) return `${text} (${url ?? ""})`;
        return `[${this.#buttons.push({ messageId, data })}] ${text}`;
      });
      this.#print(`      ${named.join("   ")}`);
    }
  }

  #showAnswer(id: string): void {
    const answer = this.#person.answer(id);
    if (answer === undefined || this.#answered.has(id)) return;
    this.#answered.add(id);
    if (answer.text !== "") this.#print(`  (${answer.text})`);
  }

  #save({ messageId, file, edits }: SeenMessage): void {
    if (file === undefined) return;
    const name = file.name.replaceAll(/[^\w.-]+/g, "_").replace(/^\.+/, "") || "file";
    const path = join(this.#folder, `${messageId}${edits.length === 0 ? "" : `.${edits.length}`}_${name}`);
    this.#saving = this.#saving.then(() => this.#write(path, file));
  }

  async #write(path: string, { kind, bytes }: SeenFile): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await Bun.write(path, bytes);
    this.#print(`      ${kind}: ${path} (${bytes.length} bytes)`);
  }
}

/** `/verb "a path" the rest`; a line without such a verb has no use for the rest. */
function read(line: string): { verb: string; path: string; rest: string } {
  const [, verb = "", quoted, bare = "", rest = ""] = /^(\/\w+)\s+(?:"([^"]*)"|(\S+))\s*(.*)$/.exec(line.trim()) ?? [];
  return { verb, path: quoted ?? bare, rest };
}
