// The smallest whole channel: folders as a platform. A person's letters lie in <folder>/in/<person>/<name>.txt, what is said
// to them in <folder>/out/<person>/. One more line in the list of channels, and it is there.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Capabilities, Channel, Door, Order } from "../../../src/core/channels/channel.ts";
import { AppError } from "../../../src/shared/errors.ts";
import { pause } from "../../../src/shared/stop.ts";

const CAN: Capabilities = {
  textLength: 100_000,
  captionLength: 0,
  markup: "plain",
  photoBytes: 0,
  fileBytes: 1e9,
  incomingFileBytes: 0,
  photoTypes: [],
  albumSize: 1,
  buttons: null,
  echoMs: 0,
  changeGapMs: 0,
  messagesPerJob: 10,
};
const LOOK_MS = 10;

export function openMailbox(folder: string): Channel {
  return {
    name: "mailbox",
    account: "home",
    can: CAN,
    listen: async (door, signal) => {
      door.tell({ state: "up", detail: folder });
      while (!signal.aborted) {
        for (const person of await readdir(join(folder, "in"))) await collect(folder, person, door);
        await pause(LOOK_MS, signal);
      }
    },
    deliver: async ({ id, chat, operation, fileOf }: Order) => {
      const out = join(folder, "out", chat);
      await mkdir(out, { recursive: true });
      // The same name when it is tried again: what was written already is written once more, and nothing is doubled.
      const name = id.replaceAll(/[^\w.]/g, "_");
      if (operation.kind === "text") await writeFile(join(out, `${name}.txt`), operation.text);
      else if (operation.kind === "document")
        await Bun.write(join(out, name), Bun.file(fileOf(operation.artifact).path));
      return name;
    },
    progress: null,
    hint: () => Promise.resolve(),
    acknowledge: () => Promise.resolve(),
    fetch: () => Promise.reject(new AppError("unsupported", "A letter has no files.")),
    linkFor: () => null,
  };
}

/** A letter is taken away only when it is kept here. */
async function collect(folder: string, person: string, door: Door): Promise<void> {
  for (const name of (await readdir(join(folder, "in", person))).toSorted()) {
    const path = join(folder, "in", person, name);
    const message = {
      messageId: name,
      text: await readFile(path, "utf8"),
      files: [],
      groupId: null,
      isForwarded: false,
    };
    const event = { kind: "message" as const, ...message };
    await door.admit([{ eventId: `${person}/${name}`, chat: person, person: [person], isPrivate: true, event }]);
    await rm(path);
  }
}
