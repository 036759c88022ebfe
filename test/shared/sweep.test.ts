// What no row names any more goes away, and nothing else does.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Board } from "../../src/shared/db.ts";
import { orphansOf, sweepStorage, YOUNG_MS } from "../../src/shared/sweep.ts";
import { addArtifact, addUpload, newId, storagePlace } from "./stored.ts";
import { pythonProgram, sqliteShell } from "./temporary.ts";

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

  test("leaves alone what another program's worker says came of a job, wherever it lies in storage", async () => {
    using here = storagePlace();
    const upload = newId();
    const named = ["outputs/f1/chart.png", "outputs/f1/deep/er/x.csv", "outputs/charts/of f1.png", `uploads/${upload}`];
    for (const path of [...named, "outputs/f1/unnamed.png", "outputs/f2/chart.png"]) here.put(path);
    const artifacts = JSON.stringify({ artifacts: [".", 7, null, ...named.map((path) => `./storage//${path}`)] });
    pythonProgram(
      here.file,
      `board.execute("INSERT INTO jobs VALUES ('f1', 'code_exec', 'pending', '{}', NULL, 0, 0)")
board.execute("UPDATE jobs SET status = 'running' WHERE id = 'f1'")
board.execute("UPDATE jobs SET status = 'completed', output_result = ? WHERE id = 'f1'", (${JSON.stringify(artifacts)},))`,
    );
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 2, bytes: 6, missing: [] });
    expect(filesOf(here.storage, ".")).toEqual(named.toSorted());
    sqliteShell(here.file, "DELETE FROM jobs");
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ files: 4 });
  });

  test("leaves alone what lies in the folder of a job that runs: its worker has not said yet what is to stay", async () => {
    using here = storagePlace();
    sqliteShell(here.file, "INSERT INTO jobs VALUES ('f1', 'code_exec', 'running', '{}', NULL, 0, 0)");
    here.put("outputs/f1/chart.png");
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ files: 0 });
    sqliteShell(here.file, "UPDATE jobs SET status = 'completed', output_result = '{}'");
    expect(await sweepStorage(here.board, here.storage, later())).toMatchObject({ files: 1 });
  });

  test.each([
    ["no JSON", '\'{"artifacts": ["storage/outputs/f1/chart.png"\''],
    ["bytes", "x'00ff'"],
    ["a number", "7"],
    ["a list", `'["storage/outputs/f1/chart.png"]'`],
    ["a climb", `'{"artifacts": ["storage/outputs/../../secret", "../storage/outputs/f1/chart.png"]}'`],
    ["an absolute path", `'{"artifacts": ["/storage/outputs/f1/chart.png", "/etc/passwd"]}'`],
    [
      "a name that is too long",
      `json_object('artifacts', json_array('storage/outputs/f1/chart.png' || hex(zeroblob(99999))))`,
    ],
    [
      "very many names",
      `(WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 100000)
        SELECT json_object('artifacts', json_group_array('storage/outputs/f1/' || v)) FROM n)`,
    ],
  ])("goes on where a result is %s", async (_what, result) => {
    using here = storagePlace();
    sqliteShell(here.file, `INSERT INTO jobs VALUES ('f1', 'code_exec', 'completed', '{}', ${result}, 0, 0)`);
    here.put("outputs/f1/chart.png");
    expect(await sweepStorage(here.board, here.storage, later())).toEqual({ files: 1, bytes: 3, missing: [] });
  });

  test("asks the jobs once, a few at a time, and only when something is in question", async () => {
    using here = storagePlace();
    const rows = Array.from({ length: 1_201 }, (_, at) => `('j${at}', 'chat', 'completed', '{}', '{}', 1, 1)`);
    sqliteShell(here.file, `INSERT INTO jobs VALUES ${rows.join(", ")}`);
    let reads = 0;
    const board: Board = {
      ...here.board,
      read: (unit) => {
        reads += 1;
        return here.board.read(unit);
      },
    };
    await sweepStorage(board, here.storage, later());
    const calm = reads;
    for (const name of ["a", "b", "c"]) here.put(`outputs/gone/${name}.txt`);
    await sweepStorage(board, here.storage, later());
    expect(calm).toBeLessThan(10);
    expect(reads).toBeGreaterThan(1_201 / 100);
    expect(reads).toBeLessThan(200);
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
