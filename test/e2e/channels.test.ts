// The brief's last step: the chart in the same chat. Real programs, and a Telegram of our own on the wire.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { z } from "zod";
import { FakeTelegram } from "../../fakes/telegram/server.ts";
import type { Person } from "../../fakes/telegram/person.ts";
import { sql } from "./command.ts";
import { descendantsOf } from "./processes.ts";
import { PATIENCE_MS, startSandpiper, type Sandpiper } from "./sandpiper.ts";
import { until } from "./until.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const CSV = new TextEncoder().encode("month,rain\n2024-01,80\n2024-02,61\n2024-03,47\n2024-04,39\n");
const PNG = [0x89, 0x50, 0x4e, 0x47];

let telegram: FakeTelegram;
let sandpiper: Sandpiper;
let ann: Person;

beforeAll(async () => {
  telegram = new FakeTelegram();
  sandpiper = await startSandpiper({
    SANDPIPER_TELEGRAM_TOKEN: telegram.token,
    SANDPIPER_TELEGRAM_API: telegram.url,
  });
  ann = telegram.person({ id: 7, firstName: "Ann" });
  await until(async () => (await states()).some(({ state }) => state === "up"), PATIENCE_MS);
  const answer: unknown = await (
    await sandpiper.fetch("/api/channels/telegram/link", {
      method: "POST",
      body: "{}",
      headers: { "Content-Type": "application/json" },
    })
  ).json();
  const { url } = z.object({ url: z.url() }).parse(answer);
  ann.start(new URL(url).searchParams.get("start") ?? "");
  await until(() => seen().length === 1, PATIENCE_MS);
});
afterAll(async () => {
  await sandpiper[Symbol.asyncDispose]();
  await telegram[Symbol.asyncDispose]();
});

const seen = () => telegram.view(7).messages.filter((message) => message.isFromBot);
const count = async (what: string) =>
  Number((await sql(sandpiper.home, `SELECT count(*) AS n FROM ${what}`))[0]?.["n"]);
const States = z.object({ channels: z.array(z.object({ name: z.string(), state: z.string() })) });
const states = async () => States.parse(await (await sandpiper.fetch("/api/channels")).json()).channels;

test("“Graph this CSV” from the phone brings the picture back into the same chat", async () => {
  const before = seen().length;
  ann.sendDocument({ name: "rain.csv", bytes: CSV }, { caption: "Graph this CSV" });
  await until(() => seen().some((message) => message.file?.kind === "photo"), PATIENCE_MS);
  const [answer] = seen().slice(before);
  expect([...(answer?.file?.bytes.slice(0, 4) ?? [])]).toEqual(PNG);
  expect(answer?.text).toContain("rain");
});

test("/stop is answered, ends the job, and no picture comes afterwards", async () => {
  const pictures = () => seen().filter((message) => message.file !== undefined).length;
  const before = pictures();
  ann.sendDocument({ name: "slow.csv", bytes: CSV }, { caption: "Graph this CSV" });
  await until(async () => (await count("job_run WHERE finished_at IS NULL")) === 1, PATIENCE_MS);
  ann.say("/stop");
  await until(() => seen().some((message) => message.text.startsWith("Stopped.")), PATIENCE_MS);
  await until(async () => (await count("job_run WHERE finished_at IS NULL")) === 0, PATIENCE_MS);
  await until(async () => (await count("deliveries WHERE ended_at IS NULL")) === 0, PATIENCE_MS);
  expect(await count("job_run WHERE state = 'cancelled'")).toBe(1);
  expect(pictures()).toBe(before);
});

test("/stop kills what runs in the sandbox of this chat's job", async () => {
  const [row] = await sql(sandpiper.home, "SELECT conversation_id AS id FROM chats WHERE chat = '7'");
  // For longer than anybody waits here.
  const code = `import subprocess\nprint("begun", flush=True)\nsubprocess.run(["sleep", "617"])\nprint("done")`;
  const id = await sandpiper.send({ code, conversation_id: String(row?.["id"]) });
  const sleepers = () => descendantsOf(sandpiper.pid).filter(({ command }) => command === "sleep 617");
  await sandpiper.follow(id, (event) => event.kind === "output-delta");
  await until(() => sleepers().length === 1, PATIENCE_MS);
  const before = seen().length;
  ann.say("/stop");
  await until(() => seen().length > before, PATIENCE_MS);
  await until(() => sleepers().length === 0, PATIENCE_MS);
  // One that was stopped while it was made, in a job before this, is looked for later.
  await until(async () => (await count(`spend WHERE job_id = '${id}' AND ended_at IS NULL`)) === 0, PATIENCE_MS);
  await until(async () => (await sandpiper.job(id)).output?.error?.code === "cancelled", PATIENCE_MS);
  expect(
    seen()
      .slice(before)
      .map(({ text }) => text),
  ).toEqual(["Stopped. Nothing further will be charged."]);
});

test("who is not let in gets no answer, and the owner a card", async () => {
  const bob = telegram.person({ id: 8, firstName: "Bob" });
  bob.start();
  bob.say("let me in");
  await until(() => seen().some((message) => message.text.includes("id 8")), PATIENCE_MS);
  expect(telegram.view(8).messages.filter((message) => message.isFromBot)).toEqual([]);
});

test("no file of Sandpiper's holds the token, or what a stranger said", async () => {
  const found: string[] = [];
  for await (const path of new Bun.Glob("**/*").scan({ cwd: sandpiper.home, dot: true, absolute: true })) {
    const text = Buffer.from(await Bun.file(path).arrayBuffer()).toString("latin1");
    if (text.includes(telegram.token) || text.includes("let me in")) found.push(path);
  }
  expect(found).toEqual([]);
  expect(sandpiper.printed()).not.toContain(telegram.token);
});
