// Who may write: nobody, until the owner came by a link or let somebody in.
import { describe, expect, test } from "bun:test";
import { addInvitation } from "../../../src/shared/contacts.ts";
import { Notebook } from "./notebook.ts";
import { openOffice } from "./office.ts";

const YESTERDAY = Date.now() - 25 * 3_600_000;

describe("who may write", () => {
  test("is nobody until the owner comes by a link, which works once", async () => {
    await using office = await openOffice(new Notebook(), null);
    await office.notebook.say("hi");
    const link = await office.messenger.invite("notebook");
    const code = link.replace("notebook:", "");
    await office.notebook.say(`/start ${code}`);
    await office.until(() => office.notebook.seenIn("ann").length === 1);
    await office.notebook.say(`/start ${code}`, {}, { chat: "bob", person: ["bob"] });
    await office.notebook.say("Mine");
    await office.claim();
    expect(office.rows("SELECT person, standing FROM contacts ORDER BY person")).toEqual([
      { person: "ann", standing: "owner" },
      { person: "bob", standing: "asking" },
    ]);
    expect(JSON.stringify(office.rows("SELECT * FROM arrivals"))).not.toContain(code);
  });

  test("is nobody by a code that was forwarded, stands below a file, or was made for another account", async () => {
    await using office = await openOffice(new Notebook(), null);
    await office.notebook.say("hi");
    const code = (await office.messenger.invite("notebook")).replace("notebook:", "");
    await addInvitation(
      office.board,
      { channel: "notebook", account: "2" },
      "code-of-another-account",
      YESTERDAY * 2,
      0,
    );
    await office.notebook.say(`/start ${code}`, { isForwarded: true });
    await office.notebook.say(code, { files: [{ ref: "x", name: "x", bytes: 1 }] });
    await office.notebook.say("/start code-of-another-account");
    expect(office.value("SELECT standing FROM contacts")).toBe("asking");
    await office.notebook.say(code);
    expect(office.value("SELECT standing FROM contacts")).toBe("owner");
  });

  test("the owner is asked about each stranger once, about three at most, and decides alone", async () => {
    await using office = await openOffice();
    await office.notebook.say("/status");
    await office.until(() => office.notebook.seenIn("ann").length === 1);
    for (const who of ["bob", "bob", "cid", "dan", "eve"])
      await office.notebook.say("hi", {}, { chat: who, person: [who] });
    await office.until(() => office.notebook.seenIn("ann").length === 4);
    const cards = [...office.notebook.lines.values()].filter((line) => line.words.includes("new wrote"));
    const allow = cards.find((line) => line.words.includes("bob"))?.buttons[0] ?? "";
    await office.notebook.happen(
      { kind: "press", messageId: "c", pressId: "1", action: allow },
      { chat: "bob", person: ["bob"] },
    );
    expect(office.value("SELECT standing FROM contacts WHERE person = 'bob'")).toBe("asking");
    await office.notebook.happen({ kind: "press", messageId: "c", pressId: "2", action: allow });
    await office.until(() => office.value("SELECT standing FROM contacts WHERE person = 'bob'") === "allowed");
    await office.notebook.say("Now?", {}, { chat: "bob", person: ["bob"] });
    const claim = await office.claim();
    await office.settle(claim, "Yes.");
    await office.until(() => office.notebook.seenIn("bob").includes("Yes."));
    expect(office.value("SELECT count(*) FROM contacts WHERE person = 'eve'")).toBe(0);
  });

  test("forwarded words command nothing", async () => {
    await using office = await openOffice();
    await office.notebook.say("/stop", { isForwarded: true });
    expect((await office.claim()).input).toEqual({ prompt: "/stop" });
  });

  test("who is not decided about within a day has to write again, and the old card does nothing", async () => {
    await using office = await openOffice();
    await office.notebook.say("/status");
    const bob = { chat: "bob", person: ["bob"] };
    await office.notebook.say("hi", {}, bob);
    const cards = () => [...office.notebook.lines.values()].filter((line) => line.words.includes("new wrote"));
    await office.until(() => cards().length === 1);
    const allow = cards()[0]?.buttons[0] ?? "";
    await office.board.write((tx) => void tx.run("UPDATE contacts SET created_at = ? WHERE person = 'bob'", YESTERDAY));
    await office.notebook.happen({ kind: "press", messageId: "c", pressId: "1", action: allow });
    await office.until(() => office.notebook.pressed.length === 1);
    expect(office.notebook.pressed).toEqual(["1 This button does nothing any more."]);
    await office.notebook.say("hi again", {}, bob);
    await office.until(() => cards().length === 2);
    await office.notebook.happen({ kind: "press", messageId: "c", pressId: "2", action: cards()[1]?.buttons[0] ?? "" });
    await office.until(() => office.value("SELECT standing FROM contacts WHERE person = 'bob'") === "allowed");
  });
});
