// From a message on a platform to its answer there, over kills, doubles and refusals.
import { describe, expect, test } from "bun:test";
import { AppError } from "../../../src/shared/errors.ts";
import { DeliveryError } from "../../../src/core/channels/channel.ts";
import { Notebook } from "./notebook.ts";
import { temporaryBoard } from "../../shared/temporary.ts";
import { messengerOver, openOffice } from "./office.ts";

describe("a message", () => {
  test("becomes a job, and its answer comes back to the same chat", async () => {
    await using office = await openOffice();
    await office.notebook.say("What is six times seven?");
    const claim = await office.claim();
    expect(claim.input).toEqual({ prompt: "What is six times seven?" });
    await office.settle(claim, "Forty-two.");
    await office.until(() => office.notebook.seenIn("ann").length === 1);
    expect(office.notebook.seenIn("ann")).toEqual(["Forty-two."]);
  });

  test("that is sent twice, under the same or another event, is one job", async () => {
    await using office = await openOffice();
    await office.notebook.say("Hi", { messageId: "m" }, { eventId: "1" });
    await office.notebook.say("Hi", { messageId: "m" }, { eventId: "1" });
    await office.notebook.say("Hi", { messageId: "m" }, { eventId: "77" });
    await office.notebook.say("There", { messageId: "n" }, { eventId: "78" });
    await office.until(() => office.value("SELECT count(*) FROM jobs") === 2);
    expect(office.rows("SELECT text FROM messages ORDER BY rowid")).toEqual([{ text: "Hi" }, { text: "There" }]);
  });

  test("goes on in the conversation of its chat, and /new ends that", async () => {
    await using office = await openOffice();
    for (const text of ["One", "Two", "/new", "Three"]) {
      await office.notebook.say(text);
      await office.until(() => office.value("SELECT count(*) FROM arrivals WHERE state = 'waiting'") === 0);
    }
    const talks = office.rows(
      "SELECT conversation_id AS id, count(*) AS messages FROM messages GROUP BY 1 ORDER BY min(rowid)",
    );
    expect(talks.map((talk) => talk["messages"])).toEqual([2, 1]);
  });

  test("with files waits for all of them, and they are in the job", async () => {
    await using office = await openOffice();
    office.notebook.files.set("1", "a,b\n1,2\n").set("2", "c\n3\n");
    const file = (ref: string) => ({ ref, name: `${ref}.csv`, bytes: 8 });
    await office.notebook.say("Join these", { files: [file("1")], groupId: "g" });
    await office.notebook.say("", { files: [file("2")], groupId: "g" });
    const claim = await office.claim();
    expect(claim.input).toMatchObject({ prompt: "Join these", files: [expect.any(String), expect.any(String)] });
    expect(office.value("SELECT count(*) FROM jobs")).toBe(1);
  });

  test("of files alone is asked what to do with them, and a button or words answer", async () => {
    await using office = await openOffice();
    office.notebook.files.set("1", "a,b\n1,2\n");
    await office.notebook.say("", { files: [{ ref: "1", name: "sales.csv", bytes: 8 }] });
    await office.until(() => office.notebook.lines.size === 1);
    const [line] = office.notebook.lines.values();
    expect(line?.words).toContain("sales.csv");
    const chart = line?.buttons.find((action) => action.startsWith("do:chart:")) ?? "";
    await office.notebook.happen({ kind: "press", messageId: "q", pressId: "p", action: chart });
    const claim = await office.claim();
    expect(claim.input).toMatchObject({ prompt: "Graph this", files: [expect.any(String)] });
    await office.until(() => office.notebook.pressed.length === 1);
    await office.notebook.happen({ kind: "press", messageId: "q", pressId: "p2", action: chart });
    await office.until(() => office.notebook.pressed.length === 2);
    expect(office.value("SELECT count(*) FROM jobs")).toBe(1);
    expect(office.notebook.pressed[1]).toContain("does nothing any more");
  });

  test("a number chooses where there are too few buttons", async () => {
    await using office = await openOffice(new Notebook({ buttons: { most: 1, titleLength: 20 } }));
    office.notebook.files.set("1", "a,b\n1,2\n");
    await office.notebook.say("", { files: [{ ref: "1", name: "sales.csv", bytes: 8 }] });
    await office.until(() => office.notebook.lines.size === 1);
    expect(office.notebook.seenIn("ann")[0]).toContain("Reply 2 for Chart");
    await office.notebook.say("2");
    expect((await office.claim()).input).toMatchObject({ prompt: "Graph this", files: [expect.any(String)] });
  });

  test("in a group, or from somebody whom nobody let in, is no job and leaves no word behind", async () => {
    await using office = await openOffice();
    await office.notebook.say("hello", {}, { isPrivate: false });
    await office.notebook.say("secret words", {}, { chat: "bob", person: ["bob"] });
    await office.notebook.say("Mine");
    await office.claim();
    expect(office.value("SELECT count(*) FROM jobs")).toBe(1);
    expect(JSON.stringify(office.rows("SELECT * FROM arrivals"))).not.toContain("secret words");
    expect(office.notebook.seenIn("bob")).toEqual([]);
  });
});

