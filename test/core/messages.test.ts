// What people and programs send: everything that is right gets in once, everything else leaves nothing behind.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claimJobs } from "../../src/shared/claims.ts";
import { messagesOf } from "../../src/shared/conversations.ts";
import { readJob } from "../../src/shared/jobs.ts";
import { formOf, jobCount, receiptOf, uploadsIn } from "./sending.ts";
import { refusalOf, sendRaw, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore({ SANDPIPER_MAX_UPLOAD_MB: "1" });
});
afterAll(() => core[Symbol.asyncDispose]());

const sendForm = (body: FormData) => core.call("/api/messages", { method: "POST", body });
const jobOf = (id: string) => core.board.read((tx) => readJob(tx, id));
const filesOf = (conversation: string) =>
  core.board.read((tx) => messagesOf(tx, conversation)).flatMap((message) => message.files);

describe("a message", () => {
  test("of 10,000 characters arrives whole, as JSON and as a form", async () => {
    const text = "long prompt é😀\n".repeat(700).slice(0, 10_000).toWellFormed();
    for (const response of [await core.post("/api/messages", { text }), await sendForm(formOf({ text }))])
      expect(jobOf((await receiptOf(response)).job_id)?.input.prompt).toBe(text);
  });

  test("goes on with its conversation, and the files of that are what it is about", async () => {
    const first = await receiptOf(await sendForm(formOf({ text: "Graph this" }, ["a.csv", "a,b\n1,2\n"])));
    const next = await receiptOf(
      await core.post("/api/messages", { text: "now by month", conversation_id: first.conversation_id }),
    );
    expect(next.conversation_id).toBe(first.conversation_id);
    const { files = [] } = jobOf(first.job_id)?.input ?? {};
    expect(files.length).toBe(1);
    expect(jobOf(next.job_id)).toMatchObject({ type: "code_exec", input: { prompt: "now by month", files } });
  });

  test("with code alone is a job that runs it", async () => {
    const { job_id } = await receiptOf(await core.post("/api/messages", { code: "print(1)" }));
    expect(jobOf(job_id)).toMatchObject({ type: "code_exec", input: { code: "print(1)" } });
  });

  test("with an example is about a copy of it", async () => {
    const { conversation_id } = await receiptOf(
      await core.post("/api/messages", { text: "Graph", example: "seattle_weather.csv" }),
    );
    const [file] = filesOf(conversation_id);
    expect(file).toMatchObject({ name: "seattle_weather.csv", mediaType: "text/csv" });
    const copy = readFileSync(join(core.home, "storage/uploads", file?.id ?? ""));
    expect(copy.equals(readFileSync(join(import.meta.dir, "../../examples/seattle_weather.csv")))).toBe(true);
  });

  test("may name a file that lies in storage/uploads already", async () => {
    mkdirSync(join(core.home, "storage/uploads"), { recursive: true });
    writeFileSync(join(core.home, "storage/uploads/mine.csv"), "a,b\n");
    const { job_id, conversation_id } = await receiptOf(
      await core.post("/api/messages", { text: "Graph", files: ["mine.csv"] }),
    );
    expect(jobOf(job_id)?.input.files).toEqual(["mine.csv"]);
    expect(filesOf(conversation_id)).toMatchObject([{ id: "mine.csv", name: "mine.csv", bytes: 4 }]);
  });
});

