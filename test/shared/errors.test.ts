// What a person reads when something went wrong, and what they never read.
import { describe, expect, test } from "bun:test";
import { AppError, ERROR_CODES, systemCode, toAppError } from "../../src/shared/errors.ts";

describe("an AppError", () => {
  test("carries its code, its message and what belongs to it", () => {
    const cause = new Error("ECONNREFUSED");
    const error = new AppError("unavailable", "E2B does not answer.", {
      cause,
      detail: "Traceback",
      retryAfterMs: 500,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "AppError",
      code: "unavailable",
      message: "E2B does not answer.",
      cause,
      detail: "Traceback",
      retryAfterMs: 500,
    });
  });

  test("without a cause has none, not even an empty one", () => {
    expect("cause" in new AppError("internal", "It broke.")).toBe(false);
  });

  test("says where it was made", () => {
    expect(new AppError("internal", "It broke.").stack).toContain("errors.test.ts");
  });
});

describe("anything thrown", () => {
  test("that is one of ours stays the same object", () => {
    const error = new AppError("budget", "Today's budget is spent.");
    expect(toAppError(error)).toBe(error);
  });

  test.each([
    ["a foreign error", new TypeError("/root/.ssh/id_rsa is not readable")],
    ["a string", "secret text"],
    ["a plain object", { code: "budget", message: "looks like ours" }],
    ["null", null],
  ])("%s becomes internal, and its text is the cause only", (_name, thrown) => {
    const error = toAppError(thrown);
    expect(error.code).toBe("internal");
    expect(error.cause).toBe(thrown);
    expect(error.message).toBe("Something went wrong inside Sandpiper. The log has the details.");
    expect(error.detail).toBeUndefined();
  });

  test("nothing at all is an error too", () => {
    expect(toAppError(undefined).code).toBe("internal");
  });
});

test("an error of the system is known by its name, and others have none", () => {
  expect(systemCode(Object.assign(new Error("full"), { code: "ENOSPC" }))).toBe("ENOSPC");
  expect(systemCode(new Error("no"))).toBe("");
  expect(systemCode("ENOSPC")).toBe("");
});

test("codes are a public contract: lower case, one spelling each", () => {
  expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
  for (const code of ERROR_CODES) expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
});
