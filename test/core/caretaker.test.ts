// The hourly round: it does everything, tells it, and ends when it is told to.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { tidyUp, takeCare, type Estate } from "../../src/core/caretaker.ts";
import { openReserve } from "../../src/shared/disk.ts";
import { createLog } from "../../src/shared/log.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "../shared/temporary.ts";

const DAY_MS = 86_400_000;

function estateOf(place: TemporaryBoard) {
  const config = {
    dataDir: join(place.folder, "data"),
    storageDir: join(place.folder, "storage"),
    keepDays: 30,
    minFreeBytes: 0,
  };
  const lines: string[] = [];
  const told = { pruned: 0 };
  const estate: Estate = {
    board: place.board,
    config,
    reserve: openReserve(config),
    clock: { now: () => 100 * DAY_MS, monotonic: () => 0 },
    log: createLog("core", "debug", (line) => void lines.push(line)),
    onPruned: () => void (told.pruned += 1),
  };
  return { estate, lines, told, config };
}

test("a round forgets old jobs, sweeps what is nobody's, and keeps the reserve", async () => {
  using place = temporaryBoard();
  const { estate, lines, told, config } = estateOf(place);
  await addJob(place.board, "old");
  await place.board.write((tx) => tx.run("UPDATE job_run SET state = 'done', finished_at = 1"));
  const nobodys = join(config.storageDir, "outputs/gone/chart.png");
  mkdirSync(join(config.storageDir, "outputs/gone"), { recursive: true });
  await Bun.write(nobodys, "png");
  utimesSync(nobodys, 0, 0);
  // By its ctime, which nobody can set, the file is of today.
  const later = { ...estate, clock: { now: () => Date.now() + DAY_MS, monotonic: () => 0 } };
  await tidyUp(later, new AbortController().signal);
  expect(place.value("SELECT count(*) FROM jobs")).toBe(0);
  expect(existsSync(nobodys)).toBe(false);
  expect(existsSync(join(config.dataDir, "reserve"))).toBe(true);
  expect(told.pruned).toBe(1);
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { event: "round-done", jobs: 1, files: 1, bytes: 3, hasReserve: true },
  ]);
});

test("rounds end at once when they are told to", async () => {
  using place = temporaryBoard();
  const { estate, lines } = estateOf(place);
  const controller = new AbortController();
  const rounds = takeCare(estate, controller.signal);
  controller.abort();
  await rounds;
  expect(lines).toEqual([]);
});
