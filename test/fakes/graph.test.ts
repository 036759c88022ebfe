// The fake Cloud API takes what the real one takes and refuses what the real one refuses.
import { describe, expect, test } from "bun:test";
import { BURST_PAIR_RATE, NUMBER_RATE, STRICT_PAIR_RATE } from "../../fakes/graph/rates.ts";
import type { Person } from "../../fakes/graph/person.ts";
import { ask, errorOf, idOf, openGraph, record, say, send, stoppedClock } from "./graph_client.ts";

const NUMBER = "4915112345678";
const DAY_MS = 86_400_000;

function reply(id: string, title = id) {
  return { type: "reply", reply: { id, title } };
}

function buttons(all: readonly unknown[], text = "Which one?") {
  return { type: "interactive", interactive: { type: "button", body: { text }, action: { buttons: all } } };
}

function shown(person: Person) {
  return person.chat.view().messages.filter(({ from }) => from === "business");
}

/** The errors of statuses that were posted. */
function laterErrors(posts: readonly unknown[]): unknown[] {
  return [...JSON.stringify(posts).matchAll(/"errors":\[\{"code":(\d+)/g)].map((found) => Number(found[1]));
}

describe("what is taken", () => {
  test("text reaches the person, and the answer names who and what", async () => {
    await using graph = openGraph().graph;
    const person = graph.person({ waId: "4915100000000" });
    person.say("Hi");
    const answer = await say(graph, "+49 151 00000000", "Good morning ☕");
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      messaging_product: "whatsapp",
      contacts: [{ input: "4915100000000", wa_id: "4915100000000" }],
      messages: [{ id: idOf(answer) }],
    });
    expect(shown(person)).toMatchObject([{ id: idOf(answer), kind: "text", text: "Good morning ☕", buttons: [] }]);
    expect(graph.calls.at(-1)).toMatchObject({ call: "messages", effect: idOf(answer), status: 200 });
  });

  test("a person without a number is reached by the id within the business", async () => {
    await using graph = openGraph().graph;
    const person = graph.person({ waId: null, userId: "US.13491208655302741918" });
    person.say("Hi");
    const answer = await send(graph, { recipient: "US.13491208655302741918", text: { body: "Hello" } });
    const contact = { input: "US.13491208655302741918", user_id: "US.13491208655302741918" };
    expect(answer.body["contacts"]).toEqual([contact]);
    expect(shown(person)).toHaveLength(1);
  });

  test("a number wins over an id", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    await send(graph, { to: NUMBER, recipient: "US.1", text: { body: "Hello" } });
    expect(shown(person)).toHaveLength(1);
  });

  test("buttons are shown and can be pressed", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    const id = idOf(await send(graph, { to: NUMBER, ...buttons([reply("yes", "Yes"), reply("no", "No")]) }));
    expect(shown(person)[0]?.buttons).toEqual([
      { id: "yes", title: "Yes" },
      { id: "no", title: "No" },
    ]);
    person.press("no");
    expect(person.chat.messages.at(-1)).toMatchObject({ kind: "interactive", text: "No", replyTo: id });
    expect(() => person.press("maybe")).toThrow("no button maybe");
  });

  test("reactions come and go and are no messages", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    const message_id = person.say("A chart, please");
    await send(graph, { to: NUMBER, type: "reaction", reaction: { message_id, emoji: "⏳" } });
    expect(graph.view(person).reactions).toEqual([{ messageId: message_id, from: "business", emoji: "⏳" }]);
    await send(graph, { to: NUMBER, type: "reaction", reaction: { message_id, emoji: "" } });
    expect(graph.view(person).reactions).toEqual([]);
    expect(shown(person)).toEqual([]);
  });

  test("read and typing are one call; typing goes with the answer or after 25 seconds", async () => {
    const clock = stoppedClock();
    const { graph, person } = openGraph({ now: clock.now });
    await using _ = graph;
    const message_id = person.say("Are you there?");
    const receipt = { status: "read", message_id, typing_indicator: { type: "text" } };
    expect((await send(graph, receipt)).body).toEqual({ success: true });
    expect(graph.view(person)).toMatchObject({ isTyping: true, readReceipts: [expect.any(String), message_id] });
    clock.advance(25_000);
    expect(graph.view(person).isTyping).toBe(false);
    await send(graph, receipt);
    await say(graph, NUMBER, "Yes");
    expect(graph.view(person).isTyping).toBe(false);
  });

  test("an approved template is taken outside the window, another one never", async () => {
    const graph = openGraph({ rules: { templates: new Set(["report_ready"]) } }).graph;
    await using _ = graph;
    const person = graph.person({ waId: "4915100000000" });
    const template = (name: string) => ({ type: "template", template: { name, language: { code: "en" } } });
    expect((await send(graph, { to: "4915100000000", ...template("report_ready") })).status).toBe(200);
    expect(shown(person)).toMatchObject([{ kind: "template", text: "report_ready" }]);
    const refused = await send(graph, { to: "4915100000000", ...template("other") });
    expect([refused.status, errorOf(refused)["code"]]).toEqual([404, 132001]);
  });

  test("the probe tells whose number it is", async () => {
    await using graph = openGraph().graph;
    const { body } = await ask(graph, graph.account.phoneNumberId);
    expect(body).toMatchObject({ display_phone_number: "15550100200", verified_name: "Sandpiper" });
    expect(body["id"]).toBe(graph.account.phoneNumberId);
  });
});

