// Messages: let in once, kept in order, and gone with all that hangs on them.
import { describe, expect, test } from "bun:test";
import { insertArtifact } from "../../src/shared/artifacts.ts";
import { claimJobs } from "../../src/shared/claims.ts";
import {
  admitMessage,
  deleteConversation,
  latestFiles,
  listConversations,
  messagesOf,
  readConversation,
  type Admitted,
} from "../../src/shared/conversations.ts";
import { readJob } from "../../src/shared/jobs.ts";
import type { InboundMessage } from "../../src/shared/types.ts";
import { readUpload } from "../../src/shared/uploads.ts";
import { temporaryBoard, uploadedFile, type TemporaryBoard } from "./temporary.ts";

const JOB = { type: "chat", input: { prompt: "hi" } } as const;

function admit(place: TemporaryBoard, id: string, message: Partial<InboundMessage> = {}, now = 1_000) {
  const whole = { channel: "web", channelMessageId: id, conversationId: null, text: "hi", files: [], ...message };
  const ids = { messageId: `message-${id}`, jobId: `job-${id}`, conversationId: `talk-${id}` };
  return admitMessage(place.board, whole, ids, () => JOB, now);
}

describe("a message", () => {
  test("makes conversation, message, uploads, job and event together", async () => {
    using place = temporaryBoard();
    const files = [uploadedFile("u1"), uploadedFile("u2")];
    expect(await admit(place, "1", { text: "  Graph\n this ", files })).toEqual({
      messageId: "message-1",
      jobId: "job-1",
      conversationId: "talk-1",
    });
    expect(place.board.read((tx) => readConversation(tx, "talk-1"))).toEqual({
      id: "talk-1",
      title: "Graph this",
      createdAt: 1_000,
      updatedAt: 1_000,
    });
    expect(place.board.read((tx) => messagesOf(tx, "talk-1"))).toMatchObject([
      { id: "message-1", role: "user", channel: "web", text: "  Graph\n this ", files, jobId: "job-1" },
    ]);
    expect(place.board.read((tx) => readJob(tx, "job-1"))).toMatchObject({
      status: "pending",
      conversationId: "talk-1",
    });
    expect(place.value("SELECT count(*) FROM job_events")).toBe(1);
  });

  test("that is delivered twice changes nothing the second time", async () => {
    using place = temporaryBoard();
    const first = await admit(place, "1");
    const again: Admitted | null = await admitMessage(
      place.board,
      { channel: "web", channelMessageId: "1", conversationId: null, text: "other", files: [uploadedFile("u9")] },
      { messageId: "m", jobId: "j", conversationId: "c" },
      () => JOB,
      5_000,
    );
    expect(again).toEqual(first);
    for (const table of ["messages", "jobs", "conversations", "job_events"])
      expect(place.value(`SELECT count(*) FROM ${table}`)).toBe(1);
    expect(place.value("SELECT count(*) FROM uploads")).toBe(0);
  });

  test("with the same id on another channel is another message", async () => {
    using place = temporaryBoard();
    await admit(place, "1");
    const other = await admitMessage(
      place.board,
      { channel: "telegram", channelMessageId: "1", conversationId: null, text: "hi", files: [] },
      { messageId: "m", jobId: "j", conversationId: "c" },
      () => JOB,
      5_000,
    );
    expect(other?.jobId).toBe("j");
  });

  test("to a conversation that does not exist leaves nothing behind", async () => {
    using place = temporaryBoard();
    expect(await admit(place, "1", { conversationId: "gone", files: [uploadedFile("u1")] })).toBeNull();
    for (const table of ["messages", "jobs", "uploads", "job_events"])
      expect(place.value(`SELECT count(*) FROM ${table}`)).toBe(0);
  });

  test("lifts its conversation to the top of the list", async () => {
    using place = temporaryBoard();
    await admit(place, "1", {}, 1_000);
    await admit(place, "2", {}, 2_000);
    await admit(place, "3", { conversationId: "talk-1" }, 3_000);
    const ids = (limit: number) => place.board.read((tx) => listConversations(tx, limit)).map((one) => one.id);
    expect(ids(9)).toEqual(["talk-1", "talk-2"]);
    expect(ids(1)).toEqual(["talk-1"]);
    expect(place.board.read((tx) => messagesOf(tx, "talk-1")).map((one) => one.id)).toEqual(["message-1", "message-3"]);
  });
});

