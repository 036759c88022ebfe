// The jobs table as a public contract: a foreign program writes a row, and that is all it does.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { JobOutput } from "../../src/shared/types.ts";
import { noShellReason, sql } from "./command.ts";
import { PATIENCE_MS, startSandpiper, type Sandpiper } from "./sandpiper.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const SECRET = "the-number-is-4711";
let sandpiper: Sandpiper;

beforeAll(async () => {
  sandpiper = await startSandpiper();
});
afterAll(() => sandpiper[Symbol.asyncDispose]());

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

type Ended = { readonly status: string; readonly output: JobOutput };

async function insert(id: string, type: string, input: string): Promise<void> {
  const values = [id, type, "pending", input].map(quoted).join(", ");
  await sql(sandpiper.home, `INSERT INTO jobs (id,type,status,input_context,created_at) VALUES (${values},0)`);
}

/** The row as it ends, read by the same foreign program. */
async function ended(id: string): Promise<Ended> {
  await sandpiper.follow(id);
  const [row] = await sql(sandpiper.home, `SELECT status, output_result FROM jobs WHERE id = ${quoted(id)}`);
  return {
    status: String(row?.["status"]),
    output: JobOutput.parse(JSON.parse(String(row?.["output_result"]))),
  };
}

async function runRow(id: string, type: string, input: object | string): Promise<Ended> {
  await insert(id, type, typeof input === "string" ? input : JSON.stringify(input));
  return ended(id);
}

