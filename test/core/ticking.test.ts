// The real core: it turns what is due into jobs by itself, tells whoever follows, and takes a missed tick up after a kill.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { openBoard } from "../../src/shared/db.ts";
import { jobsOfConversation } from "../../src/shared/jobs.ts";
import { listSchedules } from "../../src/shared/schedules.ts";
import { addSchedule } from "../shared/scheduled.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { startCore, type Core } from "./server.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** Resolves with the first event of all that core has, or will have. */
function firstEvent({ port, token }: Core): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/live`);
  socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "auth", key: token, after: 0 })));
  socket.addEventListener("message", ({ data }) => {
    const frame: unknown = JSON.parse(String(data));
    if (typeof frame === "object" && frame !== null && "event" in frame) resolve(frame.event);
  });
  return promise.finally(() => socket.close());
}

test("a tick that came while core was killed has its job when it is back, and no second one", async () => {
  const board = openBoard(join(folder.path, "data/jobs.db"));
  const now = Date.now();
  await addSchedule(board, "missed", { cron: null, nextAt: now - 3_600_000 }, now);
  board.close();
  for (let start = 0; start < 2; start += 1) {
    const core = await startCore({}, folder.path);
    const jobs = () => core.board.read((tx) => jobsOfConversation(tx, "talk-missed"));
    expect(await firstEvent(core)).toMatchObject({ kind: "job-created", conversationId: "talk-missed" });
    expect(jobs()).toMatchObject([{ status: "pending", input: { prompt: "Prompt of missed" } }]);
    await core.kill("SIGKILL");
    core.board.close();
  }
});

test("a schedule that is added is fired at its time", async () => {
  await using core = await startCore();
  const schedules = () => core.board.read(listSchedules);
  const at = new Date(Date.now() + 700).toISOString();
  expect((await core.post("/api/schedules", { text: "hello", at })).status).toBe(201);
  expect(await firstEvent(core)).toMatchObject({ kind: "job-created", prompt: "hello" });
  expect(schedules()).toMatchObject([{ nextAt: null, lastTickAt: Date.parse(at) }]);
});