test.each([
  ["a long text", "x".repeat(200), `${"x".repeat(79)}…`],
  ["an emoji where it is cut", `${"x".repeat(78)}😀😀`, `${"x".repeat(78)}…`],
  ["blanks alone", " \n ", "u1.csv"],
])("%s becomes a title of one line and whole characters", async (_name, text, title) => {
  using place = temporaryBoard();
  await admit(place, "1", { text, files: [uploadedFile("u1")] });
  expect(place.board.read((tx) => readConversation(tx, "talk-1"))?.title).toBe(title);
});

describe("the files that a conversation is about", () => {
  test("are those of its latest message that had any, in their order", async () => {
    using place = temporaryBoard();
    const files = [uploadedFile("b"), uploadedFile("a")];
    await admit(place, "1", { files: [uploadedFile("old")] }, 1_000);
    await admit(place, "2", { conversationId: "talk-1", files }, 2_000);
    await admit(place, "3", { conversationId: "talk-1" }, 3_000);
    await admit(place, "4", { files: [uploadedFile("other")] }, 4_000);
    expect(place.board.read((tx) => latestFiles(tx, "talk-1"))).toEqual(files);
    expect(place.board.read((tx) => latestFiles(tx, "nothing"))).toEqual([]);
  });

  test("are the later message's even if both came in one millisecond", async () => {
    using place = temporaryBoard();
    await admit(place, "1", { files: [uploadedFile("old")] });
    await admit(place, "2", { conversationId: "talk-1", files: [uploadedFile("new")] });
    expect(place.board.read((tx) => latestFiles(tx, "talk-1"))).toEqual([uploadedFile("new")]);
  });
});

describe("deleting a conversation", () => {
  test("takes its jobs, events, artifacts and uploads along, and names the bytes that are nobody's now", async () => {
    using place = temporaryBoard();
    await admit(place, "1", { files: [uploadedFile("mine"), uploadedFile("shared")] });
    await admit(place, "2", { files: [uploadedFile("shared")] });
    const artifact = { jobId: "job-1", name: "a.png", path: "p", mediaType: "image/png", bytes: 1, sha256: "0" };
    await place.board.write((tx) => insertArtifact(tx, { id: "art", ...artifact }, 1_000));
    expect(await deleteConversation(place.board, "talk-1")).toEqual({ jobIds: ["job-1"], uploadIds: ["mine"] });
    expect(place.board.read((tx) => [readUpload(tx, "mine"), readUpload(tx, "shared")])).toEqual([
      null,
      uploadedFile("shared"),
    ]);
    expect(place.value("SELECT count(*) FROM artifacts")).toBe(0);
    for (const table of ["messages", "jobs", "job_run", "conversations"])
      expect(place.value(`SELECT count(*) FROM ${table}`)).toBe(1);
    expect(place.rows("SELECT job_id, conversation_id, kind FROM job_events ORDER BY seq")).toEqual([
      { job_id: "job-2", conversation_id: "talk-2", kind: "job-created" },
      { job_id: "job-1", conversation_id: "talk-1", kind: "job-deleted" },
    ]);
    expect((await claimJobs(place.board, "1-a", () => 9, 2_000)).map((claim) => claim.jobId)).toEqual(["job-2"]);
  });

  test("that is gone already says so", async () => {
    using place = temporaryBoard();
    expect(await deleteConversation(place.board, "nothing")).toBe("unknown");
  });
});