describe("files of a form", () => {
  test("are kept by id, in their order, under names that harm nobody", async () => {
    const names = [
      ["../../etc/passwd.csv", "passwd.csv"],
      ["/etc/cron.d/evil", "evil"],
      ["photo\u202egpj.csv", "photo_gpj.csv"],
      ["CON.csv", "file.csv"],
      ["Umsätze März.csv", "Umsätze März.csv"],
      [`${"x".repeat(300)}.csv`, `${"x".repeat(96)}.csv`],
      ["same.csv", "same.csv"],
      ["same.csv", "same.csv"],
    ] as const;
    const files = names.map(([name], index) => [name, `a\n${index}\n`] as const);
    const { conversation_id, job_id } = await receiptOf(await sendForm(formOf({ text: "Graph" }, ...files)));
    const kept = filesOf(conversation_id);
    expect(kept.map((file) => file.name)).toEqual(names.map(([, name]) => name));
    expect(jobOf(job_id)?.input.files).toEqual(kept.map((file) => file.id));
    kept.forEach((file, index) => {
      expect(file.id).toMatch(/^[\da-f-]{36}(\.csv)?$/);
      expect(readFileSync(join(core.home, "storage/uploads", file.id), "utf8")).toBe(`a\n${index}\n`);
    });
  });

  test("come back as a download, whatever they are", async () => {
    const page = "<!doctype html><script>alert(1)</script>";
    const { conversation_id } = await receiptOf(await sendForm(formOf({ text: "What is it" }, ["é 'x'.html", page])));
    const response = await core.call(`/api/uploads/${filesOf(conversation_id)[0]?.id ?? ""}`);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="___x_.html"; filename*=UTF-8''%C3%A9%20%27x%27.html`,
    );
    expect(await response.text()).toBe(page);
  });

  test("of which one is too large are all gone, and no job is made", async () => {
    const [jobs, kept] = [jobCount(core), uploadsIn(core).length];
    const body = formOf({ text: "Graph" }, ["small.csv", "a\n"], ["big.csv", "x".repeat(2 ** 20 + 1)]);
    expect(await refusalOf(await sendForm(body))).toMatchObject({
      status: 413,
      code: "too_large",
      message: "“big.csv” is larger than 1 MiB. It was not kept.",
    });
    expect([jobCount(core), uploadsIn(core).length]).toEqual([jobs, kept]);
  });

  test("for a conversation that does not exist are gone again", async () => {
    const [jobs, kept] = [jobCount(core), uploadsIn(core).length];
    const body = formOf({ text: "Graph", conversation_id: "gone" }, ["a.csv", "a\n"]);
    expect(await refusalOf(await sendForm(body))).toMatchObject({ status: 404, code: "not_found" });
    const example = { text: "Graph", conversation_id: "gone", example: "seattle_weather.csv" };
    expect(await refusalOf(await core.post("/api/messages", example))).toMatchObject({ status: 404 });
    expect([jobCount(core), uploadsIn(core).length]).toEqual([jobs, kept]);
  });

  test("that were there before outlive a message that did not get in", async () => {
    mkdirSync(join(core.home, "storage/uploads"), { recursive: true });
    writeFileSync(join(core.home, "storage/uploads/stays.csv"), "a\n");
    const body = { text: "Graph", conversation_id: "gone", files: ["stays.csv"] };
    expect(await refusalOf(await core.post("/api/messages", body))).toMatchObject({ status: 404 });
    expect(existsSync(join(core.home, "storage/uploads/stays.csv"))).toBe(true);
  });

  test.each([
    ["a field that does not exist", { tz: "UTC" }, [], 'form: Unrecognized key: "tz".'],
    ["a field of schedules", { cron: "@daily" }, [], 'form: Unrecognized key: "cron".'],
    ["a name instead of a file", { files: "a.csv" }, [], "form.files: must be a file (with curl: -F files=@NAME)."],
    ["a file in the place of words", {}, ["code"], "form.code: a file belongs into the field “files”."],
    [
      "100,001 characters",
      { text: "x".repeat(100_001) },
      [],
      "form.text: longer than 100,000 characters; send it as a file.",
    ],
  ])("with %s are refused with a sentence, and gone", async (_name, fields, places, sentence) => {
    const [jobs, kept] = [jobCount(core), uploadsIn(core).length];
    const body = formOf({ text: "Graph", ...fields }, ["a.csv", "a\n"]);
    for (const place of places) body.append(place, new File(["a\n"], "b.csv"));
    expect(await refusalOf(await sendForm(body))).toEqual({ status: 400, code: "bad_request", message: sentence });
    expect([jobCount(core), uploadsIn(core).length]).toEqual([jobs, kept]);
  });

  test("may come with an example, and with fields that are left empty", async () => {
    const fields = { text: "Graph", example: "seattle_weather.csv", code: "", deadline: "" };
    const { conversation_id, job_id } = await receiptOf(await sendForm(formOf(fields, ["a.csv", "a\n"])));
    expect(filesOf(conversation_id).map((file) => file.name)).toEqual(["a.csv", "seattle_weather.csv"]);
    expect(jobOf(job_id)?.input.code).toBeUndefined();
  });

  test("more than fifty are too many", async () => {
    const many = Array.from({ length: 51 }, (_, index) => [`${index}.csv`, ""] as const);
    expect(await refusalOf(await sendForm(formOf({ text: "x" }, ...many)))).toMatchObject({ status: 413 });
  });
});

describe("what is wrong is refused with a sentence and leaves nothing:", () => {
  const json = { "Content-Type": "application/json" };
  const cases: readonly (readonly [
    name: string,
    init: { body: string; headers: Record<string, string> },
    status: number,
    code: string,
  ])[] = [
    ["no JSON", { body: "{", headers: json }, 400, "bad_request"],
    ["an empty body", { body: "", headers: json }, 400, "bad_request"],
    ["null", { body: "null", headers: json }, 400, "bad_request"],
    ["a list", { body: "[]", headers: json }, 400, "bad_request"],
    ["an unknown field", { body: `{"text":"x","admin":true}`, headers: json }, 400, "bad_request"],
    ["a text that is a number", { body: `{"text":5}`, headers: json }, 400, "bad_request"],
    ["nothing to do", { body: `{"text":" "}`, headers: json }, 400, "bad_request"],
    ["100,001 characters", { body: JSON.stringify({ text: "x".repeat(100_001) }), headers: json }, 400, "bad_request"],
    ["plain text", { body: `{"text":"x"}`, headers: { "Content-Type": "text/plain" } }, 415, "unsupported"],
    [
      "a simple form",
      { body: "text=x", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
      415,
      "unsupported",
    ],
    [
      "a form without its boundary",
      { body: "x", headers: { "Content-Type": "multipart/form-data" } },
      400,
      "bad_request",
    ],
    [
      "a form that is none",
      { body: "x", headers: { "Content-Type": "multipart/form-data; boundary=y" } },
      400,
      "bad_request",
    ],
    ["an example that climbs", { body: `{"text":"x","example":"../package.json"}`, headers: json }, 400, "bad_request"],
    [
      "an example by its whole path",
      { body: `{"text":"x","example":"/etc/passwd"}`, headers: json },
      400,
      "bad_request",
    ],
    ["an example that is not there", { body: `{"text":"x","example":"none.csv"}`, headers: json }, 404, "not_found"],
    ["a file that climbs", { body: `{"text":"x","files":["../../data/token"]}`, headers: json }, 400, "bad_request"],
    ["a file that is not there", { body: `{"text":"x","files":["none.csv"]}`, headers: json }, 404, "not_found"],
    [
      "51 files",
      { body: JSON.stringify({ text: "x", files: Array(51).fill("a") }), headers: json },
      400,
      "bad_request",
    ],
    ["a large body that says so", { body: `"${"x".repeat(3 * 2 ** 20)}"`, headers: json }, 413, "too_large"],
    ["a very large body that says so", { body: `"${"x".repeat(9 * 2 ** 20)}"`, headers: json }, 413, "too_large"],
  ];
  test.each(cases)("%s", async (_name, init, status, code) => {
    const [jobs, kept] = [jobCount(core), uploadsIn(core).length];
    expect(await refusalOf(await core.call("/api/messages", { method: "POST", ...init }))).toMatchObject({
      status,
      code,
    });
    expect([jobCount(core), uploadsIn(core).length]).toEqual([jobs, kept]);
  });

  test.each([
    ["JSON", "application/json"],
    ["a form", "multipart/form-data; boundary=x"],
  ])("a large body in chunks that does not say its length, as %s", async (_name, type) => {
    const mebibyte = Buffer.alloc(2 ** 20, "x");
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        sent += 1;
        if (sent > 6) controller.close();
        else controller.enqueue(mebibyte);
      },
    });
    const refused = await core.call("/api/messages", { method: "POST", body, headers: { "Content-Type": type } });
    expect(await refusalOf(refused)).toMatchObject({ status: 413, code: "too_large" });
  });
});

test("a small body in chunks gets in", async () => {
  const text = JSON.stringify({ text: "in chunks" });
  const answer = await sendRaw(
    core.port,
    [
      "POST /api/messages HTTP/1.1",
      `Host: localhost:${core.port}`,
      `Authorization: Bearer ${core.token}`,
      "Content-Type: application/json",
      "Transfer-Encoding: chunked",
      "Connection: close",
      "",
      `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    ].join("\r\n"),
  );
  expect(answer).toStartWith("HTTP/1.1 202 ");
});

test("a message that was answered is on the board though core is killed at once", async () => {
  await using other = await startCore();
  const { job_id } = await receiptOf(await other.post("/api/messages", { text: "hello" }));
  await other.kill("SIGKILL");
  expect((await claimJobs(other.board, "1-w", () => 1, 1)).map((claim) => claim.jobId)).toEqual([job_id]);
});
