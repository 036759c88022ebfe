// A message that is sent twice under one key is one job; and what a message may say of its time.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { listJobs } from "../../src/shared/jobs.ts";
import { runOf } from "../shared/claiming.ts";
import { refusalOf, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore({ TZ: "Europe/Berlin" });
});
afterAll(() => core[Symbol.asyncDispose]());

const Receipt = z.strictObject({ job_id: z.string(), message_id: z.string(), conversation_id: z.string() });
const receiptOf = async (response: Response) => {
  expect(response.status).toBe(202);
  return Receipt.parse(await response.json());
};
const jobCount = () => core.board.read((tx) => listJobs(tx, 10_000)).length;
const uploads = () => {
  const folder = join(core.home, "storage/uploads");
  return existsSync(folder) ? readdirSync(folder).length : 0;
};
function form(fields: Record<string, string>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.set(name, value);
  made.append("files", new File(["a\n1\n"], "a.csv"));
  return made;
}
const sendForm = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  core.call("/api/messages", { method: "POST", body: form(fields), headers });
const send = (body: object, key?: string) =>
  core.post("/api/messages", body, key === undefined ? {} : { "Idempotency-Key": key });

describe("a key", () => {
  test("makes one job of however many requests, whatever they say", async () => {
    const first = await receiptOf(await send({ text: "Hello" }, "key-1"));
    const before = jobCount();
    expect(await receiptOf(await send({ text: "Hello" }, "key-1"))).toEqual(first);
    expect(await receiptOf(await send({ text: "Something else" }, " key-1 "))).toEqual(first);
    expect(jobCount()).toBe(before);
    const other = await receiptOf(await send({ text: "Hello" }, "key-2"));
    expect(other.job_id).not.toBe(first.job_id);
  });

  test("makes one of requests that come together", async () => {
    const before = jobCount();
    const responses = await Promise.all(Array.from({ length: 8 }, () => send({ text: "Together" }, "key-3")));
    const receipts = await Promise.all(responses.map(receiptOf));
    expect(new Set(receipts.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
    expect(jobCount()).toBe(before + 1);
  });

  test("keeps the files of the first request alone", async () => {
    const first = await receiptOf(await sendForm({ text: "Graph" }, { "Idempotency-Key": "key-4" }));
    const kept = uploads();
    expect(await receiptOf(await sendForm({ text: "Graph" }, { "Idempotency-Key": "key-4" }))).toEqual(first);
    expect(uploads()).toBe(kept);
  });

  test("still gives the receipt when the deadline is over by then", async () => {
    const deadline = Date.now() + 60_000;
    const first = await receiptOf(await send({ text: "Hello", deadline }, "key-5"));
    expect(await receiptOf(await send({ text: "Hello", deadline: deadline - 120_000 }, "key-5"))).toEqual(first);
  });

  test("is needed by nobody", async () => {
    const [one, two] = [await receiptOf(await send({ text: "Hello" })), await receiptOf(await send({ text: "Hello" }))];
    expect(one.job_id).not.toBe(two.job_id);
  });

  test("of 200 characters is taken, an empty or a longer one is refused and nothing kept", async () => {
    await receiptOf(await send({ text: "Hello" }, "k".repeat(200)));
    const before = [jobCount(), uploads()];
    for (const key of ["", "k".repeat(201)]) {
      expect(await refusalOf(await send({ text: "Hello" }, key))).toMatchObject({ status: 400, code: "bad_request" });
      expect(await refusalOf(await sendForm({ text: "x" }, { "Idempotency-Key": key }))).toMatchObject({ status: 400 });
    }
    expect([jobCount(), uploads()]).toEqual(before);
  });
});

describe("a time", () => {
  const noon = Date.UTC(2126, 5, 1, 10);

  test.each<[string, string | number]>([
    ["ISO 8601 with an offset", "2126-06-01T12:00:00+02:00"],
    ["ISO 8601 in UTC", "2126-06-01T10:00Z"],
    ["local time", "2126-06-01 12:00"],
    ["milliseconds", noon],
    ["milliseconds as text", String(noon)],
  ])("as %s is when a job may begin and must be done", async (_name, time) => {
    const { job_id } = await receiptOf(await send({ text: "Hello", not_before: time }));
    expect(runOf(core, job_id)).toMatchObject({ state: "scheduled", runAt: noon, deadlineAt: null });
    const next = await receiptOf(await sendForm({ text: "Graph", deadline: String(time) }));
    expect(runOf(core, next.job_id)).toMatchObject({ state: "ready", runAt: null, deadlineAt: noon });
  });

  test("that is over lets the job begin at once", async () => {
    const { job_id } = await receiptOf(await send({ text: "Hello", not_before: Date.now() - 1_000 }));
    expect(runOf(core, job_id)).toMatchObject({ state: "ready", runAt: null });
  });

  test.each([
    ["no time", { not_before: "tomorrow" }, "is no date and time"],
    ["a day that no calendar has", { deadline: "2126-02-30T10:00Z" }, "is no date and time"],
    ["seconds", { not_before: 1_800_000_000 }, "milliseconds"],
    ["the far end of time", { not_before: 9e15 }, "milliseconds"],
    ["half a millisecond", { not_before: noon + 0.5 }, "body.not_before"],
    ["a deadline that is over", { deadline: "2020-01-01T00:00Z" }, "is over"],
    ["a deadline before the beginning", { not_before: noon, deadline: noon - 1 }, "before it may begin"],
    ["a deadline at the beginning", { not_before: noon, deadline: noon }, "before it may begin"],
    ["nothing", { not_before: null }, "body.not_before"],
  ])("that is %s is refused with a sentence", async (_name, body, sentence) => {
    const before = jobCount();
    const refusal = await refusalOf(await send({ text: "Hello", ...body }));
    expect(refusal).toMatchObject({ status: 400, code: "bad_request" });
    expect(refusal.message).toContain(sentence);
    expect(jobCount()).toBe(before);
  });

  test("that is wrong in a form leaves none of its files behind", async () => {
    const before = uploads();
    expect(await refusalOf(await sendForm({ text: "Graph", deadline: "soon" }))).toMatchObject({ status: 400 });
    expect(uploads()).toBe(before);
  });
});
