// What no row names any more goes away, and nothing else does.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { orphansOf, sweepStorage, YOUNG_MS } from "../../src/shared/sweep.ts";
import { addArtifact, addUpload, newId, storagePlace } from "./stored.ts";

/** When nothing is young any more. */
const later = () => Date.now() + YOUNG_MS + 1_000;

const filesOf = (storage: string, place: string): string[] =>
  readdirSync(join(storage, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(storage, place), join(entry.parentPath, entry.name)))
    .toSorted();

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("the sweep", () => {
  test("deletes old uploads, parts and results that no row names, and counts them", async () => {
    using here = storagePlace();
    const [kept, orphan] = [newId(), newId()];
    await addUpload(here, kept);
    await addArtifact(here, "storage/outputs/job-a/graph.png");
    await addArtifact(here, "storage/outputs/job-a/2-mgb2/graph.png");
    for (const path of [`uploads/${kept}`, "outputs/job-a/graph.png", "outputs/job-a/2-mgb2/graph.png"]) here.put(path);
    here.put(`uploads/${orphan}`, "12345");
    here.put(`uploads/.${newId()}.part`, "1");
    here.put("outputs/job-a/1-mgb1/.graph.png.part", "22");
    here.put("outputs/job-a/2-mgb2/late.txt", "4444");
    here.put("outputs/job-b/left.txt", "333");
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 5, bytes: 15, missing: [] });
    expect(readdirSync(join(here.storage, "uploads"))).toEqual([kept]);
    expect(filesOf(here.storage, "outputs")).toEqual(["job-a/2-mgb2/graph.png", "job-a/graph.png"]);
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 0, bytes: 0, missing: [] });
  });

  test("leaves alone what is young: its row may be on the way", async () => {
    using here = storagePlace();
    here.put(`uploads/${newId()}`);
    here.put("outputs/job/graph.png");
    expect(await collect(orphansOf(here.board, here.storage, Date.now() + YOUNG_MS - 5_000))).toEqual([]);
    expect(await collect(orphansOf(here.board, here.storage, later()))).toHaveLength(2);
  });

  test("takes a copy that brought an old date along for as young as it is", async () => {
    using here = storagePlace();
    utimesSync(join(here.storage, here.put(`uploads/${newId()}`)), new Date(1_000), new Date(1_000));
    expect(await collect(orphansOf(here.board, here.storage, Date.now()))).toEqual([]);
  });

  test("leaves alone what other programs put into storage, by name or because a job names it", async () => {
    using here = storagePlace();
    const named = newId();
    await here.board.write((tx) => {
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('a', 'chat', ?)", JSON.stringify({ files: [named] }));
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('b', 'chat', 'not json')");
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('c', 'chat', x'00')");
      tx.run("INSERT INTO jobs (id, type, input_context) VALUES ('d', 'chat', '{\"files\":\"text\"}')");
    });
    for (const path of [`uploads/${named}`, "uploads/sales.csv", "uploads/deep/x.csv", "temp/x.part", "notes.txt"])
      here.put(path);
    here.put("outputs/loose.txt");
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 0, bytes: 0, missing: [] });
    expect(readdirSync(join(here.storage, "uploads")).toSorted()).toEqual([named, "deep", "sales.csv"].toSorted());
  });

  test("never follows a link out of storage, and leaves the link", async () => {
    using here = storagePlace();
    const outside = join(here.folder, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, newId()), "precious");
    symlinkSync(outside, join(here.storage, "outputs/job"));
    symlinkSync(join(outside, readdirSync(outside)[0] ?? ""), join(here.storage, "uploads", newId()));
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ files: 0 });
    rmSync(join(here.storage, "uploads"), { recursive: true });
    symlinkSync(outside, join(here.storage, "uploads"));
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ files: 0 });
    expect(readdirSync(outside)).toHaveLength(1);
  });

  test("takes away the empty folders of attempts and of jobs that are gone, an hour later", async () => {
    using here = storagePlace();
    await here.board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('here', 'chat')"));
    const folders = ["gone", "here", "here/1-mgb1", "here/theirs"];
    for (const name of folders) mkdirSync(join(here.storage, "outputs", name));
    const left = () => readdirSync(join(here.storage, "outputs"), { recursive: true }).map(String).toSorted();
    await sweepStorage(here.board, here.storage, Date.now());
    expect(left()).toEqual(folders);
    await sweepStorage(here.board, here.storage, later());
    expect(left()).toEqual(["here", "here/theirs"]);
  });

  test("tells of rows whose bytes are gone, and leaves the rows", async () => {
    using here = storagePlace();
    const id = newId();
    await addUpload(here, id);
    await addArtifact(here, "storage/outputs/job/graph.png");
    await addArtifact(here, "../../etc/passwd");
    mkdirSync(join(here.storage, "outputs/job/graph.png"), { recursive: true });
    const missing = [`storage/uploads/${id}`, "../../etc/passwd", "storage/outputs/job/graph.png"];
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ missing });
    expect(here.value("SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM artifacts)")).toBe(3);
  });

  test("survives files and folders that vanish while it looks", async () => {
    using here = storagePlace();
    for (let count = 0; count < 20; count += 1) here.put(`outputs/job-${count}/a.txt`);
    let seen = 0;
    for await (const orphan of orphansOf(here.board, here.storage, later())) {
      seen += 1;
      if (seen === 1)
        for (let count = 0; count < 20; count += 1) removeUnless(here.storage, `job-${count}`, orphan.path);
    }
    expect(seen).toBe(1);
    rmSync(here.storage, { recursive: true });
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 0, bytes: 0, missing: [] });
  });
});

function removeUnless(storage: string, job: string, path: string): void {
  if (!path.startsWith(`outputs/${job}/`)) rmSync(join(storage, "outputs", job), { recursive: true });
}
