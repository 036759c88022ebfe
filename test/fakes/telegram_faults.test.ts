// What goes wrong on purpose goes wrong exactly so, and what was done before it was done.
import { expect, test } from "bun:test";
import { rejectionOf } from "../shared/temporary.ts";
import { call, CHAT, file, post, withAda } from "./telegram_client.ts";

type World = ReturnType<typeof withAda>;

const say = ({ telegram }: World, text = "Hello", signal?: AbortSignal) =>
  call(telegram, "sendMessage", { chat_id: CHAT, text }, signal);
const said = ({ telegram }: World) =>
  telegram.view(CHAT).messages.flatMap((message) => (message.isFromBot ? [message.text] : []));

/** The code of what it failed with, or its words. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejectionOf(promise);
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

test("429 with its wait, once, and nothing is sent", async () => {
  await using world = withAda();
  const description = "Too Many Requests: retry after 2";
  world.telegram.faults.add({ method: "sendMessage", kind: "status", code: 429, retryAfterS: 2 });
  expect(await say(world)).toEqual({
    status: 429,
    ok: false,
    error_code: 429,
    description,
    parameters: { retry_after: 2 },
  });
  expect(said(world)).toEqual([]);
  expect(world.telegram.faults.left).toBe(0);
  expect((await say(world)).ok).toBe(true);
});

test("a page of the proxy instead of JSON, after the message was sent", async () => {
  await using world = withAda();
  const { telegram } = world;
  telegram.faults.add({
    method: "*",
    kind: "status",
    code: 502,
    description: "Bad Gateway",
    isHtml: true,
    isAfterEffect: true,
  });
  const response = await fetch(`${telegram.url}/bot${telegram.token}/sendMessage?chat_id=${CHAT}&text=Hello`);
  expect([response.status, response.headers.get("content-type")]).toEqual([502, "text/html"]);
  expect(await response.text()).toStartWith("<html>");
  expect(said(world)).toEqual(["Hello"]);
  expect(telegram.calls[0]).toMatchObject({ status: 502, effect: "message:2" });
});

test("a hang does nothing and never answers", async () => {
  await using world = withAda();
  world.telegram.faults.add({ method: "sendMessage", kind: "hang" });
  const gone = new AbortController();
  const hanging = say(world, "Hello", gone.signal);
  await world.telegram.until(() => world.telegram.faults.left === 0);
  // What comes later is answered, so that the one before would have been.
  expect((await say(world, "Later")).ok).toBe(true);
  expect(world.telegram.calls[0]).toMatchObject({ status: undefined, effect: undefined });
  gone.abort();
  expect(await failureOf(hanging)).toBe("20");
  expect(said(world)).toEqual(["Later"]);
});

test("a connection is cut before the effect, and after it", async () => {
  await using world = withAda();
  const { telegram } = world;
  telegram.faults.add({ method: "sendMessage", kind: "drop-before-effect" });
  telegram.faults.add({ method: "sendMessage", kind: "drop-after-effect" });
  expect(await failureOf(say(world, "before"))).toBe("ECONNRESET");
  expect(await failureOf(say(world, "after"))).toBe("ECONNRESET");
  expect(said(world)).toEqual(["after"]);
  expect(telegram.calls.map(({ status, effect }) => [status, effect])).toEqual([
    [undefined, undefined],
    [undefined, "message:2"],
  ]);
});

test("a slow answer comes after the effect", async () => {
  await using world = withAda();
  world.telegram.faults.add({ method: "sendMessage", kind: "slow", ms: 200 });
  const startedAt = performance.now();
  const answer = say(world);
  await world.telegram.until(() => said(world).length === 1);
  expect(world.telegram.calls[0]?.status).toBeUndefined();
  expect((await answer).ok).toBe(true);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
});

test("half of the JSON arrives", async () => {
  await using world = withAda();
  const { telegram } = world;
  telegram.faults.add({ method: "sendMessage", kind: "truncate" });
  const response = await fetch(`${telegram.url}/bot${telegram.token}/sendMessage?chat_id=${CHAT}&text=Hello`);
  const text = await response.text();
  expect(text).toStartWith('{"ok":true');
  expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  expect(said(world)).toEqual(["Hello"]);
});

test("nobody listens for a while, and then as before", async () => {
  await using world = withAda();
  const { telegram } = world;
  telegram.faults.add({ method: "sendMessage", kind: "refuse", ms: 150 });
  expect(await failureOf(say(world, "cut"))).toBe("ECONNRESET");
  expect(await failureOf(say(world, "refused"))).toBe("ECONNREFUSED");
  await telegram.until(() => telegram.isListening);
  expect((await say(world, "back")).ok).toBe(true);
  expect(said(world)).toEqual(["back"]);
});

test("a fault meets its method only, so many times, and such parameters as it wants", async () => {
  await using world = withAda();
  const { telegram } = world;
  const matches = (parameters: Readonly<Record<string, unknown>>) => parameters["text"] === "b";
  telegram.faults.add({ method: "sendMessage", kind: "status", code: 500, times: 2, matches });
  const texts = ["a", "b", "b", "b"];
  const statuses = [];
  for (const text of texts) statuses.push((await say(world, text)).status);
  expect(statuses).toEqual([200, 500, 500, 200]);
  telegram.faults.add({ method: "download", kind: "hang", times: 9 });
  telegram.faults.clear();
  expect(telegram.faults.left).toBe(0);
});

test("a download can fail, too", async () => {
  await using world = withAda();
  const { telegram } = world;
  await post(telegram, "sendDocument", { chat_id: String(CHAT), document: file("a.txt", "hello") });
  telegram.faults.add({ method: "download", kind: "status", code: 500 });
  const address = `${telegram.url}/file/bot${telegram.token}/documents/file_1.txt`;
  expect((await fetch(address)).status).toBe(500);
  expect((await fetch(address)).status).toBe(404);
});

test("waiting for what never comes ends with what it was", async () => {
  await using world = withAda();
  expect(await failureOf(world.telegram.until(() => false, 1))).toContain("Not seen in 1 ms");
});
