// A channel is a file and a line: this one has no more.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claimJobs, settleJob } from "../../../src/shared/claims.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import { temporaryBoard } from "../../shared/temporary.ts";
import { openMailbox } from "./mailbox.ts";
import { messengerOver, untilSo } from "./office.ts";

test("a letter becomes a job, and its answer lies in the other folder", async () => {
  using place = temporaryBoard();
  const letters = join(place.folder, "letters");
  const inFolder = join(letters, "in/ann");
  const out = join(letters, "out/ann");
  mkdirSync(inFolder, { recursive: true });
  const ann = { channel: "mailbox", account: "home", person: "ann", standing: "owner" } as const;
  await place.board.write((tx) => setStanding(tx, ann, 0));
  const messenger = messengerOver(place, { mailbox: () => () => Promise.resolve(openMailbox(letters)) });
  writeFileSync(join(inFolder, "1.txt"), "What is it?");
  await untilSo(() => place.value("SELECT count(*) FROM jobs") === 1);
  await untilSo(() => readdirSync(inFolder).length === 0);
  const [claim] = await claimJobs(place.board, "1-a", () => 1, Date.now());
  if (claim === undefined) throw new Error("There was no job.");
  const output = { stdout: "", text: "A *letter*.", artifacts: [] };
  await settleJob(place.board, claim, { output, error: null }, Date.now());
  messenger.pump();
  await untilSo(() => existsSync(out) && readdirSync(out).length === 1);
  expect(readFileSync(join(out, readdirSync(out)[0] ?? ""), "utf8")).toBe("A letter.");
  await messenger.close();
});
