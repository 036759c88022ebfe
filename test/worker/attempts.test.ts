// What becomes of an attempt that did not work out: it is put off, given back, or the end; and deadlines.
import { describe, expect, test } from "bun:test";
import { attemptsOf } from "../../src/shared/jobs.ts";
import { AppError } from "../../src/shared/errors.ts";
import { cancelJob } from "../../src/shared/control.ts";
import type { RunOutcome } from "../../src/worker/e2b_client.ts";
import { runJob } from "../../src/worker/run.ts";
import { brokenRules, claimOne, jobOf, kindsOf, runOf } from "../shared/claiming.ts";
import { addJob, type TemporaryBoard } from "../shared/temporary.ts";
import { NOTHING, fakeSandbox, type FakeSandbox } from "./fake_sandbox.ts";
import { workplace } from "./workplace.ts";

const ignore = (): void => undefined;

const CODE = { type: "code_exec", input: { code: "1" } } as const;
const gone = new AppError("unavailable", "The sandbox server is not there.");

const writesFile = (files: FakeSandbox["files"]): RunOutcome => {
  files.set("/home/user/a.csv", { content: "x" });
  return NOTHING;
};

const attemptsOfA = (place: TemporaryBoard) => place.board.read((tx) => attemptsOf(tx, "a"));

describe("an attempt that failed for a while", () => {
  test("is told, put off, and its cost is kept", async () => {
    using place = workplace(fakeSandbox(() => Promise.reject(gone)));
    await addJob(place.board, "a", CODE);
    const before = Date.now();
    await runJob(place.work, await claimOne(place), new AbortController(), ignore);
    const { state, runAt, attempt, maxAttempts, costMicroUsd } = runOf(place, "a");
    expect([state, attempt, maxAttempts, costMicroUsd]).toEqual(["retrying", 1, 3, 5]);
    expect((runAt ?? 0) - before).toBeGreaterThanOrEqual(800);
    expect((runAt ?? 0) - Date.now()).toBeLessThanOrEqual(1_200);
    expect(kindsOf(place, "a").at(-1)).toBe("job-retrying");
    expect(brokenRules(place)).toEqual([]);
  });

  test("because a server asked for a pause costs no attempt", async () => {
    using place = workplace(new AppError("unavailable", "Later.", { retryAfterMs: 30_000 }));
    await addJob(place.board, "a", { ...CODE, maxAttempts: 1 });
    const before = Date.now();
    await runJob(place.work, await claimOne(place), new AbortController(), ignore);
    expect(runOf(place, "a")).toMatchObject({ state: "retrying", attempt: 1, maxAttempts: 2 });
    expect((runOf(place, "a").runAt ?? 0) - before).toBeGreaterThanOrEqual(30_000);
  });

  test.each(["ENOSPC", "EDQUOT"])("because a file met a full disk (%s) is put off", async (code) => {
    const full = Object.assign(new Error(`${code}: write`), { code });
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => controller.error(full);
    const open = () => Promise.resolve(new ReadableStream<Uint8Array>({ pull }));
    using place = workplace(fakeSandbox(writesFile, open));
    await addJob(place.board, "a", CODE);
    await runJob(place.work, await claimOne(place), new AbortController(), ignore);
    expect(runOf(place, "a")).toMatchObject({ state: "retrying", attempt: 1 });
    expect(attemptsOfA(place)).toMatchObject([
      { error: { code: "unavailable", message: "The disk is full, so “a.csv” was not kept. Free some space." } },
    ]);
  });

  test("because its sandbox went away while its files were brought out is put off", async () => {
    const ended = new AppError("sandbox", "The sandbox ended in the middle of the work. Try again.");
    let isGone = false;
    const sandbox = fakeSandbox(writesFile, () => {
      isGone = true;
      return Promise.reject(ended);
    });
    const list: FakeSandbox["list"] = (...where) => (isGone ? Promise.reject(ended) : sandbox.list(...where));
    using place = workplace({ ...sandbox, list });
    await addJob(place.board, "a", CODE);
    await runJob(place.work, await claimOne(place), new AbortController(), ignore);
    expect(runOf(place, "a")).toMatchObject({ state: "retrying", attempt: 1 });
    expect(attemptsOfA(place)).toMatchObject([{ error: { code: "sandbox" } }]);
  });

  test("three times ends the job with all that went wrong", async () => {
    using place = workplace(gone);
    await addJob(place.board, "a", CODE);
    for (let attempt = 1; attempt <= 3; attempt += 1)
      await runJob(place.work, await claimOne(place, "1-a", 1e15), new AbortController(), ignore);
    expect(runOf(place, "a")).toMatchObject({ state: "failed", attempt: 3 });
    expect(jobOf(place, "a")?.output?.error).toMatchObject({
      code: "unavailable",
      attempts: [{ attempt: 1 }, { attempt: 2 }],
    });
    expect(place.board.read((tx) => attemptsOf(tx, "a")).map((one) => one.outcome)).toEqual([
      "retrying",
      "retrying",
      "failed",
    ]);
  });

  test("while it was being stopped is stopped, not tried again", async () => {
    const begun = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<never>();
    using place = workplace(
      fakeSandbox(() => {
        begun.resolve();
        return failed.promise;
      }),
    );
    await addJob(place.board, "a", CODE);
    const running = runJob(place.work, await claimOne(place), new AbortController(), ignore);
    await begun.promise;
    await cancelJob(place.board, "a", Date.now());
    failed.reject(gone);
    await running;
    expect(runOf(place, "a").state).toBe("cancelled");
  });

  test("because everything is being stopped goes back untouched", async () => {
    using place = workplace(fakeSandbox(() => Promise.reject(gone)));
    await addJob(place.board, "a", CODE);
    place.stop.abort();
    await runJob(place.work, await claimOne(place), new AbortController(), ignore);
    expect(runOf(place, "a")).toMatchObject({ state: "ready", attempt: 1, maxAttempts: 4 });
  });
});

