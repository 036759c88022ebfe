// A log line as a stranger may read it.
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { redactLine } from "../../src/cli/redact.ts";
import { createLog } from "../../src/shared/log.ts";

const ROOT = "/opt/sandpiper";
const CANARY = "canary";
const ID = "0190f5fe-7c00-7a00-8000-000000000000";

function logged(event: string, fields: object, process = "worker"): Record<string, unknown> {
  const lines: string[] = [];
  createLog(process, "debug", (line) => lines.push(line)).error(event, { ...fields });
  return z.record(z.string(), z.unknown()).parse(JSON.parse(redactLine(lines[0] ?? "", ROOT)));
}

test("what our programs say of themselves stays", () => {
  const line = logged("job-settled", {
    job: ID,
    attempt: 2,
    ms: 1_234,
    error: "timeout",
    sandbox: "local",
    type: "chat",
    isOurs: true,
    none: null,
  });
  expect(line).toMatchObject({
    process: "worker",
    level: "error",
    event: "job-settled",
    job: ID,
    attempt: 2,
    ms: 1_234,
    error: "timeout",
    sandbox: "local",
    type: "chat",
    isOurs: true,
    none: null,
  });
  expect(String(line["at"])).toMatch(/^\d{4}-/);
});

test("an error keeps its name, its code and its places in our source; its message goes", () => {
  const error = new TypeError(`cannot read ${CANARY}\n    at ${CANARY} (/home/${CANARY}/x.ts:1:2)`, {
    cause: Object.assign(new Error(CANARY), { code: "ENOENT", path: `/home/${CANARY}` }),
  });
  error.stack = `TypeError: ${error.message}
    at work (/opt/sandpiper/src/worker/run.ts:10:5)
    at async /opt/sandpiper/src/worker/worker.ts:3:1
    at ${CANARY} (/home/${CANARY}/thing.ts:1:2)
    at node:internal/process:1:2`;
  const line = logged("job-broke", { error });
  expect(line["error"]).toMatchObject({
    name: "TypeError",
    stack: ["at work (src/worker/run.ts:10:5)", "at ? (node:internal/process:1:2)"],
    cause: { name: "Error", code: "ENOENT" },
  });
  expect(JSON.stringify(line)).not.toContain(CANARY);
});

describe("nothing that anybody wrote comes through:", () => {
  test.each([
    ["a text in any field", { prompt: CANARY, text: CANARY, reason: CANARY, name: CANARY, detail: CANARY }],
    [
      "a word where one of ours is expected",
      { sandbox: CANARY, type: CANARY, state: CANARY, signal: CANARY, error: CANARY, code: CANARY },
    ],
    ["an id that is none", { job: CANARY, jobs: [CANARY, `${ID}-${CANARY}`] }],
    ["a path", { path: `/api/conversations/${CANARY}`, file: `/home/${CANARY}/a.csv` }],
    ["keys of what is inside", { counts: { [CANARY]: 1 } }],
    ["what is deep inside", { a: [{ cause: { errors: [{ message: CANARY, [CANARY]: CANARY }] } }] }],
    ["more than twenty", { jobs: Array.from({ length: 30 }, () => CANARY) }],
  ])("%s", (_what, fields) => expect(JSON.stringify(logged("job-broke", fields))).not.toContain(CANARY));

  test("numbers that people have", () => {
    const line = JSON.stringify(logged("message-sent", { chat: 4_915_112_345_678, phone: -79_261_234_567, ms: 12 }));
    expect(line).not.toMatch(/4915112345678|79261234567/);
    expect(line).toContain('"ms":12');
  });

  test.each([
    CANARY,
    `Traceback (most recent call last): ${CANARY}`,
    `  File "/home/${CANARY}/x.py", line 1, in ${CANARY}`,
    JSON.stringify({ event: "job-broke", [CANARY]: 1 }),
    JSON.stringify({ process: CANARY, event: "job-broke" }),
    JSON.stringify({ process: "worker", event: CANARY }),
    JSON.stringify({ process: "worker", event: `said-${CANARY} ${CANARY}` }),
    JSON.stringify({ process: "worker", event: "x-y", [`field ${CANARY}`]: 1 }),
    JSON.stringify([CANARY]),
    `    at work (/home/${CANARY}/x.ts:1:2)`,
    `    at work (/opt/sandpiper/../${CANARY}.ts:1:2)`,
    `    at work (/opt/sandpiper/what ${CANARY} said:1:2)`,
    `    at work (https://${CANARY}.example/x.ts:1:2)`,
  ])("the line %p", (line) => expect(redactLine(line, ROOT)).not.toContain(CANARY));
});

test("the trace of a program of ours that died without a log stays", () =>
  expect(redactLine("      at start (/opt/sandpiper/src/main.ts:1:2)", ROOT)).toBe("at start (src/main.ts:1:2)"));
