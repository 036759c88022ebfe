// The conversation in which the terminal asked last, so that it can go on there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../shared/errors.ts";

const fileIn = (dataDir: string): string => join(dataDir, "last_talk");

/** Throws AppError where there is none yet. */
export function lastTalk(dataDir: string): string {
  const file = fileIn(dataDir);
  const id = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (id !== "") return id;
  throw new AppError("bad_request", "There is nothing to go on with yet: ask once without --continue.");
}

export async function rememberTalk(dataDir: string, conversationId: string): Promise<void> {
  await Bun.write(fileIn(dataDir), `${conversationId}\n`);
}
