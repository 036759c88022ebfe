// Whatever goes wrong with a call, before its effect or after it: what is said is seen once, and no error knows the token.
import { expect, test } from "bun:test";
import type { Fault } from "../../../../fakes/telegram/faults.ts";
import { TOKEN } from "../../../../fakes/telegram/server.ts";
import type { Operation } from "../../../../src/core/channels/operation.ts";
import { png } from "../../../fakes/telegram_client.ts";
import { openBot, sayUntilSaid, told } from "./bot.ts";

type Trouble = Fault extends infer One ? (One extends Fault ? Omit<One, "method"> : never) : never;

const TROUBLES: { readonly [name: string]: Trouble } = {
  "429": { kind: "status", code: 429, retryAfterS: 2 },
  "500 before": { kind: "status", code: 500 },
  "500 after": { kind: "status", code: 500, isAfterEffect: true },
  "a page of the proxy before": { kind: "status", code: 502, isHtml: true },
  "a page of the proxy after": { kind: "status", code: 502, isHtml: true, isAfterEffect: true },
  "no answer": { kind: "hang" },
  "a cut before": { kind: "drop-before-effect" },
  "a cut after": { kind: "drop-after-effect" },
  "half an answer": { kind: "truncate" },
  "nobody there": { kind: "refuse", ms: 20 },
};

const OPERATIONS: { readonly [kind: string]: { readonly operation: Operation; readonly seen: string } } = {
  text: { operation: { kind: "text", text: "<b>42</b>", plain: "42", buttons: [] }, seen: "42" },
  photo: {
    operation: { kind: "photo", artifact: "chart.png", caption: "<b>Sales</b>", plain: "Sales", buttons: [] },
    seen: "Sales + photo",
  },
  document: {
    operation: { kind: "document", artifact: "table.csv", caption: "", plain: "", buttons: [] },
    seen: "document",
  },
};

async function withTrouble(trouble: Trouble, method: string, times: number) {
  const bot = await openBot();
  await Promise.all([bot.keep("chart.png", png(20, 10)), bot.keep("table.csv", "a,b\n")]);
  const { telegram, clock } = bot;
  telegram.faults.add({ ...trouble, method, times });
  // Nobody answers: time passes.
  let left = times;
  telegram.watch(() => {
    if (trouble.kind !== "hang" || telegram.faults.left === left) return;
    left = telegram.faults.left;
    clock.move(120_000);
  });
  return { bot, between: async () => void (await telegram.until(() => telegram.isListening)) };
}

for (const [kind, { operation, seen }] of Object.entries(OPERATIONS))
  for (const method of ["sendMessage", kind === "text" ? "editMessageText" : "editMessageMedia"])
    for (const [name, trouble] of Object.entries(TROUBLES))
      test(`a ${kind} is seen once after ${name} at ${method}`, async () => {
        const { bot, between } = await withTrouble(trouble, method, 2);
        await using world = bot;
        const failures = await sayUntilSaid(world, operation, between);
        expect(failures).not.toBeEmpty();
        expect(world.seen().filter((one) => one !== "…")).toEqual([seen]);
        // A message that nobody knows the number of cannot be filled, or taken away.
        const isAfter = method === "sendMessage" && world.telegram.callsOf(method).some((call) => call.effect);
        expect(world.seen().filter((one) => one === "…").length).toBeLessThanOrEqual(isAfter ? 2 : 0);
        expect([told(failures), ...world.lines].join("\n")).not.toContain(TOKEN.split(":")[1] ?? "");
      });

for (const [name, trouble] of Object.entries(TROUBLES))
  test(`an album after ${name} is never missing, and a second one says that it is one`, async () => {
    const { bot, between } = await withTrouble(trouble, "sendMediaGroup", 1);
    await using world = bot;
    const album: Operation = { kind: "album", artifacts: ["chart.png", "chart.png"], caption: "<b>A</b>", plain: "A" };
    const failures = await sayUntilSaid(world, album, between);
    const first = world.telegram.callsOf("sendMediaGroup")[0]?.effect === undefined ? [] : ["A + photo", "photo"];
    const note = name === "429" ? "" : " (sent again after a connection problem)";
    expect(world.seen()).toEqual([...first, `A${note} + photo`, "photo"]);
    expect(told(failures)).not.toContain(TOKEN.split(":")[1] ?? "");
  });

test("one call an attempt: nothing repeats it behind our back", async () => {
  const { bot, between } = await withTrouble({ kind: "drop-after-effect" }, "editMessageText", 2);
  await using world = bot;
  const failures = await sayUntilSaid(world, { kind: "text", text: "Hi", plain: "Hi", buttons: [] }, between);
  expect(failures.length).toBe(2);
  expect(world.telegram.callsOf("sendMessage").length).toBe(1);
  expect(world.telegram.callsOf("editMessageText").length).toBe(3);
});
