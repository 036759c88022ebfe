// Files on the fake Cloud API: in two steps with the bearer at each, out by upload, within the service's limits.
import { describe, expect, test } from "bun:test";
import { FakeGraph } from "../../fakes/graph/server.ts";
import { ask, errorOf, openGraph, png, send, stoppedClock, upload, uploaded } from "./graph_client.ts";

const NUMBER = "4915112345678";
const DAY_MS = 86_400_000;
const JPEG = Buffer.from("\xff\xd8\xff\xe0 and so on", "latin1");

function voice(channels: number): Buffer<ArrayBuffer> {
  return Buffer.from(`OggS\0\u0002 ... OpusHead\u0001${String.fromCharCode(channels)}`, "latin1");
}

async function download(graph: FakeGraph, url: unknown, token = graph.account.token): Promise<Response> {
  return await fetch(String(url), { headers: token === "" ? {} : { authorization: `Bearer ${token}` } });
}

describe("in", () => {
  test("a file that a person sends is fetched by id, then by address, with the bearer at each", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    const bytes = Uint8Array.from(crypto.getRandomValues(new Uint8Array(70_000)));
    person.sendDocument({ bytes, mediaType: "text/csv", name: "sales.csv" });
    const [, id] = /"id":"(\d{10,})","url":"http/.exec(JSON.stringify(graph.webhooks.posts.at(-1))) ?? [];
    const described = await ask(graph, id ?? "");
    const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    expect(described.body).toMatchObject({ id, mime_type: "text/csv", sha256, file_size: 70_000 });
    const response = await download(graph, described.body["url"]);
    expect(response.headers.get("content-type")).toBe("text/csv");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
    expect((await download(graph, described.body["url"], "")).status).toBe(401);
    expect((await download(graph, described.body["url"], "other")).status).toBe(401);
    expect(graph.calls.map(({ call }) => call)).toEqual(["media-url", "download", "download", "download"]);
  });

  test("the webhook carries the address too, unless the rules say that it does not yet", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    person.sendImage({ bytes: png(), mediaType: "image/png" });
    const [, url] = /"url":"([^"]+)"/.exec(JSON.stringify(graph.webhooks.posts.at(-1))) ?? [];
    expect(await (await download(graph, url)).bytes()).toEqual(png());
    graph.rules.isAddressInWebhook = false;
    person.sendImage({ bytes: png(), mediaType: "image/png" });
    expect(JSON.stringify(graph.webhooks.posts.at(-1))).not.toContain('"url"');
  });

  test("an id lives 7 days from a person and 30 from an upload, an address five minutes", async () => {
    const clock = stoppedClock();
    const { graph, person } = openGraph({ now: clock.now });
    await using _ = graph;
    person.sendImage({ bytes: png(), mediaType: "image/png" });
    const [, received = ""] = /"id":"(\d{10,})","url"/.exec(JSON.stringify(graph.webhooks.posts.at(-1))) ?? [];
    const sent = await uploaded(graph, png(), "image/png");
    const { url } = (await ask(graph, received)).body;
    clock.advance(299_999);
    expect((await download(graph, url)).status).toBe(200);
    clock.advance(1);
    expect((await download(graph, url)).status).toBe(404);
    clock.advance(7 * DAY_MS);
    expect(errorOf(await ask(graph, received))).toMatchObject({ code: 100, error_subcode: 33 });
    expect((await ask(graph, sent)).status).toBe(200);
    clock.advance(23 * DAY_MS);
    expect((await ask(graph, sent)).status).toBe(400);
  });

  test("addresses point where the rules say", async () => {
    const { graph } = openGraph({ rules: { mediaBase: "http://169.254.169.254" } });
    await using _ = graph;
    const { body } = await ask(graph, await uploaded(graph, png(), "image/png"));
    expect(body["url"]).toStartWith("http://169.254.169.254/");
  });
});

