// No job is begun on a disk that is nearly full.
import { expect, test } from "bun:test";
import { createLog } from "../../src/shared/log.ts";
import { createFloor } from "../../src/worker/floor.ts";
import { temporaryFolder } from "../shared/temporary.ts";

test("the floor is looked at once a second, and told when it is reached and left", () => {
  using folder = temporaryFolder();
  const lines: string[] = [];
  const log = createLog("worker", "debug", (line) => void lines.push(line));
  const config = { dataDir: folder.path, storageDir: folder.path, minFreeBytes: 0 };
  let now = 0;
  const canClaim = createFloor(config, { now: () => 0, monotonic: () => now }, log);
  expect(canClaim()).toBe(true);
  config.minFreeBytes = Number.MAX_SAFE_INTEGER;
  now = 999;
  expect(canClaim()).toBe(true);
  now = 1_000;
  expect([canClaim(), canClaim()]).toEqual([false, false]);
  config.minFreeBytes = 0;
  now = 2_000;
  expect(canClaim()).toBe(true);
  expect(lines.map((line) => /"event":"([\w-]+)"/.exec(line)?.[1])).toEqual(["disk-low", "disk-has-room"]);
});
