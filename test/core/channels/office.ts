// A messenger over a board and folders of a test's own, with a notebook as its channel.
import { claimJobs, settleJob, type Claim } from "../../../src/shared/claims.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import { systemClock, type Clock } from "../../../src/shared/clock.ts";
import { loadConfig } from "../../../src/shared/config.ts";
import { insertArtifact } from "../../../src/shared/artifacts.ts";
import { createLog } from "../../../src/shared/log.ts";
import type { JobError } from "../../../src/shared/types.ts";
import { createInbox } from "../../../src/core/inbox.ts";
import type { OpenChannel } from "../../../src/core/channels/index.ts";
import { createMessenger, type Messenger } from "../../../src/core/messenger.ts";
import { temporaryBoard, type TemporaryBoard } from "../../shared/temporary.ts";
import { Notebook } from "./notebook.ts";

export type Office = AsyncDisposable &
  TemporaryBoard & {
    readonly notebook: Notebook;
    readonly messenger: Messenger;
    readonly lines: string[];
    /** Polls until it is so; throws with what was seen when it takes too long. */
    readonly until: (isSo: () => boolean) => Promise<void>;
    /** As a worker does. */
    readonly claim: () => Promise<Claim>;
    readonly settle: (claim: Claim, text: string, error?: JobError, files?: readonly string[]) => Promise<void>;
    /** The same again after a kill: nothing is handed over. */
    readonly restart: () => Promise<void>;
  };

const PATIENCE_MS = 5_000;

/** A messenger with these channels over that board; its log goes to `lines`. */
export function messengerOver(
  { board, folder }: Pick<TemporaryBoard, "board" | "folder">,
  openers: { readonly [name: string]: OpenChannel },
  lines: string[] = [],
  clock: Clock = systemClock,
): Messenger {
  const log = createLog("core", "debug", (line) => void lines.push(line));
  const config = loadConfig({ SANDPIPER_HOME: folder, SANDPIPER_SANDBOX: "local", SANDPIPER_MIN_FREE_MB: "0" });
  const inbox = createInbox(config, board, clock.now, () => undefined);
  const desk = { config, board, inbox, log, ...clock, port: () => 4747, tellAll: () => undefined };
  return createMessenger(desk, openers);
}

/** Throws with what was found when it takes too long. */
export async function untilSo(isSo: () => boolean, found: () => unknown = () => ""): Promise<void> {
  for (const giveUpAt = performance.now() + 2 * PATIENCE_MS; !isSo(); await Bun.sleep(2))
    if (performance.now() > giveUpAt) throw new Error(`It did not happen.\n${Bun.inspect(found())}`);
}

export async function openOffice(notebook = new Notebook(), owner: string | null = "ann"): Promise<Office> {
  const place = temporaryBoard();
  const { board } = place;
  const lines: string[] = [];
  const open = () => messengerOver(place, { notebook: () => () => Promise.resolve(notebook) }, lines);
  let messenger = open();
  if (owner !== null)
    await board.write((tx) =>
      setStanding(tx, { channel: "notebook", account: "1", person: owner, standing: "owner" }, 0),
    );
  const until = async (isSo: () => boolean): Promise<void> => {
    for (const giveUpAt = performance.now() + PATIENCE_MS; !isSo(); await Bun.sleep(2))
      if (performance.now() > giveUpAt)
        throw new Error(`It did not happen.\n${JSON.stringify([...notebook.lines])}\n${lines.slice(-20).join("\n")}`);
  };
  const claim = async (): Promise<Claim> => {
    const claims: Claim[] = [];
    for (const giveUpAt = performance.now() + PATIENCE_MS; claims.length === 0; await Bun.sleep(2)) {
      claims.push(...(await claimJobs(board, "1-a", () => 1, Date.now())));
      if (performance.now() > giveUpAt) throw new Error(`There was no job.\n${lines.slice(-20).join("\n")}`);
    }
    messenger.pump();
    const [one] = claims;
    if (one === undefined) throw new Error("There was no job.");
    return one;
  };
  const settle: Office["settle"] = async (claimed, text, error, files = []) => {
    await board.write((tx) =>
      files.forEach((name) =>
        insertArtifact(
          tx,
          {
            id: `${claimed.jobId}-${name}`,
            jobId: claimed.jobId,
            name,
            path: `storage/outputs/${claimed.jobId}/${name}`,
            mediaType: name.endsWith(".png") ? "image/png" : "text/csv",
            bytes: 10,
            sha256: "0",
          },
          Date.now(),
        ),
      ),
    );
    const output = { stdout: "", text, artifacts: [] };
    await settleJob(board, claimed, { output, error: error ?? null }, Date.now());
    messenger.pump();
  };
  return {
    ...place,
    notebook,
    get messenger() {
      return messenger;
    },
    lines,
    until,
    claim,
    settle,
    restart: async () => {
      await messenger.close();
      messenger = open();
    },
    [Symbol.asyncDispose]: async () => {
      await messenger.close();
      place[Symbol.dispose]();
    },
  };
}
