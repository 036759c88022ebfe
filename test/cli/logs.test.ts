// What the processes wrote, for people and for programs.
import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../shared/temporary.ts";
import { sandpiper } from "./command.ts";

const line = (second: number, process: string, event: string, fields: object = {}) =>
  JSON.stringify({ at: `2026-11-22T10:00:0${second}.000Z`, process, level: "info", event, ...fields });

function written(files: Record<string, readonly string[]>) {
  const folder = temporaryFolder();
  mkdirSync(join(folder.path, "data/logs"), { recursive: true });
  for (const [name, lines] of Object.entries(files))
    appendFileSync(join(folder.path, "data/logs", name), lines.map((one) => `${one}\n`).join(""));
  return folder;
}
const TWO = {
  "core.jsonl": [line(1, "core", "core-ready", { port: 1 }), line(3, "core", "late")],
  "worker.jsonl": [line(2, "worker", "worker-ready", { sandbox: "local" })],
};

test("lines of all processes come in the order of time", async () => {
  using folder = written(TWO);
  const { code, out } = await sandpiper(folder.path, "logs");
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    "10:00:01.000  core      INFO   core-ready  port=1",
    "10:00:02.000  worker    INFO   worker-ready  sandbox=local",
    "10:00:03.000  core      INFO   late",
    "",
  ]);
});

test("the last so many lines are the last, and none are none", async () => {
  using folder = written(TWO);
  const last = await sandpiper(folder.path, "logs", "--lines", "1", "--json");
  expect(last.out).toBe(`${line(3, "core", "late")}\n`);
  expect((await sandpiper(folder.path, "logs", "--lines", "0")).out).toBe("");
});

test("without logs there is nothing to say", async () => {
  using folder = temporaryFolder();
  expect(await sandpiper(folder.path, "logs")).toEqual({ code: 0, out: "", err: "" });
});

test("what somebody else wrote is shown as it is, and never steers the terminal", async () => {
  using folder = written({
    "sandboxd.jsonl": ["Traceback: \u001b[2J\u001b]0;owned\u0007", "not { json"],
    "worker.jsonl": [line(1, "worker", "job-broke", { text: "a\u001b[31m\nb", error: { stack: "x\ny" } })],
  });
  const { out } = await sandpiper(folder.path, "logs");
  expect(out).toContain("Traceback: ");
  expect(out).toContain("not { json");
  expect(out).toContain("job-broke");
  // oxlint-disable-next-line no-control-regex
  expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(out.trimEnd().split("\n").length).toBe(3);
});

test("a line that is still being written is left for later", async () => {
  using folder = written({ "core.jsonl": [line(1, "core", "whole")] });
  appendFileSync(join(folder.path, "data/logs/core.jsonl"), '{"at":"2026');
  expect((await sandpiper(folder.path, "logs", "--json")).out).toBe(`${line(1, "core", "whole")}\n`);
});
