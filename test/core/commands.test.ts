// Commands that are sent on this machine, by page, terminal or API: done at once, answered for good, done once a key.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { claimJobs } from "../../src/shared/claims.ts";
import { messagesOf, readConversation } from "../../src/shared/conversations.ts";
import { eventsAfter, latestSeq } from "../../src/shared/events.ts";
import { jobsOfConversation, readJob, readRun } from "../../src/shared/jobs.ts";
import { formOf, jobCount, receiptOf } from "./sending.ts";
import { refusalOf, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore({ SANDPIPER_JOB_SECONDS: "90" });
});
afterAll(() => core[Symbol.asyncDispose]());

const send = async (text: string, conversation_id?: string, key?: string) =>
  receiptOf(
    await core.post(
      "/api/messages",
      { text, ...(conversation_id === undefined ? {} : { conversation_id }) },
      key === undefined ? {} : { "Idempotency-Key": key },
    ),
  );
const jobOf = (id: string) => core.board.read((tx) => readJob(tx, id));
const stateOf = (id: string) => core.board.read((tx) => readRun(tx, id))?.state;
const answerTo = async (text: string, conversation?: string) =>
  jobOf((await send(text, conversation)).job_id)?.output?.text;
/** With a file, so that it is about something. */
const asked = async (text = "Graph this") =>
  receiptOf(await core.call("/api/messages", { method: "POST", body: formOf({ text }, ["a.csv", "a,b\n1,2\n"]) }));

describe("a command", () => {
  test("is answered at once behind a running job, and stands in the conversation like any answer", async () => {
    const { conversation_id, job_id } = await asked();
    await claimJobs(core.board, "1-a", () => 1, Date.now());
    const waiting = await send("now by month", conversation_id);
    const status = await send(" /status ", conversation_id);
    expect(status.conversation_id).toBe(conversation_id);
    expect(jobOf(status.job_id)).toMatchObject({
      type: "chat",
      status: "completed",
      output: { text: "1 running, 1 waiting.\n- running: Graph this\n- waiting: now by month" },
    });
    expect([stateOf(job_id), stateOf(waiting.job_id)]).toEqual(["running", "waiting"]);
    const Snapshot = z.object({ jobs: z.array(z.object({ id: z.string(), output: z.unknown() })) });
    const { jobs } = Snapshot.parse(await (await core.call(`/api/conversations/${conversation_id}`)).json());
    expect(jobs.find(({ id }) => id === status.job_id)?.output).toEqual(jobOf(status.job_id)?.output);
    expect(core.board.read((tx) => messagesOf(tx, conversation_id)).at(-1)).toMatchObject({
      text: " /status ",
      jobId: status.job_id,
    });
  });

  test("that nobody knows asks for help; words that only begin like one, code and files are no command", async () => {
    expect(await answerTo("/frobnicate")).toContain("/whoami");
    const path = await send("/etc/passwd is a file");
    const code = await receiptOf(await core.post("/api/messages", { text: "/stop", code: "print(1)" }));
    const file = await asked("/stop");
    expect([path, code, file].map(({ job_id }) => stateOf(job_id))).toEqual(["ready", "ready", "ready"]);
  });

  test("to a conversation that is gone, or for a later time, is refused and nothing is kept", async () => {
    const before = jobCount(core);
    const gone = await refusalOf(await core.post("/api/messages", { text: "/status", conversation_id: "gone" }));
    expect(gone.status).toBe(404);
    const later = await refusalOf(
      await core.post("/api/messages", { text: "/again", not_before: Date.now() + 60_000 }),
    );
    expect(later.status).toBe(400);
    expect(later.message).toContain("at once");
    expect(jobCount(core)).toBe(before);
  });

  test("without a conversation begins one, which the first question gives its title", async () => {
    const { conversation_id } = await send("/help");
    const titleOf = () => core.board.read((tx) => readConversation(tx, conversation_id))?.title;
    expect(titleOf()).toBe("New conversation");
    await send("/cost", conversation_id);
    expect(titleOf()).toBe("New conversation");
    await send("Graph the rain", conversation_id);
    await send("Now by month", conversation_id);
    expect(titleOf()).toBe("Graph the rain");
  });

  test("/stop ends what runs and what waits in its conversation, and nothing else", async () => {
    const [mine, other] = [await asked("Mine"), await asked("Other")];
    const next = await send("Next", mine.conversation_id);
    expect(await answerTo("/stop", mine.conversation_id)).toBe("Stopped. Nothing further will be charged.");
    expect([mine, next, other].map(({ job_id }) => stateOf(job_id))).toEqual(["cancelled", "cancelled", "ready"]);
  });

  test("/again is a job of the same type and input, whatever was commanded since", async () => {
    const first = await asked();
    await send("/status", first.conversation_id);
    const seq = core.board.read(latestSeq);
    const again = await send("/again", first.conversation_id);
    expect(again.conversation_id).toBe(first.conversation_id);
    const { type, input } = jobOf(first.job_id) ?? {};
    expect(jobOf(again.job_id)).toMatchObject({ type, input, status: "pending" });
    expect(input?.files).toHaveLength(1);
    // Who follows sees what was written.
    expect(core.board.read((tx) => eventsAfter(tx, seq, 10))).toMatchObject([
      { kind: "job-created", jobId: again.job_id, prompt: "/again" },
    ]);
    expect(await answerTo("/again")).toBe("There is nothing to do again.");
  });

  test("/new is answered in a new conversation", async () => {
    const first = await asked();
    const fresh = await send("/new", first.conversation_id);
    expect(fresh.conversation_id).not.toBe(first.conversation_id);
    expect(jobOf(fresh.job_id)).toMatchObject({ status: "completed", conversationId: fresh.conversation_id });
    expect(core.board.read((tx) => jobsOfConversation(tx, first.conversation_id))).toHaveLength(1);
  });

  test("/whoami and /settings say where one is and what holds, and no secret", async () => {
    expect(await answerTo("/whoami")).toContain("the owner");
    const settings = (await answerTo("/settings")) ?? "";
    for (const part of ["built-in planner", "on this machine", "90 s", "3 attempts", `http://localhost:${core.port}/`])
      expect(settings).toContain(part);
    expect(settings).not.toContain(core.token);
  });

  test("is heeded where the disk is too full for a message", async () => {
    await using full = await startCore({ SANDPIPER_MIN_FREE_MB: "1000000" });
    expect((await refusalOf(await full.post("/api/messages", { text: "Hello" }))).code).not.toBe("");
    await receiptOf(await full.post("/api/messages", { text: "/stop" }));
  });
});

describe("a command with a key", () => {
  test("is done once, however often it is sent", async () => {
    const first = await asked();
    const before = jobCount(core);
    const receipts = await Promise.all(
      Array.from({ length: 6 }, () => send("/again", first.conversation_id, "again-1")),
    );
    expect(new Set(receipts.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
    expect(await send("/again", first.conversation_id, "again-1")).toEqual(receipts[0] ?? first);
    expect(jobCount(core)).toBe(before + 1);
  });

  test("that was sent before stops nothing that came since, and /new makes no second conversation", async () => {
    const { conversation_id } = await asked();
    const stopped = await send("/stop", conversation_id, "stop-1");
    const later = await send("Later", conversation_id);
    expect(await send("/stop", conversation_id, "stop-1")).toEqual(stopped);
    expect(stateOf(later.job_id)).toBe("ready");
    const fresh = await send("/new", conversation_id, "new-1");
    expect(await send("/new", conversation_id, "new-1")).toEqual(fresh);
  });
});