describe("a deadline", () => {
  test("that comes while the job runs stops it and says so", async () => {
    const controller = new AbortController();
    const sandbox = fakeSandbox(
      () =>
        new Promise((_resolve, reject) => {
          controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
        }),
    );
    using place = workplace(sandbox);
    await addJob(place.board, "a", { ...CODE, deadlineAt: Date.now() + 200 });
    await runJob(place.work, await claimOne(place), controller, ignore);
    expect(runOf(place, "a").state).toBe("failed");
    expect(jobOf(place, "a")?.output?.error).toMatchObject({ code: "timeout" });
    expect(jobOf(place, "a")?.output?.error?.message).toContain("deadline");
    expect(sandbox.isDead()).toBe(true);
  });

  test("of a long time from now is no reason to end at once", async () => {
    using place = workplace(fakeSandbox(() => NOTHING));
    await addJob(place.board, "a", { ...CODE, deadlineAt: Date.now() + 1e12 });
    await runJob(place.work, await claimOne(place), new AbortController(), ignore);
    expect(runOf(place, "a").state).toBe("done");
  });
});

// The end is what counts: a piece of its story that could not be kept is no reason to do the whole job again.
test("a job whose story could not all be written is settled all the same", async () => {
  using place = workplace(
    fakeSandbox((_files, options) => {
      options.onOutput("stdout", "some words");
      return NOTHING;
    }),
  );
  await addJob(place.board, "a", CODE);
  await place.board.write((tx) =>
    tx.run(
      "CREATE TRIGGER full BEFORE INSERT ON job_events WHEN NEW.kind = 'output-delta' BEGIN SELECT RAISE(ABORT, 'full'); END",
    ),
  );
  await runJob(place.work, await claimOne(place), new AbortController(), ignore);
  expect(runOf(place, "a").state).toBe("done");
  expect(jobOf(place, "a")?.output?.stdout).toBe("some words");
});