describe("what is refused:", () => {
  const text = (body: string) => ({ type: "text", text: { body } });
  const image = (caption: string) => ({ type: "image", image: { id: "1", caption } });
  test.each<[name: string, message: Record<string, unknown>, code: number, details?: RegExp]>([
    ["text of 4097 characters", text("x".repeat(4097)), 100, /text\.body/],
    ["empty text", text(""), 100],
    ["text that is missing", { type: "text" }, 131008],
    ["a caption of 1025 characters", image("x".repeat(1025)), 100, /image\.caption/],
    ["a caption under audio", { type: "audio", audio: { id: "1", caption: "no" } }, 100, /Param audio/],
    ["four buttons", buttons(["a", "b", "c", "d"].map((id) => reply(id))), 100, /action\.buttons/],
    ["no buttons", buttons([]), 100, /interactive\.action\.buttons/],
    ["a button title of 21 characters", buttons([reply("a", "x".repeat(21))]), 100, /reply\.title/],
    ["a body of 1025 characters", buttons([reply("a")], "x".repeat(1025)), 100, /body\.text/],
    ["two buttons with one id", buttons([reply("a", "One"), reply("a", "Two")]), 131009],
    ["two buttons with one title", buttons([reply("a", "One"), reply("b", "One")]), 131009],
    ["a kind of message that there is not", { type: "hologram", hologram: {} }, 131051],
    ["a reaction to nothing", { type: "reaction", reaction: { message_id: "wamid.x", emoji: "👍" } }, 131009],
    ["media that was never uploaded", image("A chart"), 100, /'1' does not exist/],
    [
      "data of one's own of 513 characters",
      { ...text("Hi"), biz_opaque_callback_data: "x".repeat(513) },
      100,
      /biz_opaque_callback_data/,
    ],
  ])("%s", async (_name, message, code, details = /./) => {
    const { graph, person } = openGraph();
    await using _ = graph;
    const answer = await send(graph, { to: NUMBER, ...message });
    expect([answer.status, errorOf(answer)["code"]]).toEqual([400, code]);
    expect(JSON.stringify(answer.body)).toMatch(details);
    expect(shown(person)).toEqual([]);
    expect(graph.calls.at(-1)).toMatchObject({ effect: null, status: 400 });
  });

  test("what is just short enough is taken", async () => {
    await using graph = openGraph().graph;
    const longest = buttons(
      ["a", "b", "c"].map((id) => reply(id, id + "x".repeat(19))),
      "x".repeat(1024),
    );
    expect((await send(graph, { to: NUMBER, ...text("x".repeat(4096)) })).status).toBe(200);
    expect((await send(graph, { to: NUMBER, ...longest })).status).toBe(200);
  });

  test("a bearer that is missing or wrong", async () => {
    await using graph = openGraph().graph;
    for (const authorization of ["Bearer other", graph.account.token, ""]) {
      const answer = await send(graph, { to: NUMBER, ...text("Hi") }, { headers: { authorization } });
      expect([answer.status, errorOf(answer)["code"]]).toEqual([401, 190]);
    }
  });

  test("another phone number id", async () => {
    await using graph = openGraph().graph;
    const body = JSON.stringify({ messaging_product: "whatsapp", to: NUMBER, ...text("Hi") });
    const answer = await ask(graph, "4711/messages", { method: "POST", body });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ type: "GraphMethodException", code: 100, error_subcode: 33 });
    expect((await ask(graph, "4711")).status).toBe(400);
  });

  test("a message without a product, without a recipient, or that is no JSON", async () => {
    await using graph = openGraph().graph;
    expect(errorOf(await send(graph, { messaging_product: "sms", to: NUMBER, ...text("Hi") }))["code"]).toBe(100);
    expect(errorOf(await send(graph, text("Hi")))["code"]).toBe(131008);
    const path = `${graph.account.phoneNumberId}/messages`;
    expect(errorOf(await ask(graph, path, { method: "POST", body: "{" }))["code"]).toBe(100);
  });

  test("to edit a message", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    const id = idOf(await say(graph, NUMBER, "Working…"));
    for (const method of ["POST", "PUT", "PATCH"])
      expect((await ask(graph, id, { method, body: JSON.stringify(text("Done")) })).status).toBe(400);
    expect(shown(person)).toMatchObject([{ text: "Working…" }]);
  });

  test("to mark as read what nobody sent", async () => {
    await using graph = openGraph().graph;
    const answer = await send(graph, { status: "read", message_id: "wamid.none" });
    expect(errorOf(answer)["code"]).toBe(131009);
  });
});

