// Photos are made smaller by platforms: a press brings each picture once more, as it is.
import { expect, test } from "bun:test";
import { Notebook } from "./notebook.ts";
import { openOffice, type Office } from "./office.ts";

/** Ann asks, and these files are the answer. */
async function answered(office: Office, files: readonly string[]): Promise<string> {
  await office.notebook.say("Graph this");
  const claim = await office.claim();
  await office.settle(claim, "Look.", undefined, files);
  await office.until(() => office.value("SELECT count(*) FROM deliveries WHERE state = 'sent'") !== 0);
  await office.until(() => office.value("SELECT count(*) FROM deliveries WHERE state <> 'sent'") === 0);
  return claim.jobId;
}

const buttonsIn = ({ notebook }: Office) => [...notebook.lines.values()].flatMap((line) => line.buttons);
const press = (office: Office, pressId: string, action: string, chat = "ann") =>
  office.notebook.happen({ kind: "press", messageId: "m", pressId, action }, { chat, person: [chat] });

test("each picture comes as a document, once a press, beyond what a job may say", async () => {
  await using office = await openOffice(new Notebook({ messagesPerJob: 2, albumSize: 1 }));
  const jobId = await answered(office, ["a.png", "b.png", "c.png", "d.csv"]);
  expect(buttonsIn(office)).toEqual([`original:${jobId}`]);
  const before = office.notebook.seenIn("ann").length;
  await press(office, "1", `original:${jobId}`);
  await office.until(() => office.notebook.seenIn("ann").length === before + 3);
  expect(office.notebook.seenIn("ann").slice(before)).toEqual(["a.png", "b.png", "c.png"]);
  const operations = office.rows("SELECT id, operation FROM deliveries WHERE id LIKE 'arrival:%' ORDER BY turn");
  for (const { operation } of operations) expect(operation).toContain('"kind":"document"');
  const seq = String(office.value("SELECT max(seq) FROM arrivals"));
  expect(operations.map(({ id }) => id)).toEqual([0, 1, 2].map((index) => `arrival:${seq}.${index}`));
  await press(office, "2", `original:${jobId}`);
  await office.until(() => office.notebook.seenIn("ann").length === before + 6);
});

test("of another chat's job nothing comes, and of one without photos nothing is offered", async () => {
  await using office = await openOffice();
  const jobId = await answered(office, ["a.png"]);
  await office.board.write((tx) =>
    tx.run("INSERT INTO contacts SELECT channel, account, 'bob', 'allowed', 0 FROM contacts WHERE person = 'ann'"),
  );
  await press(office, "1", `original:${jobId}`, "bob");
  await press(office, "2", "original:nothing");
  await office.until(() => office.notebook.pressed.length === 2);
  expect(office.notebook.pressed.toSorted()).toEqual([
    "1 This button does nothing any more.",
    "2 This button does nothing any more.",
  ]);
  expect(office.notebook.seenIn("bob")).toEqual([]);
  const offered = buttonsIn(office).length;
  await answered(office, ["c.csv"]);
  expect(buttonsIn(office)).toHaveLength(offered);
});
