// Any file may claim to be a backup: what is not whole, not ours or not safe changes nothing.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Manifest } from "../../src/cli/manifest.ts";
import { unpack } from "../../src/cli/unpack.ts";
import { AppError } from "../../src/shared/errors.ts";
import { onSmallDisk } from "../shared/small_disk.ts";
import { sqliteShell, temporaryFolder, rejectionOf } from "../shared/temporary.ts";
import { archiveOf, headerOf, piecesOf, sha256, tarOf, temporaryHome, type Home, type Piece } from "./home.ts";
import { runVerb } from "./verb.ts";

let home: Home;
let archive: Buffer;
let pieces: Piece[];

beforeAll(async () => {
  home = await temporaryHome(["graph.png", "two.csv"]);
  await runVerb("backup", home.path, "b.tar.gz");
  archive = readFileSync(join(home.path, "b.tar.gz"));
  pieces = await piecesOf(archive);
});
afterAll(() => home[Symbol.dispose]());

async function open(bytes: Uint8Array): Promise<{ manifest: Manifest; path: string } & Disposable> {
  const folder = temporaryFolder();
  const file = join(folder.path, "b.tar.gz");
  writeFileSync(file, bytes);
  const room = { data: join(folder.path, "room/data"), storage: join(folder.path, "room/storage") };
  const manifest = await unpack(file, room, new AbortController().signal);
  return { manifest, path: join(folder.path, "room"), [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** The code and the sentence of the refusal. */
async function refusal(bytes: Uint8Array): Promise<string> {
  const error = await rejectionOf(open(bytes));
  if (!(error instanceof AppError)) throw error;
  expect(error.message).toEndWith(". Nothing was changed.");
  return `${error.code}: ${error.message}`;
}

/** Null where gzip itself finds the damage. */
function unpacked(bytes: Uint8Array): Buffer | null {
  try {
    return gunzipSync(bytes);
  } catch {
    return null;
  }
}

const manifestOf = (parts: readonly Piece[]): Manifest =>
  Manifest.parse(JSON.parse(Buffer.from(parts.at(-1)?.body ?? []).toString()));
const asPiece = (manifest: unknown): Piece => ({ name: "manifest.json", body: Buffer.from(JSON.stringify(manifest)) });
/** The same backup with one more file, on its list of contents or not. */
function withFile(name: string, isListed = true): Promise<Uint8Array> {
  const body = Buffer.from("evil");
  const manifest = manifestOf(pieces);
  const files = [...manifest.files, { path: name, bytes: body.byteLength, sha256: sha256(body) }];
  return archiveOf([...pieces.slice(0, -1), { name, body }, asPiece(isListed ? { ...manifest, files } : manifest)]);
}

test("what was backed up is there again, readable by its owner alone, and the board is sound", async () => {
  using room = await open(archive);
  for (const { name, body } of pieces.slice(1, -1))
    expect(readFileSync(join(room.path, name))).toEqual(Buffer.from(body));
  expect(sqliteShell(join(room.path, "data/jobs.db"), "PRAGMA integrity_check", "SELECT count(*) FROM jobs")).toBe(
    "ok\n3",
  );
  expect(readdirSync(join(room.path, "data"))).toEqual(["jobs.db"]);
  for (const name of ["data", "data/jobs.db", "storage", "storage/uploads", "storage/outputs/job-0/graph.png"])
    expect(lstatSync(join(room.path, name)).mode & 0o077).toBe(0);
});

describe("a torn backup is refused:", () => {
  test("cut off anywhere", async () => {
    for (const share of [0, 0.001, 0.1, 0.5, 0.9, 0.999])
      expect(await refusal(archive.subarray(0, Math.floor(archive.byteLength * share)))).toStartWith(
        "unsupported: This is not a whole backup",
      );
    expect(await refusal(archive.subarray(0, -1))).toStartWith("unsupported: ");
  });

  test("one bit flipped anywhere, unless it means nothing", async () => {
    const content = gunzipSync(archive);
    for (let place = 0; place < archive.byteLength; place += Math.ceil(archive.byteLength / 40)) {
      const flipped = Buffer.from(archive);
      flipped[place] = (flipped[place] ?? 0) ^ 0x10;
      if (unpacked(flipped)?.equals(content) === true) continue;
      expect(await refusal(flipped)).toStartWith("unsupported: This is not a whole backup");
    }
  });

  test("one bit of one file flipped before it was packed", async () => {
    for (const index of pieces.keys()) {
      if (index === pieces.length - 1 || pieces[index]?.body.byteLength === 0) continue;
      const changed = pieces.map(({ name, body }) => ({ name, body: Buffer.from(body) }));
      const body = changed[index]?.body ?? Buffer.alloc(1);
      body[body.byteLength - 1] = (body[body.byteLength - 1] ?? 0) ^ 1;
      expect(await refusal(await archiveOf(changed))).toContain(`“${pieces[index]?.name ?? ""}” in it is damaged`);
    }
  });

  test("a file or the list of contents missing", async () => {
    for (const index of pieces.keys()) {
      const name = pieces[index]?.name ?? "";
      const said = await refusal(await archiveOf(pieces.filter((_, other) => other !== index)));
      expect(said).toContain(
        name === "manifest.json" ? "its list of contents is missing" : `“${name}” is missing in it`,
      );
    }
  });

  test("a file that a row names is neither in it nor known to be gone", async () => {
    const manifest = manifestOf(pieces);
    const path = "storage/outputs/job-0/graph.png";
    const less = { ...manifest, files: manifest.files.filter((file) => file.path !== path) };
    const rest = pieces.slice(0, -1).filter(({ name }) => name !== path);
    expect(await refusal(await archiveOf([...rest, asPiece(less)]))).toContain(`“${path}” is missing in it`);
    using room = await open(await archiveOf([...rest, asPiece({ ...less, missing: [{ path, why: "gone" }] })]));
    expect(existsSync(join(room.path, path))).toBe(false);
  });

  test("something else altogether", async () => {
    for (const bytes of [
      "",
      "hello",
      gzipSync("hello"),
      gzipSync(""),
      gzipSync(Buffer.alloc(1_024)),
      gunzipSync(archive),
    ])
      expect(await refusal(Buffer.from(bytes))).toStartWith("unsupported: This is not a whole backup");
  });
});

describe("a backup made to do harm is refused:", () => {
  test.each([
    "../evil",
    "storage/uploads/../../../evil",
    "storage/outputs/../../evil",
    "storage/outputs/job/../../../evil",
    "/tmp/evil",
    "data/token",
    "data/jobs.db-wal",
    "data/../.env",
    ".env",
    "storage/temp/evil",
    "storage/uploads/.",
    "storage/uploads/..",
    "storage/uploads//evil",
    "storage\\uploads\\evil",
    "evil\0",
    "",
  ])("a file with the name %p, listed or not", async (name) => {
    for (const isListed of [true, false])
      expect(await refusal(await withFile(name, isListed))).toMatch(/does not belong into a backup|not a whole backup/);
    expect(existsSync("/tmp/evil")).toBe(false);
  });

  test.each([
    ["a symbolic link", "2"],
    ["a hard link", "1"],
    ["a folder", "5"],
    ["a device", "4"],
  ])("%s, before a file that is to be written through it", async (_what, kind) => {
    const link = await headerOf(kind, "storage/uploads/link", "/tmp");
    const rest = await tarOf([{ name: "storage/uploads/link/evil", body: Buffer.from("evil") }, ...pieces]);
    expect(await refusal(gzipSync(Buffer.concat([link, rest])))).toContain("is not a regular file");
    expect(existsSync("/tmp/evil")).toBe(false);
  });

  test("the same name twice, or a file where there is a folder", async () => {
    const [board, ...others] = pieces;
    expect(await refusal(await archiveOf([...(board === undefined ? [] : [board, board]), ...others]))).toContain(
      "one name",
    );
    expect(await refusal(await withFile("storage/uploads/sales 2026.csv/evil"))).toContain("one name");
    expect(await refusal(await withFile("storage/outputs/job-0"))).toContain("one name");
  });

  test("a file that is not on the list of contents", async () =>
    expect(await refusal(await withFile("storage/uploads/extra.csv", false))).toContain(
      "is not on its list of contents",
    ));

  test("a file that says it is larger than the disk", async () => {
    const header = await headerOf("0", "storage/uploads/huge", "", 8 ** 11 - 1);
    expect(await refusal(gzipSync(header))).toMatch(/not enough room|cut off/);
  });

  test("a list of contents of another product, or of a later form", async () => {
    const manifest = manifestOf(pieces);
    for (const other of [{}, null, [], { ...manifest, product: "other" }, { ...manifest, format: 2 }])
      expect(await refusal(await archiveOf([...pieces.slice(0, -1), asPiece(other)]))).toContain(
        "not one that this Sandpiper knows",
      );
  });
});

/** The same backup with another board. */
async function withBoard(change: (file: string) => void, extra: Partial<Manifest> = {}): Promise<Uint8Array> {
  using folder = temporaryFolder();
  const file = join(folder.path, "jobs.db");
  writeFileSync(file, pieces[0]?.body ?? "");
  change(file);
  const body = readFileSync(file);
  const manifest = manifestOf(pieces);
  const board = { path: "data/jobs.db", bytes: body.byteLength, sha256: sha256(body) };
  const listed = asPiece({ ...manifest, ...extra, files: [board, ...manifest.files.slice(1)] });
  return archiveOf([{ name: "data/jobs.db", body }, ...pieces.slice(1, -1), listed]);
}

describe("a backup whose board", () => {
  test("is of a newer Sandpiper is refused with what helps", async () => {
    const newer = await withBoard(() => undefined, { schemaVersion: 99, version: "9.9.9" });
    expect(await refusal(newer)).toContain(
      "config: It was made by Sandpiper 9.9.9, which is newer. Update this one first.",
    );
    const liar = await withBoard((file) => sqliteShell(file, "PRAGMA user_version = 99"));
    expect(await refusal(liar)).toContain("the board in it cannot be opened");
  });

  test("is no board, is damaged, or lacks a part is refused", async () => {
    expect(await refusal(await withBoard((file) => writeFileSync(file, "hello ".repeat(2_000))))).toContain(
      "the board in it",
    );
    const torn = (file: string) => {
      const bytes = readFileSync(file);
      bytes.fill(0xff, bytes.byteLength / 2, bytes.byteLength / 2 + 8_192);
      writeFileSync(file, bytes);
    };
    expect(await refusal(await withBoard(torn))).toMatch(/the board in it (is damaged|cannot be opened)/);
    const lame = await withBoard((file) => sqliteShell(file, "DROP TRIGGER jobs_ai"));
    expect(await refusal(lame)).toContain("the board in it has no trigger jobs_ai");
    const empty = await refusal(await withBoard((file) => writeFileSync(file, "")));
    expect(empty).toContain("the board in it is not the one that its list of contents tells of");
  });

  test.each([
    ["a trigger “evil”", "CREATE TRIGGER evil AFTER INSERT ON messages BEGIN DELETE FROM messages; END"],
    ["a table “evil”", "CREATE TABLE evil (a)"],
    ["an index “evil”", "CREATE UNIQUE INDEX evil ON jobs (type, id)"],
    ["a view “evil”", "CREATE VIEW evil AS SELECT * FROM jobs"],
    [
      "another trigger jobs_bu",
      "DROP TRIGGER jobs_bu; CREATE TRIGGER jobs_bu BEFORE UPDATE ON jobs BEGIN SELECT 1; END",
    ],
    ["another table pairings", "ALTER TABLE pairings ADD COLUMN evil TEXT"],
  ])("has %s that ours has not is refused", async (what, sql) => {
    expect(await refusal(await withBoard((file) => sqliteShell(file, sql)))).toContain(`the board in it has ${what}`);
  });

  test("was analysed is taken as it is", async () => {
    using room = await open(await withBoard((file) => sqliteShell(file, "ANALYZE")));
    expect(room.manifest.counts.jobs).toBe(3);
  });

  test("names files outside of storage loses those rows", async () => {
    const astray =
      "UPDATE artifacts SET path = '../../' || path WHERE job_id = 'job-0'; UPDATE artifacts SET path = '/etc/passwd' WHERE job_id = 'job-1'";
    using room = await open(await withBoard((file) => sqliteShell(file, astray)));
    expect(sqliteShell(join(room.path, "data/jobs.db"), "SELECT count(*) FROM artifacts")).toBe("0");
  });

  test("was left behind with broken references by other programs is taken as it is", async () => {
    using room = await open(
      await withBoard((file) =>
        sqliteShell(file, "DELETE FROM jobs WHERE id = 'x'; INSERT INTO message_uploads VALUES ('gone', 0, 'gone')"),
      ),
    );
    expect(room.manifest.counts.jobs).toBe(3);
  });
});

test("what could not be read when the backup was made is not put back as zeros", async () => {
  const manifest = manifestOf(pieces);
  const path = "storage/outputs/job-1/two.csv";
  const zeros = pieces
    .slice(0, -1)
    .map((one) => (one.name === path ? { name: path, body: Buffer.alloc(one.body.byteLength) } : one));
  const files = manifest.files.filter((file) => file.path !== path);
  using room = await open(
    await archiveOf([...zeros, asPiece({ ...manifest, files, missing: [{ path, why: "unreadable" }] })]),
  );
  expect(existsSync(join(room.path, path))).toBe(false);
});

test("on a disk that becomes full in the middle it says so", async () => {
  using folder = temporaryFolder();
  const file = join(home.path, "b.tar.gz");
  const program = `
    import { unpack } from "src/cli/unpack.ts";
    const [file, place] = process.argv.slice(1);
    const room = { data: place + "/room/data", storage: place + "/room/storage" };
    console.log(await unpack(file, room, new AbortController().signal).then(() => "done", (error) => error.message));`;
  const said = (bytes: number) => onSmallDisk(folder.path, bytes, program, file, folder.path);
  const room = "There is not enough room on the disk for what is in the backup. Nothing was changed.";
  for (const bytes of [64 * 1_024, 300 * 1_024, 900 * 1_024]) expect(await said(bytes)).toBe(room);
  expect(await said(8 * 2 ** 20)).toBe("done");
});