describe("/stop", () => {
  test("ends what runs and what waits, and is not behind a message that is being fetched", async () => {
    await using office = await openOffice();
    await office.notebook.say("One");
    await office.claim();
    await office.notebook.say("Two");
    await office.until(() => office.value("SELECT count(*) FROM jobs") === 2);
    await office.notebook.say("", { files: [{ ref: "never", name: "x", bytes: 1 }] });
    await office.notebook.say("/stop");
    await office.until(() => office.notebook.seenIn("ann").some((words) => words.startsWith("Stopped.")));
    expect(office.rows("SELECT state, cancel_at IS NOT NULL AS asked FROM job_run ORDER BY created_seq")).toEqual([
      { state: "running", asked: 1 },
      { state: "cancelled", asked: 0 },
    ]);
  });
});

test("a command is obeyed behind hundreds of messages that wait, and none of them is passed over", async () => {
  await using office = await openOffice();
  await office.notebook.say("Wait", { files: [{ ref: "never", name: "x", bytes: 1 }] });
  for (let index = 0; index < 120; index += 1) await office.notebook.say(`Number ${index}`);
  await office.notebook.say("/help");
  await office.until(() => office.notebook.seenIn("ann").length === 1);
  expect(office.value("SELECT count(*) FROM arrivals WHERE state = 'waiting'")).toBe(121);
  office.notebook.files.set("never", "a,b\n1,2\n");
  await office.until(() => office.value("SELECT count(*) FROM jobs") === 121);
});

