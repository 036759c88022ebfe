// The tar files that backups are: read by every tar program, and nothing but regular files come in.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readArchive } from "../../src/cli/archive.ts";
import { rejectionOf, temporaryFolder } from "../shared/temporary.ts";
import { archiveOf, headerOf, HOSTILE_NAMES, piecesOf, stream, tarOf, type Piece } from "./home.ts";

const piece = (name: string, body = name): Piece => ({ name, body: Buffer.from(body) });
const PIECES = [
  ...HOSTILE_NAMES.map((name) => piece(`folder/${name}`)),
  piece("empty", ""),
  piece("big", "x".repeat(70_000)),
];

async function read(bytes: Uint8Array, chunkBytes = bytes.byteLength): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < bytes.byteLength; from += chunkBytes) chunks.push(bytes.subarray(from, from + chunkBytes));
  const seen: string[] = [];
  for await (const { name, bytes: size, chunks: content } of readArchive(stream(...chunks))) {
    let count = 0;
    for await (const chunk of content) count += chunk.byteLength;
    expect(count).toBe(size);
    seen.push(name);
  }
  return seen;
}

test("what is written is read again, whatever the names and however the bytes come", async () => {
  expect(await piecesOf(await archiveOf(PIECES))).toEqual(
    PIECES.map(({ name, body }) => ({ name, body: Buffer.from(body) })),
  );
  const tar = await tarOf(PIECES);
  for (const chunkBytes of [1, 511, 513]) expect(await read(tar, chunkBytes)).toEqual(PIECES.map(({ name }) => name));
});

test("other programs read it", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "a.tar.gz");
  writeFileSync(file, await archiveOf(PIECES));
  mkdirSync(join(folder.path, "out"));
  const tar = Bun.spawnSync(["tar", "-xzf", file, "-C", join(folder.path, "out")]);
  expect(tar.exitCode).toBe(0);
  expect(readdirSync(join(folder.path, "out/folder")).toSorted()).toEqual(HOSTILE_NAMES.toSorted());
  for (const { name, body } of PIECES) expect(readFileSync(join(folder.path, "out", name))).toEqual(Buffer.from(body));
  const python = "import sys, tarfile, json; print(json.dumps([[m.name, m.size] for m in tarfile.open(sys.argv[1])]))";
  const listed: unknown = JSON.parse(Bun.spawnSync(["python3", "-c", python, file]).stdout.toString());
  expect(listed).toEqual(PIECES.map(({ name, body }) => [name, body.byteLength]));
});

const refusal = async (bytes: Uint8Array): Promise<string> => String(await rejectionOf(read(bytes)));

/** A file whose name and size are in records before it. */
async function withRecords(records: string): Promise<Buffer> {
  const block = Buffer.alloc(512);
  block.write(records);
  const file = await tarOf([piece("plain", "abc")]);
  return Buffer.concat([await headerOf("x", "records", "", Buffer.byteLength(records)), block, file]);
}

test("records say a name and a size", async () => {
  expect(await read(await withRecords("10 path=a\n9 size=3\n"))).toEqual(["a"]);
  expect(await read(await withRecords("9 size=3\n12 path=a=b\n"))).toEqual(["a=b"]);
});

describe("what is not ours is refused:", () => {
  test.each([
    ["a symbolic link", "2"],
    ["a hard link", "1"],
    ["a character device", "3"],
    ["a folder", "5"],
    ["a FIFO", "6"],
    ["GNU's long name", "L"],
    ["records for all", "g"],
    ["a sparse file", "S"],
  ])("%s", async (_what, kind) =>
    expect(await refusal(await headerOf(kind, "name", "/etc/passwd"))).toContain("“name” in it is not a regular file"),
  );

  test("what is cut off, at any place", async () => {
    const tar = await tarOf([piece("a", "x".repeat(600)), piece("ü".repeat(80))]);
    for (let end = 0; end <= tar.byteLength - 1_024; end += 1 + (end % 97))
      expect(await refusal(tar.subarray(0, end))).toContain("it is cut off");
  });

  test("a header that was changed", async () => {
    const tar = await tarOf([piece("name", "x")]);
    for (const place of [0, 100, 124, 150, 257, 345]) {
      const changed = Buffer.from(tar);
      changed[place] = (changed[place] ?? 0) ^ 1;
      expect(await refusal(changed)).toContain("This is not a whole backup");
    }
  });

  test.each([
    "",
    "10 path=a\n",
    "9 size=3\n",
    "5 path=a",
    "99999 path=a\n9 size=3\n",
    "x path=a\n9 size=3\n",
    "-7 path=a\n9 size=3\n",
    "1 path=a\n9 size=3\n",
    "10 path=a\n10 size=-3\n",
    "10 path=a\n12 size=1e99\n",
  ])("records that lie (%p)", async (records) =>
    expect(await refusal(await withRecords(records))).toContain("it is damaged"),
  );

  test("a file that says that it is endless", async () =>
    expect(await refusal(await withRecords("10 path=a\n23 size=99999999999999\n"))).toContain("it is cut off"));

  test("records that are longer than any name", async () =>
    expect(await refusal(await headerOf("x", "records", "", 2 ** 20))).toContain("too long"));

  test("anything else", async () =>
    expect(await refusal(Buffer.from("hello".repeat(200)))).toContain("not a tar archive"));
});
