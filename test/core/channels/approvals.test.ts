// What a job may do only with a yes: asked in the chat, decided by a button there, and for exactly what was shown.
import { expect, test } from "bun:test";
import { requestApproval } from "../../../src/shared/approvals.ts";
import type { Claim } from "../../../src/shared/claims.ts";
import { openOffice, type Office } from "./office.ts";

const WISH = { kind: "connect", title: "Connect to example.com?", subject: { hosts: ["example.com"], files: [] } };

/** Ann asks, and the job asks back. */
async function asked(office: Office): Promise<{ readonly claim: Claim; readonly yes: string; readonly no: string }> {
  await office.notebook.say("Look it up");
  const claim = await office.claim();
  const { id, sha256 } = await requestApproval(office.board, claim, WISH, Date.now());
  await office.settle(claim, WISH.title);
  await office.until(() => buttonsIn(office).length > 0);
  const mark = sha256.slice(0, 12);
  return { claim, yes: `yes:${id}:${mark}`, no: `no:${id}:${mark}` };
}

const buttonsIn = ({ notebook }: Office) => [...notebook.lines.values()].flatMap((line) => line.buttons);
const press = (office: Office, pressId: string, action: string, chat = "ann") =>
  office.notebook.happen({ kind: "press", messageId: "m", pressId, action }, { chat, person: [chat] });

test("a yes makes one job that goes on, and its answer comes to the same chat", async () => {
  await using office = await openOffice();
  const { claim, yes, no } = await asked(office);
  expect(buttonsIn(office)).toEqual([yes, no]);
  await press(office, "1", yes);
  await office.until(() => office.notebook.pressed.length === 1);
  await press(office, "2", yes);
  await press(office, "3", no);
  await office.until(() => office.notebook.pressed.length === 3);
  expect(office.notebook.pressed.toSorted()).toEqual([
    "1 Allowed, once.",
    "2 This has been decided already.",
    "3 This has been decided already.",
  ]);
  const next = await office.claim();
  expect(next.conversationId).toBe(claim.conversationId);
  expect(next.input).toMatchObject({ approval: yes.split(":")[1] });
  const before = office.notebook.seenIn("ann").length;
  await office.settle(next, "Found it.");
  await office.until(() => office.notebook.seenIn("ann").length > before);
  expect(office.notebook.seenIn("ann").at(-1)).toContain("Found it.");
});

test("a no makes none", async () => {
  await using office = await openOffice();
  const { no } = await asked(office);
  await press(office, "1", no);
  await office.until(() => office.notebook.pressed.length === 1);
  expect(office.notebook.pressed).toEqual(["1 Not allowed."]);
  expect(office.value("SELECT count(*) FROM job_run WHERE finished_at IS NULL")).toBe(0);
});

test("another chat, another hash and an unknown id decide nothing", async () => {
  await using office = await openOffice();
  const { yes } = await asked(office);
  await office.board.write((tx) =>
    tx.run("INSERT INTO contacts SELECT channel, account, 'bob', 'allowed', 0 FROM contacts WHERE person = 'ann'"),
  );
  const [, id = ""] = yes.split(":");
  await press(office, "1", yes, "bob");
  await press(office, "2", `yes:${id}:000000000000`);
  await press(office, "3", `yes:${id}:`);
  await press(office, "4", "yes:nobody:000000000000");
  await office.until(() => office.notebook.pressed.length === 4);
  expect(new Set(office.notebook.pressed.map((line) => line.slice(2)))).toEqual(
    new Set(["This button does nothing any more."]),
  );
  expect(office.value("SELECT decision FROM approvals")).toBeNull();
});
