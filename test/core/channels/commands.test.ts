// Commands in a chat: the same that this machine knows, answered there.
import { expect, test } from "bun:test";
import { MENU } from "../../../src/core/channels/menu.ts";
import { openOffice } from "./office.ts";

test("every command of the menu is in the help, and is answered", async () => {
  await using office = await openOffice();
  await office.notebook.say("/help");
  await office.until(() => office.notebook.seenIn("ann").length === 1);
  const [help = ""] = office.notebook.seenIn("ann");
  for (const { command } of MENU.filter((one) => one.command !== "help")) {
    expect(help).toContain(`/${command}`);
    const before = office.notebook.seenIn("ann").length;
    await office.notebook.say(`/${command}`);
    await office.until(() => office.notebook.seenIn("ann").length === before + 1);
    expect(office.notebook.seenIn("ann").at(-1)).not.toBe(help);
  }
});

test("/whoami names the channel, the id and the standing", async () => {
  await using office = await openOffice();
  await office.notebook.say("/whoami");
  await office.until(() => office.notebook.seenIn("ann").length === 1);
  const [words = ""] = office.notebook.seenIn("ann");
  for (const part of ["notebook", "ann", "the owner"]) expect(words).toContain(part);
});

test("/settings names what answers, the limits, the channels and the dashboard", async () => {
  await using office = await openOffice();
  await office.notebook.say("/settings");
  await office.until(() => office.notebook.seenIn("ann").length === 1);
  const [words = ""] = office.notebook.seenIn("ann");
  for (const part of ["planner", "on this machine", "300 s", "3 attempts", "notebook (up)", "http://localhost:4747/"])
    expect(words).toContain(part);
});

test("/again repeats what was asked, whatever was commanded in the conversation since", async () => {
  await using office = await openOffice();
  await office.notebook.say("One");
  const first = await office.claim();
  await office.settle(first, "First.");
  await office.notebook.say("/status");
  await office.notebook.say("/again");
  const again = await office.claim();
  expect(again.input).toEqual(first.input);
  expect(again.conversationId).toBe(first.conversationId);
  await office.settle(again, "Second.");
  await office.until(() => office.notebook.seenIn("ann").includes("Second."));
});
