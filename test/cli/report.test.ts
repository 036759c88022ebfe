// A report: what helps to find a fault, and nothing that anybody said.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/shared/config.ts";
import { openBoard } from "../../src/shared/db.ts";
import { createLog } from "../../src/shared/log.ts";
import { SETTINGS } from "../../src/shared/settings.ts";
import { sqliteShell, temporaryFolder } from "../shared/temporary.ts";
import { put, temporaryHome } from "./home.ts";
import { runVerbWith } from "./verb.ts";

const KEY = "e2b_0123456789abcdef0123456789abcdef01234567";
const CANARIES = [
  "what does my salary table say",
  "salaries-of-everyone.csv",
  "print('my own code')",
  "token-0123456789abcdef",
  "the answer that nobody else may read",
  "stranger-job-of-bob",
  "private-cloud.example",
  KEY,
  // Looks like the code of an error, which would stay.
  "KEY_OF_A_MODEL",
];

async function reportOf(
  home: string,
  environment: Record<string, string> = {},
): Promise<{ text: string; said: string }> {
  const said = await runVerbWith(environment, "report", home);
  if (said.code !== 0) throw new Error(said.err);
  const name = readdirSync(home).find((one) => /^sandpiper-report-\d{8}-\d{6}\.txt$/.test(one)) ?? "";
  expect(said.out).toContain(join(home, name));
  expect(statSync(join(home, name)).mode & 0o777).toBe(0o600);
  return { text: readFileSync(join(home, name), "utf8"), said: said.out };
}

async function plantedHome() {
  const [prompt = "", file = "", code = "", token = "", answer = "", id = "", cloud = "", key = "", ofModel = ""] =
    CANARIES;
  const home = await temporaryHome([file]);
  const board = openBoard(home.file);
  await board.write((tx) => {
    const failed = JSON.stringify({ text: answer, error: { code: "timeout", message: answer, detail: code } });
    const add =
      "INSERT INTO jobs (id, type, status, input_context, output_result, created_at) VALUES (?, ?, ?, ?, ?, 1)";
    tx.run(add, id, "chat", "failed", JSON.stringify({ prompt, code, files: [file] }), failed);
    tx.run(add, "open", `type of ${id}`, "pending", JSON.stringify({ prompt }), null);
    tx.run("INSERT INTO conversations VALUES ('c', ?, 1, 1)", prompt);
    tx.run("INSERT INTO messages VALUES ('m', 'c', 'user', 'web', 'm', ?, NULL, 1)", prompt);
  });
  board.close();
  put(home.path, "data/token", `${token}\n`);
  put(home.path, "data/models.json", JSON.stringify({ keys: { openai: ofModel } }));
  const lines: string[] = [];
  const log = createLog("worker", "debug", (line) => lines.push(line));
  log.error("job-broke", {
    job: id,
    prompt,
    error: Object.assign(new Error(`${answer} ${home.path}`), { code: "ENOSPC" }),
  });
  log.info("job-claimed", { url: `https://${cloud}/?token=${token}`, header: `Bearer ${key}` });
  log.error("model-broke", {
    code: ofModel,
    error: { name: "Error", code: ofModel, stack: `    at ${ofModel} (${home.path})` },
  });
  lines.push(`Traceback: ${code} ${file}`, `${token} ${key}`);
  put(home.path, "data/logs/worker.jsonl", `${lines.join("\n")}\n`);
  put(home.path, `data/logs/${file}`, prompt);
  return home;
}

test("nothing that was said, sent, answered, set or kept secret is in it, nor where it is", async () => {
  using home = await plantedHome();
  const { text } = await reportOf(home.path, {
    E2B_API_KEY: KEY,
    E2B_DOMAIN: "private-cloud.example",
    SANDPIPER_PORT: "4848",
    SANDPIPER_PYTHON: `${home.path}/python`,
    OTHER_SECRET: CANARIES[0] ?? "",
  });
  for (const canary of [...CANARIES, home.path, "before-restore", hostname()]) expect(text).not.toContain(canary);
  expect(text).toContain("E2B_API_KEY: set\n");
  expect(text).toContain("E2B_DOMAIN: set\n");
  expect(text).toContain("SANDPIPER_PYTHON: set\n");
  expect(text).toContain("SANDPIPER_PORT: 4848\n");
  expect(text).toContain("SANDPIPER_LOG: not set\n");
});

test("it holds versions, settings, numbers of the board, codes of errors and the logs", async () => {
  using home = await plantedHome();
  const { text, said } = await reportOf(home.path);
  for (const section of ["versions", "machine", "settings", "installation", "board", "logs"])
    expect(text).toContain(`[${section}]\n`);
  for (const fact of [
    `bun: ${Bun.version} (`,
    "integrity: sound",
    "jobs: done chat 1, failed chat 1, ready code_exec 1, ready other 1",
    "errors of the newest failed jobs: timeout 1",
    "rows that disagree: 0",
    "conversations 1, messages 1",
    "--- worker",
    '"event":"job-broke"',
    '"code":"ENOSPC"',
    "--- files besides these: 1",
  ])
    expect(text).toContain(fact);
  for (const { env } of SETTINGS.filter((setting) => !("internal" in setting))) expect(text).toContain(`${env}: `);
  expect(said).toContain("Nothing was sent to anybody. Read it before you pass it on");
  expect(text).not.toContain("could not be looked at");
});

test("where nothing was ever started there is a report all the same, and nothing is made by it", async () => {
  using folder = temporaryFolder();
  const { text } = await reportOf(folder.path);
  expect(text).toContain("[board]\nthere is none\n");
  expect(text).toContain("data: not there");
  expect(readdirSync(folder.path)).toHaveLength(1);
});

test("with settings that are refused it says which one, not what it was set to", async () => {
  using home = await plantedHome();
  const { text } = await reportOf(home.path, { SANDPIPER_PORT: "my secret port", SANDPIPER_LOG: "canary" });
  expect(text).toContain("all: refused: SANDPIPER_PORT\n");
  expect(text).toContain("SANDPIPER_PORT: set\n");
  expect(text).toContain("SANDPIPER_LOG: set\n");
  expect(text).toContain("integrity: sound");
  expect(text).not.toMatch(/my secret port|canary/);
  expect(() => loadConfig({ SANDPIPER_PORT: "my secret port" })).toThrow();
});

test("of a board that is damaged it tells that, and goes on", async () => {
  using home = await plantedHome();
  writeFileSync(home.file, "no board at all ".repeat(1_000));
  const { text } = await reportOf(home.path);
  expect(text).toContain("integrity: 1 problems");
  expect(text).toContain("[logs]\n--- worker");
});

test("of a long log only the last lines are in it", async () => {
  using home = await plantedHome();
  const lines = Array.from({ length: 1_000 }, (_, index) => JSON.stringify({ process: "core", event: "x-y", index }));
  put(home.path, "data/logs/core.jsonl", `${lines.join("\n")}\n`);
  const { text } = await reportOf(home.path);
  expect(text.match(/"event":"x-y"/g)).toHaveLength(200);
  expect(text).toContain('"index":999}');
  expect(text).not.toContain('"index":799}');
});

test("rows that disagree are counted", async () => {
  using home = await plantedHome();
  sqliteShell(home.file, "DROP TRIGGER jobs_au; UPDATE jobs SET status = 'completed' WHERE id = 'open'");
  expect((await reportOf(home.path)).text).toContain("rows that disagree: 1");
});
