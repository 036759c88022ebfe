// docs/job_board.md is the contract for other programs: its examples are run as they stand there.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../src/shared/config.ts";
import { noShellReason, sql } from "./command.ts";
import { PATIENCE_MS, startSandpiper, type Sandpiper } from "./sandpiper.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const page = readFileSync(join(ROOT, "docs/job_board.md"), "utf8");
let sandpiper: Sandpiper;

beforeAll(async () => {
  sandpiper = await startSandpiper();
});
afterAll(() => sandpiper[Symbol.asyncDispose]());

function block(language: string): string {
  const found = page.split(`\`\`\`${language}\n`)[1]?.split("```")[0];
  if (found === undefined) throw new Error(`The page has no example in ${language}.`);
  return found;
}

async function output(argv: readonly string[]): Promise<string> {
  const child = Bun.spawn([...argv], { cwd: sandpiper.home, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text.trim();
}

test("the example in Python prints what the sandbox printed", async () => {
  expect(await output(["python3", "-c", block("python")])).toBe("completed hello from the sealed room");
});

test.skipIf(noShellReason !== "")("the example for SQLite's shell leaves a row that is done", async () => {
  const [insert = "", select = ""] = block("sh").trim().split("\n");
  await output(["sh", "-c", insert]);
  await sandpiper.follow("shell-1");
  expect(await output(["sh", "-c", select])).toBe("completed|42");
});

test("the table is the one that the page shows", async () => {
  const names = [...block("sql").matchAll(/^ {2}(\w+) +(TEXT|JSON|INTEGER)/gm)].map(([, name]) => name);
  const columns = await sql(sandpiper.home, "SELECT name FROM pragma_table_info('jobs')");
  expect(columns.map((column) => column["name"])).toEqual(names);
  expect(names).toHaveLength(7);
});
