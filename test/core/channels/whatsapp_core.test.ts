// WhatsApp through a real core: the webhook on its own port, the answer in the same chat, and nothing said twice.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { FakeGraph } from "../../../fakes/graph/server.ts";
import type { Person } from "../../../fakes/graph/person.ts";
import { insertArtifact } from "../../../src/shared/artifacts.ts";
import { claimJobs, settleJob, type Claim } from "../../../src/shared/claims.ts";
import { png } from "../../fakes/graph_client.ts";
import { startCore, type Core } from "../server.ts";

setDefaultTimeout(30_000);

let graph: FakeGraph;
let core: Core;
let ada: Person;

/** One that nobody listens on at this moment. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

beforeAll(async () => {
  graph = new FakeGraph({ retryMs: [20, 50, 100, 200, 400, 800, 1_600] });
  const { token, phoneNumberId, appSecret, verifyToken } = graph.account;
  const port = freePort();
  core = await startCore({
    SANDPIPER_WHATSAPP_TOKEN: token,
    SANDPIPER_WHATSAPP_PHONE_ID: phoneNumberId,
    SANDPIPER_WHATSAPP_APP_SECRET: appSecret,
    SANDPIPER_WHATSAPP_VERIFY_TOKEN: verifyToken,
    SANDPIPER_WHATSAPP_API: graph.url,
    SANDPIPER_WEBHOOK_PORT: String(port),
  });
  graph.webhooks.url = `http://127.0.0.1:${port}/whatsapp`;
  ada = graph.person({ name: "Ada" });
  await until(async () => (await core.post("/api/channels/whatsapp/link", {})).ok);
  const { url } = z.object({ url: z.url() }).parse(await (await core.post("/api/channels/whatsapp/link", {})).json());
  ada.say(new URL(url).searchParams.get("text") ?? "");
  await until(() => seen().length === 1);
});
afterAll(async () => {
  await core[Symbol.asyncDispose]();
  await graph[Symbol.asyncDispose]();
});

const seen = () => graph.view(ada).messages.filter((message) => message.from === "business");
const value = (sql: string) => core.board.read((tx) => Object.values(tx.get(sql) ?? {})[0]);

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const giveUpAt = performance.now() + 10_000; !(await isSo()); await Bun.sleep(5))
    if (performance.now() > giveUpAt) throw new Error(`It did not happen. Seen: ${JSON.stringify(seen())}`);
}

async function claim(): Promise<Claim> {
  for (;;) {
    const [one] = await claimJobs(core.board, "1-a", () => 1, Date.now());
    if (one !== undefined) return one;
    await Bun.sleep(5);
  }
}

async function settle({ ...held }: Claim, text: string): Promise<void> {
  const path = `storage/outputs/${held.jobId}/chart.png`;
  mkdirSync(dirname(join(core.home, path)), { recursive: true });
  await Bun.write(join(core.home, path), png());
  const facts = { name: "chart.png", path, mediaType: "image/png", bytes: png().length, sha256: "0" };
  await core.board.write((tx) =>
    insertArtifact(tx, { id: `a-${held.jobId}`, jobId: held.jobId, ...facts }, Date.now()),
  );
  const output = { stdout: "", text, artifacts: [path] };
  await settleJob(core.board, held, { output, error: null }, Date.now());
}

test("a table and a wish bring one picture with its words back, in two messages at most", async () => {
  const before = seen().length;
  ada.sendDocument({
    bytes: new TextEncoder().encode("a,b\n1,2\n"),
    mediaType: "text/csv",
    name: "a.csv",
    caption: "Graph this",
  });
  const held = await claim();
  expect(held.input).toMatchObject({ prompt: "Graph this", files: [expect.any(String)] });
  await settle(held, "Here is **the chart**.");
  await until(() => seen().length > before);
  await until(() => value("SELECT count(*) FROM deliveries WHERE ended_at IS NULL") === 0);
  const answer = seen().slice(before);
  expect(answer.length).toBeLessThanOrEqual(2);
  const { file, buttons } = answer[0] ?? {};
  expect(answer[0]).toMatchObject({ kind: "interactive", text: "Here is *the chart*." });
  expect(file?.mediaType).toBe("image/png");
  // WhatsApp makes pictures smaller.
  expect(buttons?.map(({ title }) => title)).toEqual(["Original file"]);
});

test("what was sent although the line broke is known by its echo, and not sent again", async () => {
  const before = seen().length;
  graph.faults.add({
    call: "messages",
    kind: "drop-after-effect",
    when: ({ body }) => JSON.stringify(body).includes("job:"),
  });
  ada.say("Again");
  await settle(await claim(), "Once.");
  await until(() => value("SELECT count(*) FROM deliveries WHERE ended_at IS NULL") === 0);
  expect(
    seen()
      .slice(before)
      .map(({ text }) => text),
  ).toEqual(["Once."]);
  const asked = graph.calls.filter(({ call, body }) => call === "messages" && JSON.stringify(body).includes("Once."));
  expect(asked.length).toBe(1);
});

test("who writes from a new number is the same person", async () => {
  ada.changeNumber("15550007777");
  await until(() => value("SELECT count(*) FROM contact_aliases WHERE alias = '15550007777'") === 1);
  ada.say("Still me");
  expect((await claim()).input).toMatchObject({ prompt: "Still me" });
  expect(value("SELECT count(*) FROM chats")).toBe(1);
});

test("a stranger is not answered, and the owner decides", async () => {
  const bob = graph.person({ name: "Bob" });
  bob.say("let me in");
  await until(() => seen().some((message) => message.text?.includes("Somebody new") === true));
  expect(graph.view(bob).messages.filter((message) => message.from === "business")).toEqual([]);
});

test("no file of core's holds a secret of WhatsApp's, or what a stranger said", async () => {
  const { token, appSecret, verifyToken } = graph.account;
  const secrets = [token, appSecret, verifyToken, "let me in"];
  const found: string[] = [];
  for await (const path of new Bun.Glob("**/*").scan({ cwd: core.home, dot: true, absolute: true })) {
    const text = Buffer.from(await Bun.file(path).arrayBuffer()).toString("latin1");
    if (secrets.some((secret) => text.includes(secret))) found.push(path);
  }
  expect(found).toEqual([]);
});
