// Who may hold jobs: written down, heard of, and forgotten when nothing refers to them.
import { expect, test } from "bun:test";
import { claimJobs, settleJob } from "../../src/shared/claims.ts";
import { reserveSpend, settleSpend } from "../../src/shared/spend.ts";
import { beatWorker, forgetWorkers, readWorker, registerWorker } from "../../src/shared/workers.ts";
import { DONE, claimOne, countingWrites } from "./claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const register = (place: TemporaryBoard, id: string) =>
  registerWorker(place.board, { id, pid: 1, pidStarted: "then" }, 1_000);
const known = (place: TemporaryBoard) => place.rows("SELECT id FROM workers ORDER BY id").map((row) => row["id"]);

test("a worker is what it said, and its beat rises", async () => {
  using place = temporaryBoard();
  await register(place, "1-a");
  expect(place.board.read((tx) => readWorker(tx, "1-a"))).toEqual({ id: "1-a", pid: 1, pidStarted: "then", beat: 0 });
  await beatWorker(place.board, "1-a");
  await beatWorker(place.board, "1-a");
  await beatWorker(place.board, "2-nobody");
  expect(place.board.read((tx) => readWorker(tx, "1-a"))?.beat).toBe(2);
  expect(place.board.read((tx) => readWorker(tx, "2-nobody"))).toBeNull();
});

test("one that is gone is forgotten when neither a job nor a sandbox is left of it", async () => {
  using place = temporaryBoard();
  for (const id of ["1-idle", "2-job", "3-box", "4-alive"]) await register(place, id);
  await addJob(place.board, "a");
  const claim = await claimOne(place, "2-job");
  const box = { id: "box", jobId: "a", attempt: 1, workerId: "3-box", kind: "sandbox", provider: "local" } as const;
  await reserveSpend(place.board, { ...box, subject: null, reservedMicroUsd: 0 }, { job: 1, day: 1, month: 1 }, 1_000);
  const forget = () => forgetWorkers(place.board, (worker) => worker.id !== "4-alive");
  await forget();
  expect(known(place)).toEqual(["2-job", "3-box", "4-alive"]);
  await settleJob(place.board, claim, DONE, 3_000);
  await settleSpend(place.board, "box", { costMicroUsd: 0, isEstimate: false, units: {} }, 3_000);
  await forget();
  expect(known(place)).toEqual(["4-alive"]);
});

test("nobody to forget costs nobody a commit", async () => {
  using place = temporaryBoard();
  await register(place, "1-a");
  await addJob(place.board, "a");
  await claimJobs(place.board, "2-dead", () => 1, 2_000);
  const { board, writes } = countingWrites(place);
  await forgetWorkers(board, () => false);
  expect(writes()).toBe(0);
});