describe("an answer", () => {
  const failing = (failure: "not_sent" | "ambiguous" | "permanent" | "window" | "auth", isAfter = false) => ({
    error: new DeliveryError(failure, `It is ${failure}.`, { retryAfterMs: 5 }),
    isAfter,
  });

  test("that could not be sent is sent again, and in its order", async () => {
    await using office = await openOffice();
    office.notebook.troubles.push(failing("not_sent"), failing("not_sent"));
    await office.notebook.say("One");
    await office.settle(await office.claim(), "First.");
    await office.notebook.say("Two");
    await office.settle(await office.claim(), "Second.");
    await office.until(() => office.notebook.seenIn("ann").length === 2);
    expect(office.notebook.seenIn("ann")).toEqual(["First.", "Second."]);
  });

  test("that a platform will never take is given up, told in the log, and holds nobody up", async () => {
    await using office = await openOffice();
    office.notebook.troubles.push(failing("permanent"));
    await office.notebook.say("One");
    await office.settle(await office.claim(), "First.");
    await office.notebook.say("Two");
    await office.settle(await office.claim(), "Second.");
    await office.until(() => office.value("SELECT count(*) FROM deliveries WHERE state = 'sent'") === 1);
    expect(office.notebook.seenIn("ann")).toEqual(["Second."]);
    expect(office.rows("SELECT state, error FROM deliveries ORDER BY turn")).toMatchObject([
      { state: "failed", error: "It is permanent." },
      { state: "sent" },
    ]);
  });

  test("that has to wait for the platform's pace waits, and that is no attempt", async () => {
    await using office = await openOffice();
    office.notebook.waits.push(1, 1, 1, 0);
    await office.notebook.say("One");
    await office.settle(await office.claim(), "First.");
    await office.until(() => office.notebook.seenIn("ann").length === 1);
    await office.until(() => office.value("SELECT state FROM deliveries") === "sent");
    expect(office.value("SELECT attempts FROM deliveries")).toBe(1);
    expect(office.notebook.waits).toEqual([]);
  });

  test("outside of the platform's window is held until the person writes", async () => {
    await using office = await openOffice();
    office.notebook.troubles.push(failing("window"));
    await office.notebook.say("One");
    await office.settle(await office.claim(), "First.");
    await office.until(() => office.value("SELECT count(*) FROM deliveries WHERE state = 'held'") === 1);
    expect(office.notebook.seenIn("ann")).toEqual([]);
    await office.notebook.say("/status");
    await office.until(() => office.notebook.seenIn("ann").length === 2);
    expect(office.notebook.seenIn("ann")[0]).toBe("First.");
  });

  test("to somebody who is not where they were waits until they write", async () => {
    await using office = await openOffice();
    await office.notebook.say("One");
    const claim = await office.claim();
    // Somebody else has their number now.
    await office.notebook.say("Mine", {}, { person: ["bob"] });
    await office.settle(claim, "First.");
    await office.notebook.say("Two", {}, { chat: "ann2" });
    await office.settle(await office.claim(), "Second.");
    await office.until(() => office.notebook.seenIn("ann2").length === 3);
    expect(office.notebook.seenIn("ann2").slice(1)).toEqual(["First.", "Second."]);
    expect(office.notebook.seenIn("ann")).toEqual([]);
  });

  test("of a job that was done while nobody was there is said after the start", async () => {
    await using office = await openOffice();
    await office.notebook.say("One");
    const claim = await office.claim();
    await office.messenger.close();
    await office.settle(claim, "First.");
    expect(office.notebook.seenIn("ann")).toEqual([]);
    await office.restart();
    await office.until(() => office.notebook.seenIn("ann").length === 1);
    expect(office.notebook.seenIn("ann")).toEqual(["First."]);
  });

  test("that was being sent when core died is not sent again before the platform had time to tell of it", async () => {
    await using office = await openOffice(new Notebook({ echoMs: 60_000 }, false));
    await office.notebook.say("One");
    await office.settle(await office.claim(), "First.");
    await office.until(() => office.value("SELECT count(*) FROM deliveries WHERE state = 'sent'") === 1);
    await office.messenger.close();
    // As a kill leaves it that comes between the platform's doing and its answer.
    await office.board.write((tx) => void tx.run("UPDATE deliveries SET state = 'sending', ended_at = NULL"));
    await office.restart();
    await office.until(() => Number(office.value("SELECT not_before FROM deliveries")) > 0);
    // Whatever was begun at the start is over after that.
    await office.notebook.say("Two");
    office.messenger.pump();
    await office.claim();
    expect(office.notebook.seenIn("ann")).toEqual(["First."]);
  });

  test("of a failed job says what went wrong and offers to try again, which works once a press", async () => {
    await using office = await openOffice();
    await office.notebook.say("One");
    const claim = await office.claim();
    await office.settle(claim, "", { code: "code", message: "The file has no numbers." });
    await office.until(() => office.notebook.lines.size === 1);
    const [line] = office.notebook.lines.values();
    expect(line?.words).toContain("The file has no numbers.");
    await office.notebook.happen({ kind: "press", messageId: "x", pressId: "1", action: line?.buttons[0] ?? "" });
    const again = await office.claim();
    expect(again.input).toEqual(claim.input);
    await office.settle(again, "Better.");
    await office.until(() => office.notebook.seenIn("ann").includes("Better."));
  });

  test("takes the place of the message that showed progress", async () => {
    await using office = await openOffice();
    await office.notebook.say("One");
    const claim = await office.claim();
    await office.until(() => office.notebook.seenIn("ann").length === 1);
    expect(office.notebook.seenIn("ann")[0]).toStartWith("⏳");
    await office.settle(claim, "First.");
    await office.until(() => office.notebook.seenIn("ann")[0] === "First.");
    expect(office.notebook.seenIn("ann")).toEqual(["First."]);
  });
});

test("what was stopped is said once: by the answer to /stop", async () => {
  await using office = await openOffice();
  await office.notebook.say("One");
  const claim = await office.claim();
  await office.notebook.say("/stop");
  await office.settle(claim, "", { code: "cancelled", message: "You stopped this." });
  await office.until(() => office.value("SELECT count(*) FROM deliveries WHERE state <> 'sent'") === 0);
  await office.until(() => office.notebook.seenIn("ann").length > 0);
  expect(office.notebook.seenIn("ann")).toEqual(["Stopped. Nothing further will be charged."]);
});

test("a channel that is refused says so, and one that cannot be reached is down", async () => {
  using place = temporaryBoard();
  const opened = (code: "config" | "unavailable") => () => () => Promise.reject(new AppError(code, `It is ${code}.`));
  const messenger = messengerOver(place, { refused: opened("config"), away: opened("unavailable") });
  await Bun.sleep(0);
  expect(messenger.states()).toMatchObject([
    { name: "refused", state: "refused", detail: "It is config." },
    { name: "away", state: "down", detail: "It is unavailable." },
  ]);
  await messenger.close();
});
