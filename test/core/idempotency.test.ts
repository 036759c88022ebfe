// A message that is sent twice under one key is one job.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { formOf, jobCount, receiptOf, uploadsIn } from "./sending.ts";
import { refusalOf, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterAll(() => core[Symbol.asyncDispose]());

const send = (body: object, key?: string) =>
  core.post("/api/messages", body, key === undefined ? {} : { "Idempotency-Key": key });
const sendFile = (key: string) =>
  core.call("/api/messages", {
    method: "POST",
    body: formOf({ text: "Graph" }, ["a.csv", "a\n1\n"]),
    headers: { "Idempotency-Key": key },
  });

describe("a key", () => {
  test("makes one job of however many requests, whatever they say", async () => {
    const first = await receiptOf(await send({ text: "Hello" }, "key-1"));
    const before = jobCount(core);
    expect(await receiptOf(await send({ text: "Hello" }, "key-1"))).toEqual(first);
    expect(await receiptOf(await send({ text: "Something else" }, " key-1 "))).toEqual(first);
    expect(jobCount(core)).toBe(before);
    const other = await receiptOf(await send({ text: "Hello" }, "key-2"));
    expect(other.job_id).not.toBe(first.job_id);
  });

  test("makes one of requests that come together", async () => {
    const before = jobCount(core);
    const responses = await Promise.all(Array.from({ length: 8 }, () => send({ text: "Together" }, "key-3")));
    const receipts = await Promise.all(responses.map(receiptOf));
    expect(new Set(receipts.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
    expect(jobCount(core)).toBe(before + 1);
  });

  test("keeps the files of the first request alone", async () => {
    const first = await receiptOf(await sendFile("key-4"));
    const kept = uploadsIn(core).length;
    expect(await receiptOf(await sendFile("key-4"))).toEqual(first);
    expect(uploadsIn(core).length).toBe(kept);
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
    const before = [jobCount(core), uploadsIn(core).length];
    for (const key of ["", "k".repeat(201)]) {
      expect(await refusalOf(await send({ text: "Hello" }, key))).toMatchObject({ status: 400, code: "bad_request" });
      expect(await refusalOf(await sendFile(key))).toMatchObject({ status: 400 });
    }
    expect([jobCount(core), uploadsIn(core).length]).toEqual(before);
  });
});
