// How a message gets in: bytes to storage/uploads, then one transaction; only then is the sender told.
import { rm } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Config } from "../shared/config.ts";
import { admitMessage, latestFiles, type Admitted, type Task } from "../shared/conversations.ts";
import type { Board, Tx } from "../shared/db.ts";
import { assertDiskRoom } from "../shared/disk.ts";
import { AppError } from "../shared/errors.ts";
import { mediaTypeOf, resolveInside, safeName, storeStream } from "../shared/files.ts";
import { assertStorageRoom, storageRoom } from "../shared/storage.ts";
import { removeUnnamed } from "../shared/sweep.ts";
import type { InboundMessage, UploadedFile } from "../shared/types.ts";
import { readUpload } from "../shared/uploads.ts";
import { decide } from "./intent.ts";
import type { When } from "./timing.ts";

/** Not new: its sender sent it before, and this is what became of it then. */
export type Received = Admitted & { readonly isNew: boolean };

export type Inbox = {
  /** Streams one file in; throws AppError `too_large`. Until a message names it, it belongs to nobody. */
  readonly store: (name: string, bytes: ReadableStream<Uint8Array>) => Promise<UploadedFile>;
  /** A file of examples/ as if the person had sent it. */
  readonly storeExample: (file: string) => Promise<UploadedFile>;
  /** A file that lies in storage/uploads already. */
  readonly find: (id: string) => Promise<UploadedFile>;
  /** Forgets files whose message did not get in. */
  readonly drop: (files: readonly UploadedFile[]) => Promise<void>;
  /** Takes away the bytes of uploads whose rows are gone, but of none that somebody else needs. */
  readonly release: (ids: readonly string[]) => Promise<void>;
  /** Durable when it resolves. `also` is statements of the same transaction. */
  readonly receive: (
    message: InboundMessage,
    when?: When,
    also?: (tx: Tx, admitted: Admitted) => void,
  ) => Promise<Received>;
  /** As `receive`, for a message that is a command: `obeyed` does it, as statements of the same transaction. */
  readonly obey: (message: InboundMessage, obeyed: (tx: Tx) => Task) => Promise<Received>;
};

export function createInbox(config: Config, board: Board, now: () => number, onAdmitted: () => void): Inbox {
  const folder = join(config.storageDir, "uploads");

  /** What may still be taken in; throws when that is nothing. */
  const room = (): number => {
    assertDiskRoom(config);
    board.read((tx) => assertStorageRoom(tx, config, 1));
    return board.read((tx) => storageRoom(tx, config));
  };

  const store: Inbox["store"] = async (name, bytes) => {
    const left = room();
    const id = newId(name);
    const most = Math.min(config.maxUploadBytes, left);
    const stored = await storeStream(join(folder, id), name, bytes, most).catch((error: unknown) => {
      // It is not this file that is too large for us; it is all of them together.
      if (error instanceof AppError && error.code === "too_large" && left < config.maxUploadBytes)
        board.read((tx) => assertStorageRoom(tx, config, left + 1));
      throw error;
    });
    return { id, name: shown(name), ...stored };
  };

  const storeExample: Inbox["storeExample"] = async (file) => {
    const source = await resolveInside([join(config.root, "examples")], file);
    return store(file, Bun.file(source).stream());
  };

  const find: Inbox["find"] = async (id) => {
    const path = await resolveInside([folder], id);
    return board.read((tx) => readUpload(tx, id)) ?? factsOf(path, id, id);
  };

  const admit = async (
    message: InboundMessage,
    taskOf: (tx: Tx) => Task,
    also?: (tx: Tx, admitted: Admitted) => void,
  ): Promise<Received> => {
    const ids = {
      messageId: Bun.randomUUIDv7(),
      jobId: Bun.randomUUIDv7(),
      conversationId: Bun.randomUUIDv7(),
    };
    const admitted = await admitMessage(board, message, ids, taskOf, now(), also);
    if (admitted === null)
      throw new AppError("not_found", "That conversation does not exist any more. Start a new one.");
    onAdmitted();
    return { ...admitted, isNew: admitted.messageId === ids.messageId };
  };

  const receive: Inbox["receive"] = async (message, when = {}, also) => {
    assertDiskRoom(config);
    const { conversationId } = message;
    const earlier = conversationId === null ? [] : board.read((tx) => latestFiles(tx, conversationId));
    const task = { ...decide(message, earlier), ...when };
    return admit(message, () => task, also);
  };

  const drop: Inbox["drop"] = async (files) => {
    for (const file of files) await rm(join(folder, file.id), { force: true });
  };

  const release: Inbox["release"] = (ids) =>
    removeUnnamed(
      board,
      config.storageDir,
      ids.map((id) => `storage/uploads/${id}`),
    );

  return { store, storeExample, find, drop, release, receive, obey: admit };
}

/** An upload's id is its name on disk; the ending stays, so that other programs know what it is. */
const newId = (name: string): string => `${Bun.randomUUIDv7()}${extname(safeName(name)).toLowerCase()}`;

/** A name as people see it: what they called it, without what could disguise it. */
const shown = (name: string): string => safeName(name, "file");

async function factsOf(path: string, id: string, name: string): Promise<UploadedFile> {
  const file = Bun.file(path);
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of file.stream()) hash.update(chunk);
  const head = new Uint8Array(await file.slice(0, 4_096).arrayBuffer());
  return { id, name: shown(name), bytes: file.size, sha256: hash.digest("hex"), mediaType: mediaTypeOf(head, name) };
}