describe("out", () => {
  test("an image, a document and a voice message reach the person with their bytes, names and captions", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    const image = { id: await uploaded(graph, png(), "image/png"), caption: "Sales by region" };
    await send(graph, { to: NUMBER, type: "image", image });
    const document = { id: await uploaded(graph, "a,b\n1,2\n", "text/plain"), filename: "sales.csv", caption: "Rows" };
    await send(graph, { to: NUMBER, type: "document", document });
    const audio = { id: await uploaded(graph, voice(1), "audio/ogg") };
    await send(graph, { to: NUMBER, type: "audio", audio });
    const seen = graph.view(person).messages.filter(({ from }) => from === "business");
    expect(seen).toMatchObject([
      { kind: "image", text: "Sales by region", file: { name: null, mediaType: "image/png" } },
      { kind: "document", text: "Rows", file: { name: "sales.csv", mediaType: "text/plain" } },
      { kind: "audio", text: null, file: { mediaType: "audio/ogg" } },
    ]);
    const bytes = seen.map(({ file }) => Buffer.from(file?.bytes ?? []));
    expect(bytes).toEqual([Buffer.from(png()), Buffer.from("a,b\n1,2\n"), voice(1)]);
  });

  test.each<[string, BlobPart, string, number, RegExp]>([
    ["a table as text/csv", "a,b\n", "text/csv", 100, /Received file of type 'text\/csv'/],
    ["a vector drawing", "<svg/>", "image/svg+xml", 100, /one of the following types/],
    ["an animation", "GIF89a", "image/gif", 100, /one of the following types/],
    ["bytes without a type", "?", "application/octet-stream", 100, /octet-stream/],
    ["a JPEG that is none", png(), "image/jpeg", 131053, /Media upload error/],
    ["a PNG that is none", JPEG, "image/png", 131053, /Media upload error/],
    ["a PNG with a palette", png(3), "image/png", 131053, /Media upload error/],
    ["voice with two channels", voice(2), "audio/ogg", 131053, /Media upload error/],
    ["an image of 5 MB and a byte", Buffer.concat([JPEG, Buffer.alloc(5 << 20)]), "image/jpeg", 131053, /upload/],
    ["audio of 16 MB and a byte", new Uint8Array((16 << 20) + 1), "audio/mpeg", 131053, /upload/],
    ["video of 16 MB and a byte", new Uint8Array((16 << 20) + 1), "video/mp4", 131053, /upload/],
    ["a document of 100 MB and a byte", new Uint8Array((100 << 20) + 1), "application/pdf", 131053, /upload/],
  ])("%s is refused", async (_name, bytes, type, code, words) => {
    await using graph = openGraph().graph;
    const answer = await upload(graph, bytes, type);
    expect([answer.status, errorOf(answer)["code"]]).toEqual([400, code]);
    expect(errorOf(answer)["message"]).toMatch(words);
    expect(graph.calls.at(-1)).toMatchObject({ call: "media", effect: null });
  });

  test("what is just small enough is taken", async () => {
    await using graph = openGraph().graph;
    const largest = new Uint8Array(5 << 20);
    largest.set(JPEG);
    expect((await upload(graph, largest, "image/jpeg")).status).toBe(200);
    expect((await upload(graph, new Uint8Array(100 << 20), "application/pdf")).status).toBe(200);
  });

  test("a form without its file, its product or under another number is refused", async () => {
    await using graph = openGraph().graph;
    const form = new FormData();
    form.append("file", new File([png()], "chart.png", { type: "image/png" }));
    const path = `${graph.account.phoneNumberId}/media`;
    expect(errorOf(await ask(graph, path, { method: "POST", body: form }))["code"]).toBe(100);
    form.append("messaging_product", "whatsapp");
    expect((await ask(graph, path, { method: "POST", body: form })).status).toBe(200);
    expect(errorOf(await ask(graph, "4711/media", { method: "POST", body: form }))["error_subcode"]).toBe(33);
    form.delete("file");
    expect(errorOf(await ask(graph, path, { method: "POST", body: form }))["code"]).toBe(100);
  });

  test.each(["at-once", "later"] as const)("media of another kind than the message is refused %s", async (verdict) => {
    const { graph, person } = openGraph({ rules: { verdict } });
    await using _ = graph;
    const id = await uploaded(graph, "%PDF-1.7", "application/pdf");
    const answer = await send(graph, { to: NUMBER, type: "image", image: { id } });
    if (verdict === "at-once") expect(errorOf(answer)["code"]).toBe(131053);
    else expect(JSON.stringify(graph.webhooks.posts.at(-1))).toContain('"code":131053');
    expect(graph.view(person).messages.filter(({ from }) => from === "business")).toEqual([]);
  });

  test("what was deleted is gone", async () => {
    await using graph = openGraph().graph;
    const id = await uploaded(graph, png(), "image/png");
    expect((await ask(graph, id, { method: "DELETE" })).body).toEqual({ success: true });
    expect(graph.calls.at(-1)).toMatchObject({ call: "delete", effect: id });
    expect((await ask(graph, id)).status).toBe(400);
    expect((await ask(graph, id, { method: "DELETE" })).status).toBe(400);
    expect((await send(graph, { to: NUMBER, type: "image", image: { id } })).status).toBe(400);
  });
});
