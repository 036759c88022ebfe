// Where Meta calls: who is believed, what is answered, and that nothing is lost between the two.
import { describe, expect, test } from "bun:test";
import { escaped } from "../../../fakes/graph/envelope.ts";
import * as messages from "../../../fakes/graph/payloads/messages.ts";
import { openDesk, openDoor, type WhatsAppDesk } from "./whatsapp_desk.ts";

describe("the handshake", () => {
  test("is answered with the challenge, as plain text", async () => {
    await using desk = await openDesk();
    expect(await desk.graph.webhooks.handshake()).toEqual({ status: 200, body: "1158201444", isGood: true });
    const url = `${desk.graph.webhooks.url}?hub.mode=subscribe&hub.verify_token=${desk.settings.verifyToken}`;
    const response = await fetch(`${url}&hub.challenge=%3Cb%3E`);
    expect(response.headers.get("content-type")).toBe("text/plain");
    expect(await response.text()).toBe("<b>");
  });

  test("is refused to whoever knows another word, or asks for something else", async () => {
    await using desk = await openDesk();
    for (const word of ["", "x", `${desk.settings.verifyToken}x`])
      expect(await desk.graph.webhooks.handshake(word)).toMatchObject({ status: 403, body: "" });
    const { url } = desk.graph.webhooks;
    const token = `hub.verify_token=${desk.settings.verifyToken}`;
    for (const query of ["", `?${token}&hub.challenge=1`, `?hub.mode=unsubscribe&${token}&hub.challenge=1`])
      expect((await fetch(`${url}${query}`)).status).toBe(403);
  });
});

const BODY = JSON.stringify(messages.text.body);
const RAW = BODY.replace("Hi", "Grüße 👋 a/b");
type Raw = Parameters<WhatsAppDesk["graph"]["webhooks"]["send"]>;

