// A backup: everything that the board names, in one file, while everything goes on.
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { Manifest } from "../../src/cli/manifest.ts";
import { openBoard, SCHEMA_VERSION } from "../../src/shared/db.ts";
import { insertUpload } from "../../src/shared/uploads.ts";
import { onSmallDisk } from "../shared/small_disk.ts";
import { sqliteShell, temporaryFolder } from "../shared/temporary.ts";
import { HOSTILE_NAMES, piecesOf, put, sha256, temporaryHome, type Piece } from "./home.ts";
import { runVerb, startVerb } from "./verb.ts";

const SECRETS = ["token of this machine", "key-in-the-settings", "key-of-a-model"];

async function contentOf(file: string): Promise<{ pieces: Piece[]; manifest: Manifest }> {
  const pieces = await piecesOf(readFileSync(file));
  expect(pieces.at(-1)?.name).toBe("manifest.json");
  return { pieces, manifest: Manifest.parse(JSON.parse(Buffer.from(pieces.at(-1)?.body ?? []).toString())) };
}

const backupsOf = (home: string): string[] => readdirSync(join(home, "backups"));

test("without a name it is a file in backups/ that only its owner can read, and nothing is left beside it", async () => {
  using home = await temporaryHome();
  const said = await runVerb("backup", home.path);
  expect(said).toMatchObject({ code: 0, err: "" });
  const [name = "", ...more] = backupsOf(home.path);
  expect(more).toEqual([]);
  expect(name).toMatch(/^sandpiper-backup-\d{8}-\d{6}\.tar\.gz$/);
  expect(statSync(join(home.path, "backups", name)).mode & 0o777).toBe(0o600);
  expect(said.out).toContain(join(home.path, "backups", name));
  expect(said.out).toContain("13 jobs, 0 conversations, 26 files");
  expect(said.out).toContain(`bun run restore ${name}`);
});

test("it holds the board and every file that a row names, each with its sum, and no secret", async () => {
  using home = await temporaryHome();
  put(home.path, ".env", `E2B_API_KEY=${SECRETS[1] ?? ""}`);
  put(home.path, "data/models.json", JSON.stringify({ keys: { openai: SECRETS[2] } }));
  put(home.path, "storage/uploads/0190f5fe-7c00-7a00-8000-000000000000.csv", "named by nobody");
  expect((await runVerb("backup", home.path, "all.tar.gz")).code).toBe(0);
  const { pieces, manifest } = await contentOf(join(home.path, "all.tar.gz"));
  expect(manifest).toMatchObject({ product: "sandpiper", schemaVersion: SCHEMA_VERSION, missing: [] });
  expect(manifest.files).toEqual(
    pieces.slice(0, -1).map(({ name, body }) => ({ path: name, bytes: body.byteLength, sha256: sha256(body) })),
  );
  const names = pieces.map(({ name }) => name);
  for (const [index, name] of HOSTILE_NAMES.entries()) expect(names).toContain(`storage/outputs/job-${index}/${name}`);
  expect(names).toEqual(expect.arrayContaining(["storage/uploads/sales 2026.csv", "storage/uploads/deep/er/x.csv"]));
  expect(names).toHaveLength(2 + 2 * HOSTILE_NAMES.length + 2);
  const whole = Buffer.concat(pieces.map(({ body }) => body)).toString("latin1");
  for (const secret of [...SECRETS, "named by nobody"]) expect(whole).not.toContain(secret);
});

test("what another program's worker says came of a job is in it and comes back, but nothing from elsewhere", async () => {
  using home = await temporaryHome(["a.txt"]);
  const mine = ["storage/outputs/f1/chart.png", "storage/outputs/f1/deep/x.csv", "storage/outputs/loose.txt"];
  for (const path of mine) put(home.path, path, path);
  const elsewhere = [
    "data/token",
    "storage/../data/token",
    "storage/temp/mine.csv",
    "../x",
    "/etc/passwd",
    "storage/outputs",
  ];
  const artifacts = [...mine, "./storage/outputs/f1/chart.png", ...elsewhere, "storage/outputs/f1/gone.png", 7];
  const result = JSON.stringify({ stdout: "", text: "", artifacts });
  sqliteShell(
    home.file,
    `INSERT INTO jobs VALUES ('f1', 'code_exec', 'completed', '{}', '${result}', 0, 0),
       ('f2', 'code_exec', 'completed', '{}', '{"artifacts":"text"}', 0, 0), ('f3', 'code_exec', 'completed', '{}', x'00', 0, 0)`,
  );
  expect(await runVerb("backup", home.path, "b.tar.gz")).toMatchObject({ code: 0, err: "" });
  const { pieces, manifest } = await contentOf(join(home.path, "b.tar.gz"));
  expect(manifest.missing).toEqual([]);
  const names = pieces.map(({ name }) => name);
  expect(names.slice(1, -1).filter((name) => !name.startsWith("storage/uploads/"))).toEqual([
    "storage/outputs/job-0/a.txt",
    ...mine,
  ]);
  rmSync(join(home.path, "storage"), { recursive: true });
  expect(await runVerb("restore", home.path, "b.tar.gz")).toMatchObject({ code: 0 });
  for (const path of mine) expect(readFileSync(join(home.path, path), "utf8")).toBe(path);
});

