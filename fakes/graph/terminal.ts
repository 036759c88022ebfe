// A phone in a terminal: lines become messages, and what reaches the phone is printed; files are kept in a folder.
import { mkdir } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import type { Seen } from "./chat.ts";
import type { Person } from "./person.ts";
import type { FakeGraph } from "./server.ts";

export type TerminalOptions = {
  readonly graph: FakeGraph;
  readonly person: Person;
  /** Where files that arrive are kept. */
  readonly folder: string;
  readonly write: (text: string) => void;
};

export type Terminal = Disposable & {
  /** One line of the person. Says what is wrong with it in the terminal. */
  readonly enter: (line: string) => Promise<void>;
  /** Resolves when every file that arrived is in the folder. */
  readonly saved: () => Promise<void>;
};

const HELP = "A line is a message. /file PATH [caption] · /press N · /react EMOJI · /read · /quit";

/** What the person's program sends along; a phone knows more types than the service takes back. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".csv": "text/csv",
  ".tsv": "text/tab-separated-values",
  ".txt": "text/plain",
  ".json": "application/json",
  ".pdf": "application/pdf",
  ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
};

export function openTerminal({ graph, person, folder, write }: TerminalOptions): Terminal {
  const shown = new Set<string>();
  const saving: Promise<void>[] = [];
  let state = "";

  const look = (): void => {
    const { messages, reactions, isTyping, readReceipts } = graph.view(person);
    for (const message of messages.filter(({ from, id }) => from === "business" && !shown.has(id))) {
      shown.add(message.id);
      write(describe(message));
      saving.push(save(message, folder, write));
    }
    const emojis = reactions.filter(({ from }) => from === "business").map(({ emoji }) => emoji);
    const now = [isTyping ? "typing…" : "", emojis.join(" "), readReceipts.length > 0 ? "✓✓ read" : ""].filter(Boolean);
    if (now.join(" · ") !== state) {
      state = now.join(" · ");
      if (state !== "") write(`  ${state}\n`);
    }
  };

  const unsubscribe = graph.watch.subscribe(look);
  return {
    enter: async (line) => {
      const problem = await obey(person, line.trim());
      if (problem !== null) write(`${problem}\n`);
    },
    saved: async () => void (await Promise.all(saving)),
    [Symbol.dispose]: unsubscribe,
  };
}

/** Null if it was done, else what the person should know. */
async function obey(person: Person, line: string): Promise<string | null> {
  const [, command = "", rest = ""] = /^\/(file|press|react|read|keys)\b\s*(.*)$/.exec(line) ?? [];
  switch (command) {
    case "file":
      return await sendFile(person, rest);
    case "press":
      return press(person, Number(rest));
    case "react": {
      const last = person.chat.messages.findLast(({ from }) => from === "business");
      if (last === undefined) return "There is nothing to react to yet.";
      person.react(last.id, rest);
      return null;
    }
    case "read":
      person.read();
      return null;
    case "keys":
      return HELP;
    default:
      // Other slashes are commands of the assistant.
      if (line !== "") person.say(line);
      return null;
  }
}

async function sendFile(person: Person, words: string): Promise<string | null> {
  const [, quoted, plain = "", caption = ""] = /^(?:"([^"]+)"|(\S+))\s*(.*)$/.exec(words) ?? [];
  const path = resolve(quoted ?? plain);
  if (!(await Bun.file(path).exists())) return `There is no file ${path}.`;
  const name = basename(path);
  const mediaType = MEDIA_TYPES[extname(name).toLowerCase()] ?? "application/octet-stream";
  const file = { bytes: await Bun.file(path).bytes(), mediaType, name, ...(caption !== "" && { caption }) };
  if (mediaType.startsWith("image/")) person.sendImage(file);
  else person.sendDocument(file);
  return null;
}

function press(person: Person, number: number): string | null {
  const message = person.chat.messages.findLast(({ buttons }) => buttons.length > 0);
  const button = message?.buttons[number - 1];
  if (message === undefined || button === undefined) return "There is no such button.";
  person.press(button.id, message.id);
  return null;
}

function describe({ kind, text, buttons }: Seen): string {
  const lines = (text ?? "").split("\n").map((line) => `  ${line}`);
  const keys = buttons.map(({ title }, at) => `[${at + 1} ${title}]`).join(" ");
  return [
    kind === "text" || kind === "interactive" ? "◀" : `◀ (${kind})`,
    ...lines,
    ...(keys === "" ? [] : [`  ${keys}`]),
    "",
  ].join("\n");
}

/** Under the last digits of the message's id, so that two charts of one name are two files. */
async function save({ id, file, kind }: Seen, folder: string, write: (text: string) => void): Promise<void> {
  if (file === null) return;
  const extension = Object.entries(MEDIA_TYPES).find(([, mediaType]) => mediaType === file.mediaType)?.[0] ?? "";
  const name = (file.name ?? `${kind}${extension}`).replaceAll(/[^\p{L}\p{N}._ -]/gu, "_");
  const path = join(folder, `${id.replaceAll(/\W/g, "").slice(-6)}_${name}`);
  await mkdir(folder, { recursive: true });
  await Bun.write(path, file.bytes);
  write(`  saved ${path}\n`);
}
