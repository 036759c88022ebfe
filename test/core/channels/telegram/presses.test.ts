// Buttons on Telegram: each for whom it was meant, once, and with few bytes.
import { expect, test } from "bun:test";
import { openTown, type Town } from "../town.ts";

/** Everything that was ever put on a button. */
const dataIn = (town: Town): string[] =>
  town.telegram.calls
    .flatMap(({ parameters }) => [...JSON.stringify(parameters).matchAll(/callback_data(?:\\*)":(?:\\*)"([^"\\]+)/g)])
    .map(([, data = ""]) => data);

/** Ann asks for something that fails; resolves to the message with the button. */
async function failed(town: Town): Promise<number> {
  town.ann.say("Do it");
  await town.fail(await town.claim(), "The file has no numbers.");
  await town.until(() => town.annSees().some(({ text }) => text.includes("no numbers")));
  return town.annSees().at(-1)?.messageId ?? 0;
}

const jobs = (town: Town) => town.value("SELECT count(*) FROM jobs");

test("whoever presses in a chat that is another's is not heard", async () => {
  await using town = await openTown();
  const message = await failed(town);
  const bob = town.telegram.person({ id: 8, firstName: "Bob" });
  await town.welcome("telegram", "8");
  bob.say("I am here, too");
  await town.until(() => jobs(town) === 2);
  bob.press(message, "Try again", town.ann.chatId);
  await town.until(() => town.telegram.updates.pendingCount === 0);
  bob.say("Still here");
  await town.until(() => town.value("SELECT count(*) FROM messages") === 3);
  expect(jobs(town)).toBe(3);
  expect(town.value("SELECT person FROM chats WHERE chat = '7'")).toBe("7");
});

test("a guest cannot let anybody in, with whatever button", async () => {
  await using town = await openTown();
  town.ann.say("/status");
  await town.until(() => town.annReads().length === 1);
  town.telegram.person({ id: 9, firstName: "Cid" }).say("Let me in");
  await town.until(() => town.annSees().some(({ text }) => text.includes("id 9")));
  const card = town.annSees().find(({ text }) => text.includes("id 9"));
  const allow = card?.buttons.flat().find(({ text }) => text === "Let in")?.callback_data ?? "";
  const bob = town.telegram.person({ id: 8, firstName: "Bob" });
  await town.welcome("telegram", "8");
  bob.say("I am here, too");
  await town.until(() => jobs(town) === 1);
  const standing = () => town.value("SELECT standing FROM contacts WHERE person = '9'");
  for (const chat of [town.ann.chatId, bob.chatId]) {
    const message = chat === town.ann.chatId ? (card?.messageId ?? 0) : await offered(town, allow);
    bob.press(message, allow, chat);
    await town.until(() => town.telegram.updates.pendingCount === 0);
    await town.until(() => town.value("SELECT count(*) FROM arrivals WHERE state = 'waiting'") === 0);
    expect(standing()).toBe("asking");
  }
  town.ann.press(card?.messageId ?? 0, "Let in");
  await town.until(() => standing() === "allowed");
});

/** A message in Bob's chat with a button that is not meant for him. */
async function offered(town: Town, data: string): Promise<number> {
  const reply_markup = { inline_keyboard: [[{ text: "Let in", callback_data: data }]] };
  const response = await fetch(`${town.telegram.url}/bot${town.telegram.token}/sendMessage`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ chat_id: 8, text: "Press", reply_markup }),
  });
  expect(response.status).toBe(200);
  return town.telegram.view(8).messages.at(-1)?.messageId ?? 0;
}

test("what is pressed a second time, or too late, is answered and does nothing", async () => {
  await using town = await openTown();
  town.ann.sendDocument({ name: "rain.csv", bytes: new TextEncoder().encode("a,b\n1,2\n") });
  await town.until(() => town.annSees().some(({ text }) => text.includes("rain.csv")));
  const question = town.annSees().at(-1)?.messageId ?? 0;
  const first = town.ann.press(question, "Chart");
  await town.until(() => jobs(town) === 1);
  const again = [town.ann.press(question, "Chart"), town.ann.press(question, "Summarise")];
  await town.until(() => again.every((press) => town.telegram.updates.pendingCount === 0 && town.ann.answer(press)));
  expect(town.ann.answer(first)).toBeDefined();
  for (const press of again) expect(town.ann.answer(press)?.text).toBe("This button does nothing any more.");
  const claim = await town.claim();
  await town.settle(claim, "Done.");
  expect(jobs(town)).toBe(1);
});

test("no button carries more than 64 bytes", async () => {
  await using town = await openTown();
  await failed(town);
  town.ann.sendDocument({ name: "rain.csv", bytes: new TextEncoder().encode("a,b\n1,2\n") });
  await town.until(() => town.annSees().some(({ text }) => text.includes("rain.csv")));
  town.telegram.person({ id: 9, firstName: "Cid" }).say("Let me in");
  await town.until(() => town.annSees().some(({ text }) => text.includes("id 9")));
  const data = dataIn(town);
  expect(new Set(data.map((one) => one.split(":")[1]))).toEqual(new Set(["again", "do", "allow", "refuse"]));
  for (const one of data) expect(Buffer.byteLength(one)).toBeLessThanOrEqual(64);
});
