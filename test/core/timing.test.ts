// When a job may begin and by when it must be done, as a message may say it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runOf } from "../shared/claiming.ts";
import { formOf, jobCount, receiptOf, uploadsIn } from "./sending.ts";
import { refusalOf, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore({ TZ: "Europe/Berlin" });
});
afterAll(() => core[Symbol.asyncDispose]());

const send = (body: object) => core.post("/api/messages", body);
const sendForm = (fields: Record<string, string>) =>
  core.call("/api/messages", { method: "POST", body: formOf(fields, ["a.csv", "a\n1\n"]) });

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
    const before = jobCount(core);
    const refusal = await refusalOf(await send({ text: "Hello", ...body }));
    expect(refusal).toMatchObject({ status: 400, code: "bad_request" });
    expect(refusal.message).toContain(sentence);
    expect(jobCount(core)).toBe(before);
  });

  test("that is wrong in a form leaves none of its files behind", async () => {
    const before = uploadsIn(core).length;
    expect(await refusalOf(await sendForm({ text: "Graph", deadline: "soon" }))).toMatchObject({ status: 400 });
    expect(uploadsIn(core).length).toBe(before);
  });
});