describe.skipIf(noShellReason !== "")("a row that the sqlite3 shell writes", () => {
  test("with code is run and holds what was printed", async () => {
    const { status, output } = await runRow("x1", "code_exec", '{"code":"print(6*7)"}');
    expect({ status, stdout: output.stdout, error: output.error }).toEqual({
      status: "completed",
      stdout: "42\n",
      error: undefined,
    });
  });

  test("with a file of storage/uploads becomes an overview whose artifacts exist", async () => {
    await Bun.write(join(sandpiper.home, "storage/uploads/data.csv"), "town,people\nA,10\nB,20\nC,35\n");
    const { status, output } = await runRow("x-overview", "code_exec", { files: ["data.csv"] });
    expect({ status, error: output.error }).toEqual({ status: "completed", error: undefined });
    expect(output.artifacts.length).toBeGreaterThan(0);
    for (const path of output.artifacts) {
      expect(path).toStartWith("storage/outputs/x-overview/");
      expect(existsSync(join(sandpiper.home, path))).toBe(true);
    }
  });

  test("with a file of storage/temp hands it to its code", async () => {
    await Bun.write(join(sandpiper.home, "storage/temp/temp data.csv"), "town,people\nA,10\n");
    const code = "print(open('temp data.csv').read())";
    const { status, output } = await runRow("x-temp", "code_exec", { files: ["temp data.csv"], code });
    expect({ status, stdout: output.stdout }).toEqual({ status: "completed", stdout: "town,people\nA,10\n\n" });
  });

  test("with all seven values in their order is taken too", async () => {
    await sql(sandpiper.home, `INSERT INTO jobs VALUES ('seven','code_exec','pending','{"code":"1+1"}',NULL,0,0)`);
    const { status, output } = await ended("seven");
    expect(status).toBe("completed");
    expect(output.text).toContain("2");
  });

  test("of type browser fails with a sentence", async () => {
    const { status, output } = await runRow("x-browser", "browser", { prompt: "open https://example.com" });
    expect(status).toBe("failed");
    expect(output.error?.message).toContain("can't open web pages");
  });

  test("of a type that is not known fails and names those that are", async () => {
    const { status, output } = await runRow("x-type", "teleport", { code: "print(1)" });
    expect(status).toBe("failed");
    expect(output.error?.message).toContain("no job type “teleport”");
    expect(output.error?.message).toContain("code_exec, browser, chat");
  });

  for (const [name, input] of [
    ["garbage", "{this is not json"],
    ["a list", "[1, 2]"],
    ["a number", "7"],
    ["null", "null"],
    ["code that is a number", '{"code": 7}'],
    ["files that are an object", '{"files": {"a": 1}}'],
  ] as const) {
    test(`whose input is ${name} fails and says what is wrong with input_context`, async () => {
      const { status, output } = await runRow(`x-${name}`, "code_exec", input);
      expect(status).toBe("failed");
      expect(output.error?.code).toBe("bad_request");
      expect(output.error?.message).toContain("input_context");
    });
  }

  test("without any input fails and says so", async () => {
    await sql(sandpiper.home, "INSERT INTO jobs (id,type,created_at) VALUES ('x-none','code_exec',0)");
    const { status, output } = await ended("x-none");
    expect(status).toBe("failed");
    expect(output.error?.message).toContain("input_context");
  });

  test("that points out of storage is refused and nothing is read", async () => {
    const outside = join(sandpiper.home, "secret.csv");
    await Bun.write(outside, `name,value\n${SECRET},1\nother,2\n`);
    const uploads = join(sandpiper.home, "storage/uploads");
    mkdirSync(uploads, { recursive: true });
    symlinkSync(outside, join(uploads, "link.csv"));
    symlinkSync(sandpiper.home, join(uploads, "folder"));
    const refused = {
      absolute: [outside, "outside the storage folder"],
      "dot-dot": ["../../secret.csv", "outside the storage folder"],
      "hidden-dot-dot": ["a/../../../secret.csv", "outside the storage folder"],
      symlink: ["link.csv", "symbolic link"],
      "behind-a-symlink": ["folder/secret.csv", "symbolic link"],
      folder: [".", "storage"],
    } as const;
    for (const [name, [file, reason]] of Object.entries(refused)) {
      const { status, output } = await runRow(`x-${name}`, "code_exec", { files: [file] });
      expect({ name, status }).toEqual({ name, status: "failed" });
      expect(output.error?.message).toContain(reason);
      expect(output.artifacts).toEqual([]);
    }
    const events = await sql(sandpiper.home, "SELECT count(*) AS found FROM job_events WHERE data LIKE '%4711%'");
    expect(events).toEqual([{ found: 0 }]);
  });

  test("that names a missing file is told which", async () => {
    const { status, output } = await runRow("x-missing", "code_exec", { files: ["nowhere.csv"] });
    expect(status).toBe("failed");
    expect(output.error?.message).toContain("“nowhere.csv” is not there");
  });

  test("whose id is a path keeps its artifacts inside storage/outputs", async () => {
    const { status, output } = await runRow("../../x", "code_exec", { code: "open('a.txt','w').write('a')" });
    expect(status).toBe("completed");
    expect(output.artifacts).toHaveLength(1);
    expect(output.artifacts[0]).toMatch(/^storage\/outputs\/[\da-f]+\/1-\w+\/a\.txt$/);
    expect(existsSync(join(sandpiper.home, output.artifacts[0] ?? ""))).toBe(true);
  });

  test("is set to failed by its author and is left alone", async () => {
    await insert("x-slow", "code_exec", '{"code":"import time; print(1, flush=True); time.sleep(60)"}');
    await sandpiper.follow("x-slow", (event) => event.kind === "output-delta");
    await sql(sandpiper.home, "UPDATE jobs SET status = 'failed' WHERE id = 'x-slow'");
    // The worker notices by its next heartbeat that the row is not its own any more; another job is not held up.
    expect((await runRow("x-after", "code_exec", { code: "print(2)" })).output.stdout).toBe("2\n");
    const [row] = await sql(sandpiper.home, "SELECT status FROM jobs WHERE id = 'x-slow'");
    expect(row?.["status"]).toBe("failed");
  });

  test("leaves a sound board behind", async () => {
    expect(await sql(sandpiper.home, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    const left = await sql(sandpiper.home, "SELECT id FROM jobs WHERE status IN ('pending','running')");
    expect(left).toEqual([]);
  });
});