describe("the window of 24 hours", () => {
  test("closes after the person's last message, at once or later as the rules say", async () => {
    const clock = stoppedClock();
    const { graph, person } = openGraph({ now: clock.now });
    await using _ = graph;
    clock.advance(DAY_MS - 1);
    expect((await say(graph, NUMBER, "In time")).status).toBe(200);
    clock.advance(1);
    expect((await say(graph, NUMBER, "Too late")).status).toBe(200);
    expect(laterErrors(graph.webhooks.posts)).toEqual([131047]);
    graph.rules.verdict = "at-once";
    const refused = await say(graph, NUMBER, "Too late again");
    expect([refused.status, errorOf(refused)["code"]]).toEqual([400, 131047]);
    person.say("I am back");
    expect((await say(graph, NUMBER, "Here it is")).status).toBe(200);
    expect(shown(person).map((one) => one.text)).toEqual(["In time", "Here it is"]);
  });

  test("was never open for who never wrote", async () => {
    const { graph } = openGraph({ rules: { verdict: "at-once" } });
    await using _ = graph;
    graph.person({ waId: "4915100000000" });
    expect(errorOf(await say(graph, "4915100000000", "Hi"))["code"]).toBe(131047);
  });
});

describe("who cannot be reached", () => {
  test.each(["at-once", "later"] as const)("is told %s", async (verdict) => {
    const { graph, person } = openGraph({ rules: { verdict } });
    await using _ = graph;
    person.leave();
    const answers = [await say(graph, NUMBER, "Hi"), await say(graph, "4900000", "Hi")];
    const atOnce = answers.map((answer) => errorOf(answer)["code"]);
    expect(atOnce).toEqual(verdict === "at-once" ? [131026, 131026] : [undefined, undefined]);
    expect(laterErrors(graph.webhooks.posts)).toEqual(verdict === "later" ? [131026, 131026] : []);
    expect(shown(person)).toEqual([]);
  });

  test("who blocks the business sees nothing and is heard of no more than sent", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    person.block();
    expect((await say(graph, NUMBER, "Hi")).status).toBe(200);
    const before = graph.webhooks.posts.length;
    person.say("Nobody hears me");
    expect(graph.webhooks.posts).toHaveLength(before);
    expect(shown(person)).toEqual([]);
    expect(JSON.stringify(graph.webhooks.posts)).toContain('"sent"');
    expect(JSON.stringify(graph.webhooks.posts)).not.toContain('"delivered"');
  });
});

describe("rates", () => {
  test("one message in six seconds to one person, others are not touched", async () => {
    const clock = stoppedClock();
    const { graph } = openGraph({ now: clock.now, rules: { pairRate: STRICT_PAIR_RATE } });
    await using _ = graph;
    graph.person({ waId: "4915100000000" }).say("Hi");
    expect((await say(graph, NUMBER, "One")).status).toBe(200);
    const refused = await say(graph, NUMBER, "Two");
    expect([refused.status, errorOf(refused)["code"]]).toEqual([429, 131056]);
    expect((await say(graph, "4915100000000", "Another")).status).toBe(200);
    clock.advance(5_999);
    expect((await say(graph, NUMBER, "Two")).status).toBe(429);
    clock.advance(1);
    expect((await say(graph, NUMBER, "Two")).status).toBe(200);
  });

  test("a burst is paid back", async () => {
    const clock = stoppedClock();
    const { graph } = openGraph({ now: clock.now, rules: { pairRate: BURST_PAIR_RATE, rateHttp: 400 } });
    await using _ = graph;
    const answers: number[] = [];
    for (let count = 0; count < 46; count += 1) answers.push((await say(graph, NUMBER, `${count}`)).status);
    expect(answers).toEqual([...Array.from({ length: 45 }, () => 200), 400]);
    clock.advance(6_000);
    expect((await say(graph, NUMBER, "One more")).status).toBe(200);
    expect((await say(graph, NUMBER, "Two more")).status).toBe(400);
  });

  test("so many messages a second from one number", async () => {
    const clock = stoppedClock();
    const { graph } = openGraph({ now: clock.now, rules: { numberRate: NUMBER_RATE } });
    await using _ = graph;
    const statuses: number[] = [];
    for (let count = 0; count < 81; count += 1) statuses.push((await say(graph, NUMBER, `${count}`)).status);
    expect(statuses).toEqual([...Array.from({ length: 80 }, () => 200), 429]);
    expect(errorOf(await say(graph, NUMBER, "4"))).toMatchObject({
      code: 130429,
      message: "(#130429) Rate limit hit",
      error_data: { messaging_product: "whatsapp" },
    });
  });
});

test("every call is kept with what it asked, who it spoke to and what came of it", async () => {
  await using graph = openGraph().graph;
  await say(graph, NUMBER, "Hi");
  const [call] = graph.calls;
  expect(call).toMatchObject({ call: "messages", method: "POST", host: new URL(graph.url).host, status: 200 });
  expect(record(call?.body)).toMatchObject({ to: NUMBER, type: "text" });
  expect(graph.bearers).toEqual([
    {
      host: new URL(graph.url).host,
      path: `/v23.0/${graph.account.phoneNumberId}/messages`,
      authorization: `Bearer ${graph.account.token}`,
    },
  ]);
});
