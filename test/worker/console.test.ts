// What a job prints: told as it comes, kept up to a limit, never cut inside a character.
import { expect, test } from "bun:test";
import type { JobEventBody } from "../../src/shared/types.ts";
import { createConsole } from "../../src/worker/console.ts";
import type { Report } from "../../src/worker/report.ts";

function listener() {
  const told: JobEventBody[] = [];
  const report: Report = {
    emit: (body) => void told.push(body),
    step: (_step, _title, work) => work(),
    progress: () => undefined,
    flush: () => Promise.resolve(),
  };
  return { told, report };
}

test("both streams are told, stdout alone is kept", () => {
  const { told, report } = listener();
  const console = createConsole(report, 100);
  console.write("stdout", "one\n");
  console.write("stderr", "oh\n");
  console.write("stdout", "two\n");
  expect(console.stdout()).toBe("one\ntwo\n");
  expect(told).toEqual([
    { kind: "output-delta", stream: "stdout", text: "one\n" },
    { kind: "output-delta", stream: "stderr", text: "oh\n" },
    { kind: "output-delta", stream: "stdout", text: "two\n" },
  ]);
});

test.each([
  [10, "0123456789", "0123456789"],
  [9, "0123456789", "012345678\n[output truncated: 1 bytes more]\n"],
  [5, "éééé", "éé\n[output truncated: 4 bytes more]\n"],
  [3, "😀", "\n[output truncated: 4 bytes more]\n"],
  [0, "x".repeat(1_234_567), "\n[output truncated: 1,234,567 bytes more]\n"],
])("of %d bytes it keeps whole characters of %p", (maxBytes, text, expected) => {
  const console = createConsole(null, maxBytes);
  console.write("stdout", text);
  expect(console.stdout()).toBe(expected);
});

test("stderr counts too, and after the first byte that was dropped nothing is kept or told", () => {
  const { told, report } = listener();
  const console = createConsole(report, 8);
  console.write("stderr", "12345");
  console.write("stdout", "éé");
  console.write("stdout", "z");
  expect(console.stdout()).toBe("é\n[output truncated: 3 bytes more]\n");
  expect(told.map((body) => (body.kind === "output-delta" ? body.text : ""))).toEqual(["12345", "é"]);
});