test("files that are gone, links, and rows that point elsewhere are told and are not in it", async () => {
  using home = await temporaryHome(["a.txt", "b.txt", "c.txt", "d.txt"]);
  rmSync(join(home.path, "storage/outputs/job-0/a.txt"));
  rmSync(join(home.path, "storage/outputs/job-1/b.txt"));
  symlinkSync(join(home.path, "data/token"), join(home.path, "storage/outputs/job-1/b.txt"));
  rmSync(join(home.path, "storage/outputs/job-2"), { recursive: true });
  mkdirSync(join(home.path, "elsewhere"));
  writeFileSync(join(home.path, "elsewhere/c.txt"), "token of this machine");
  symlinkSync(join(home.path, "elsewhere"), join(home.path, "storage/outputs/job-2"));
  sqliteShell(home.file, "UPDATE artifacts SET path = '../data/token' WHERE job_id = 'job-3'");
  const said = await runVerb("backup", home.path, "b.tar.gz");
  expect(said.code).toBe(0);
  const { pieces, manifest } = await contentOf(join(home.path, "b.tar.gz"));
  expect(manifest.missing).toEqual([
    { path: "../data/token", why: "not-a-file" },
    { path: "storage/outputs/job-0/a.txt", why: "gone" },
    { path: "storage/outputs/job-1/b.txt", why: "not-a-file" },
    { path: "storage/outputs/job-2/c.txt", why: "not-a-file" },
  ]);
  for (const { path } of manifest.missing) expect(said.out).toContain(path);
  expect(Buffer.concat(pieces.map(({ body }) => body)).toString("latin1")).not.toContain("token of this machine");
});

test("a folder is given a file, a file is never written over, and places that would go away with it are refused", async () => {
  using home = await temporaryHome(["a.txt"]);
  const run = (...args: string[]) => runVerb("backup", home.path, ...args);
  mkdirSync(join(home.path, "there"));
  expect((await run("there")).code).toBe(0);
  expect((await run("new/")).code).toBe(0);
  for (const folder of ["there", "new"])
    expect(readdirSync(join(home.path, folder))).toEqual([expect.stringMatching(/^sandpiper-backup-.*\.tar\.gz$/)]);
  put(home.path, "mine.tar.gz", "mine");
  expect((await run("mine.tar.gz")).err).toContain("conflict: ");
  expect(readFileSync(join(home.path, "mine.tar.gz"), "utf8")).toBe("mine");
  for (const place of ["data/b.tar.gz", "storage/uploads/b.tar.gz"])
    expect((await run(place)).err).toContain("would go away with it");
  expect((await run("a", "b")).err).toContain("One file or folder is enough");
});

test("where there is no board there is nothing to back up, and none is made", async () => {
  using home = temporaryFolder();
  expect((await runVerb("backup", home.path)).err).toContain("There is nothing to back up yet");
  expect(existsSync(join(home.path, "data"))).toBe(false);
});

describe("while others write,", () => {
  test("the board in it is one moment's, with every file that it names", async () => {
    using home = await temporaryHome(["a.txt"]);
    const board = openBoard(home.file);
    const state = { isDone: false, written: 0 };
    const writing = (async () => {
      for (; !state.isDone; state.written += 1) {
        const [id, body] = [`${Bun.randomUUIDv7()}.csv`, `row ${state.written}\n`.repeat(1_000)];
        put(home.path, `storage/uploads/${id}`, body);
        const facts = { mediaType: "text/csv", bytes: body.length, sha256: sha256(body) };
        await board.write((tx) => {
          tx.run(
            "INSERT INTO jobs (id, type, input_context) VALUES (?, 'chat', ?)",
            id,
            JSON.stringify({ files: [id] }),
          );
          insertUpload(tx, { id, name: "a", ...facts }, 1);
        });
        await Bun.sleep(0);
      }
    })();
    const said = await runVerb("backup", home.path, "b.tar.gz");
    state.isDone = true;
    await writing;
    board.close();
    expect(said).toMatchObject({ code: 0, err: "" });
    const { pieces, manifest } = await contentOf(join(home.path, "b.tar.gz"));
    expect(manifest.missing).toEqual([]);
    const copy = join(home.path, "copy.db");
    writeFileSync(copy, pieces[0]?.body ?? "");
    expect(sqliteShell(copy, "PRAGMA integrity_check")).toBe("ok");
    const sums = new Map(pieces.map(({ name, body }) => [name, createHash("sha256").update(body).digest("hex")]));
    const rows = sqliteShell(copy, "SELECT id || '|' || sha256 FROM uploads").split("\n");
    expect(rows.length).toBeGreaterThan(1);
    expect(state.written).toBeGreaterThan(rows.length - 2);
    for (const row of rows) {
      const [id = "", sum = ""] = row.split("|");
      expect(sums.get(`storage/uploads/${id}`)).toBe(sum);
    }
    expect(sqliteShell(copy, "SELECT count(*) FROM jobs WHERE id LIKE '%.csv'")).toBe(String(rows.length - 1));
  });
});

