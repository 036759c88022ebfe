// What becomes of jobs that nobody brings to an end.
import { describe, expect, test } from "bun:test";
import { claimJobs } from "../../src/shared/claims.ts";
import { reclaimJobs } from "../../src/shared/recovery.ts";
import { claimOne, jobOf, kindsOf, loseWorkers, runOf } from "./claiming.ts";
import { addJob, temporaryBoard } from "./temporary.ts";

describe("a running job", () => {
  test("whose worker died goes back to the board, and another may have it", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await claimOne(place, "1-dead");
    await addJob(place.board, "b");
    await claimOne(place, "2-alive");
    expect(await reclaimJobs(place.board, (_tx, worker) => worker === "1-dead", 2_001)).toEqual(["a"]);
    expect([jobOf(place, "a")?.status, jobOf(place, "b")?.status]).toEqual(["pending", "running"]);
    expect(await claimOne(place, "2-alive")).toMatchObject({ jobId: "a", attempt: 2 });
  });

  test("that killed three workers is not tried a fourth time, and says so", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await claimOne(place)).toMatchObject({ attempt });
      await loseWorkers(place);
    }
    expect(await claimJobs(place.board, "1-a", 1, 4_000)).toEqual([]);
    expect(runOf(place, "a")).toMatchObject({ state: "dead", finishedAt: 3_000, attempt: 3 });
    expect(jobOf(place, "a")).toMatchObject({ status: "failed", output: { error: { code: "internal" } } });
    expect(jobOf(place, "a")?.output?.error?.message).toContain("3 times");
    expect(kindsOf(place, "a").at(-1)).toBe("job-failed");
  });
});
