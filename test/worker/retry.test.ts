// Which failures pass by themselves, and how long that is waited for.
import { describe, expect, test } from "bun:test";
import { MAX_RETRY_MS } from "../../src/shared/claims.ts";
import { AppError, ERROR_CODES } from "../../src/shared/errors.ts";
import { nextTry } from "../../src/worker/retry.ts";

const claim = (attempt: number, maxAttempts = 99) => ({
  jobId: "a",
  attempt,
  maxAttempts,
  workerId: "1-a",
  type: "code_exec",
  input: {},
  conversationId: null,
  startedAt: 0,
  deadlineAt: null,
});
const gone = new AppError("unavailable", "It is not there.");
const asking = (retryAfterMs: number) => new AppError("unavailable", "Later.", { retryAfterMs });

test("only what is nobody's fault is tried again", () => {
  expect(ERROR_CODES.filter((code) => nextTry(claim(1), new AppError(code, "no"), 0, 0.5) !== null)).toEqual([
    "sandbox",
    "unavailable",
  ]);
});

describe("the wait", () => {
  test("is four times as long each time, up to five minutes", () => {
    const delays = Array.from({ length: 7 }, (_, index) => nextTry(claim(9), gone, index, 0.5)?.delayMs);
    expect(delays).toEqual([1_000, 4_000, 16_000, 64_000, 256_000, 300_000, 300_000]);
  });

  test.each([0, 1, 4, 49])("after %d retries is spread by a fifth to either side and no farther", (retries) => {
    const middle = nextTry(claim(9), gone, retries, 0.5)?.delayMs ?? 0;
    expect(nextTry(claim(9), gone, retries, 0)?.delayMs).toBe(middle * 0.8);
    expect(nextTry(claim(9), gone, retries, 1)?.delayMs).toBe(middle * 1.2);
    expect(nextTry(claim(9), gone, retries, 1)?.delayMs ?? 0).toBeLessThanOrEqual(MAX_RETRY_MS);
  });

  test("is over after the last attempt", () => {
    expect(nextTry(claim(2, 3), gone, 0, 0.5)).toMatchObject({ isCounted: true });
    expect(nextTry(claim(3, 3), gone, 0, 0.5)).toBeNull();
    expect(nextTry(claim(4, 3), gone, 0, 0.5)).toBeNull();
  });
});

describe("a pause that a server asks for", () => {
  test("is kept to the millisecond and costs no attempt, also at the last one", () => {
    expect(nextTry(claim(1, 1), asking(7_777), 0, 0.9)).toEqual({ delayMs: 7_777, isCounted: false });
  });

  test("is not longer than the longest", () => {
    expect(nextTry(claim(1), asking(86_400_000), 0, 0.5)).toEqual({ delayMs: MAX_RETRY_MS, isCounted: false });
  });

  test("is not asked for without end", () => {
    let maxAttempts = 3;
    let attempt = 1;
    // As the board counts: what does not count may be tried once more.
    for (; attempt < 1_000; attempt += 1) {
      const next = nextTry(claim(attempt, maxAttempts), asking(1), 0, 0.5);
      if (next === null) break;
      if (!next.isCounted) maxAttempts += 1;
    }
    expect(attempt).toBe(52);
  });

  test("after a fault of the job's own is not waited for", () => {
    expect(nextTry(claim(1), new AppError("code", "no", { retryAfterMs: 5 }), 0, 0.5)).toBeNull();
  });
});