test("on a disk that becomes full it leaves nothing behind, and says so", async () => {
  using home = await temporaryHome(["a.txt", "b.txt"]);
  put(
    home.path,
    "storage/uploads/sales 2026.csv",
    Buffer.from(crypto.getRandomValues(new Uint8Array(8 * 2 ** 20))).toString("base64"),
  );
  using disk = temporaryFolder();
  const program = `
    import { readdirSync } from "node:fs";
    import { backup } from "src/cli/backup.ts";
    process.env.SANDPIPER_HOME = process.argv[1];
    process.env.INIT_CWD = process.argv[2];
    console.log = () => undefined;
    const said = await backup(["b.tar.gz"]).then(() => "done", (error) => error.message);
    process.stdout.write(JSON.stringify({ said, left: readdirSync(process.argv[2]) }));`;
  const small: unknown = JSON.parse(await onSmallDisk(disk.path, 4 * 2 ** 20, program, home.path, disk.path));
  expect(small).toEqual({ said: "There is not enough room on that disk. Nothing was kept.", left: [] });
  const large: unknown = JSON.parse(await onSmallDisk(disk.path, 32 * 2 ** 20, program, home.path, disk.path));
  expect(large).toEqual({ said: "done", left: ["b.tar.gz"] });
});

test("told to stop, it leaves nothing behind", async () => {
  using home = await temporaryHome(["a.txt"]);
  // Long enough to be told in the middle.
  for (const name of ["sales 2026.csv", "deep/er/x.csv"])
    writeFileSync(
      join(home.path, "storage/uploads", name),
      crypto
        .getRandomValues(new Uint8Array(2 ** 16))
        .toString()
        .repeat(400),
    );
  const seen = watch(home.path)[Symbol.asyncIterator]();
  const child = startVerb("backup", home.path, "b.tar.gz");
  for (let name: string | null = null; name !== "b.tar.gz.part";) name = (await seen.next()).value?.filename ?? "";
  child.kill("SIGINT");
  expect(await new Response(child.stderr).text()).toContain("Stopped. Nothing was kept.");
  expect(await child.exited).toBe(1);
  expect(readdirSync(home.path).toSorted()).toEqual(["data", "storage"]);
});

test("a pipe in the place of a file is not waited for", async () => {
  using home = await temporaryHome(["a.txt"]);
  const place = join(home.path, "storage/outputs/job-0/a.txt");
  rmSync(place);
  Bun.spawnSync(["mkfifo", place]);
  expect((await runVerb("backup", home.path, "b.tar.gz")).out).toContain(
    "! not in it (not-a-file): storage/outputs/job-0/a.txt",
  );
});

test("a board that is damaged is not passed off as a backup", async () => {
  using home = await temporaryHome(["a.txt"]);
  const bytes = readFileSync(home.file);
  bytes.fill(0xff, 4_096, bytes.byteLength - 4_096);
  writeFileSync(home.file, bytes);
  const said = await runVerb("backup", home.path, "b.tar.gz");
  expect(said.code).toBe(1);
  expect(said.err).toMatch(/damaged/);
  expect(readdirSync(home.path).filter((name) => /tar|part/.test(name))).toEqual([]);
});

test("a board that a restore would refuse is not backed up, and why is said", async () => {
  using home = await temporaryHome(["a.txt"]);
  sqliteShell(home.file, "CREATE TABLE theirs (a)");
  const said = await runVerb("backup", home.path, "b.tar.gz");
  expect(said.err).toStartWith("conflict: data/jobs.db has a table “theirs” that is not Sandpiper's");
  expect(said.code).toBe(1);
  expect(readdirSync(home.path).filter((name) => /tar|part/.test(name))).toEqual([]);
});

test("a folder that cannot be made is said to be one", async () => {
  using home = await temporaryHome(["a.txt"]);
  put(home.path, "file", "not a folder");
  expect(await runVerb("backup", home.path, "file/b.tar.gz")).toMatchObject({
    code: 1,
    err: "config: That folder cannot be written. Choose another.\n",
  });
});