describe("a post", () => {
  const signed = (body: string, desk: WhatsAppDesk) => desk.graph.webhooks.sign(body);
  const MATRIX: readonly (readonly [string, (desk: WhatsAppDesk) => Raw])[] = [
    ["without signature", () => [BODY, { "x-hub-signature-256": null }]],
    ["with an empty one", () => [BODY, { "x-hub-signature-256": "" }]],
    ["signed as sha1", (desk) => [BODY, { "x-hub-signature-256": signed(BODY, desk).replace("sha256", "sha1") }]],
    ["without the name of the hash", (desk) => [BODY, { "x-hub-signature-256": signed(BODY, desk).slice(7) }]],
    ["with a short signature", (desk) => [BODY, { "x-hub-signature-256": signed(BODY, desk).slice(0, -2) }]],
    ["with a long signature", (desk) => [BODY, { "x-hub-signature-256": `${signed(BODY, desk)}00` }]],
    ["with one that is not hex", () => [BODY, { "x-hub-signature-256": `sha256=${"zz".repeat(32)}` }]],
    ["signed with another key", ({ graph }) => [BODY, { "x-hub-signature-256": graph.webhooks.sign(BODY, "other") }]],
    ["with two of them", (desk) => [BODY, { "x-hub-signature-256": `${signed(BODY, desk)}, ${signed(BODY, desk)}` }]],
    ["of the same JSON with a space more", (desk) => [`${BODY} `, { "x-hub-signature-256": signed(BODY, desk) }]],
    [
      "of the same JSON, written out anew",
      (desk) => [JSON.stringify(JSON.parse(BODY), null, 1), { "x-hub-signature-256": signed(BODY, desk) }],
    ],
    [
      "of the same JSON, signed with everything beyond ASCII escaped and sent without",
      (desk) => [RAW, { "x-hub-signature-256": signed(escaped(RAW), desk) }],
    ],
    [
      "of the same JSON, signed as raw UTF-8 and sent escaped",
      (desk) => [escaped(RAW), { "x-hub-signature-256": signed(RAW, desk) }],
    ],
    ["of nothing, signed for something", (desk) => ["", { "x-hub-signature-256": signed(BODY, desk) }]],
    ["of no JSON, unsigned", () => ["{", { "x-hub-signature-256": `sha256=${"00".repeat(32)}` }]],
  ];
  test.each(MATRIX)("%s is not believed", async (_name, make) => {
    await using desk = await openDesk();
    expect((await desk.graph.webhooks.send(...make(desk))).status).toBe(401);
    expect(desk.door.arrivals).toEqual([]);
  });

  test.each([
    ["as it is", BODY],
    ["with everything beyond ASCII escaped", escaped(RAW)],
    ["with raw UTF-8", RAW],
  ])("%s is let in when it is signed", async (_name, body) => {
    await using desk = await openDesk();
    expect((await desk.graph.webhooks.send(body)).status).toBe(200);
    expect(["Hi", "Grüße 👋 a/b"]).toContain(desk.door.texts[0] ?? "");
  });

  test("signed in capitals is the same", async () => {
    await using desk = await openDesk();
    const hex = desk.graph.webhooks.sign(BODY).slice(7).toUpperCase();
    expect((await desk.graph.webhooks.send(BODY, { "x-hub-signature-256": `sha256=${hex}` })).status).toBe(200);
  });

  test("that is signed but no JSON, or nests without end, is refused", async () => {
    await using desk = await openDesk();
    const deep = `{"object":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const brackets = BODY.replace("Hi", '[[{{\\"'.repeat(100));
    for (const body of ["", "{", "\u0000", deep, new Uint8Array([0x22, 0xff, 0x22])])
      expect((await desk.graph.webhooks.send(body)).status).toBe(400);
    expect((await desk.graph.webhooks.send(brackets)).status).toBe(200);
    expect(desk.door.texts).toEqual(['[[{{"'.repeat(100)]);
  });

  test.each([
    ["told", (body: Uint8Array<ArrayBuffer>) => body],
    ["not told", (body: Uint8Array<ArrayBuffer>) => new Blob([body]).stream()],
  ])("of more than 4 MiB is refused, its length %s", async (_name, bodyOf) => {
    await using desk = await openDesk();
    const body = new Uint8Array(4 * 2 ** 20 + 1).fill(0x20);
    const request = new Request("http://localhost/whatsapp", {
      method: "POST",
      body: bodyOf(body),
      headers: { "x-hub-signature-256": desk.graph.webhooks.sign(body) },
    });
    expect((await desk.channel.webhook?.receive(request, desk.door))?.status).toBe(413);
  });

  test("by another method is refused", async () => {
    await using desk = await openDesk();
    expect((await fetch(desk.graph.webhooks.url ?? "", { method: "PUT" })).status).toBe(405);
  });

  test("of another number is answered, and nothing of it is let in", async () => {
    await using desk = await openDesk();
    const other = BODY.replaceAll(desk.settings.phoneId, "999");
    expect((await desk.graph.webhooks.send(other)).status).toBe(200);
    expect(desk.door.arrivals).toEqual([]);
  });

  test("a knock of strangers is in the log once a minute", async () => {
    await using desk = await openDesk();
    const knocks = () => desk.lines.filter((line) => line.includes("webhook-refused")).length;
    for (let count = 0; count < 5; count += 1) await desk.graph.webhooks.send(BODY, { "x-hub-signature-256": null });
    expect(knocks()).toBe(1);
    desk.clock.advance(60_000);
    await desk.graph.webhooks.send(BODY, { "x-hub-signature-256": null });
    expect(knocks()).toBe(2);
  });
});

describe("nothing is lost", () => {
  test("what could not be let in is not confirmed, and comes again", async () => {
    await using desk = await openDesk();
    desk.door.troubles.push(new Error("The disk is full."));
    desk.ada.say("One");
    await desk.graph.webhooks.idle();
    expect(desk.graph.webhooks.attempts.slice(-2).map(({ status }) => status)).toEqual([503, 200]);
    expect(desk.door.texts).toEqual(["One"]);
  });

  test("it is confirmed only when it is durable", async () => {
    await using desk = await openDesk();
    const durable = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const door = {
      ...openDoor(),
      admit: async () => {
        asked.resolve();
        await durable.promise;
      },
    };
    let isAnswered = false;
    const request = new Request("http://localhost/whatsapp", {
      method: "POST",
      body: BODY,
      headers: { "x-hub-signature-256": desk.graph.webhooks.sign(BODY) },
    });
    const answer = desk.channel.webhook?.receive(request, door).then((response) => {
      isAnswered = true;
      return response.status;
    });
    await asked.promise;
    expect(isAnswered).toBe(false);
    durable.resolve();
    expect(await answer).toBe(200);
  });

  test("batches of several messages, changes and entries, sent twice and shuffled, are let in whole and once", async () => {
    await using desk = await openDesk();
    const { webhooks } = desk.graph;
    const people = Array.from({ length: 5 }, () => desk.graph.person());
    webhooks.hold();
    const said = Array.from({ length: 200 }, (_, at) => `Message ${at}`);
    said.forEach((text, at) => people[at % people.length]?.say(text));
    const before = webhooks.posts.length;
    webhooks.release({ copies: 2, isShuffled: true, connections: 8, perChange: 2, perEntry: 2, perPost: 2 });
    await webhooks.idle();
    expect(webhooks.posts.length - before).toBe(25);
    expect(desk.door.texts.toSorted()).toEqual(said.toSorted());
  });
});
