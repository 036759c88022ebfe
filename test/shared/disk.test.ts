// Room on the disk: the floor, and the reserve that lets work end when there is none.
import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertDiskRoom, diskLowSentence, isDiskLow, openReserve, RESERVE_BYTES } from "../../src/shared/disk.ts";
import { AppError } from "../../src/shared/errors.ts";
import { FILL, onSmallDisk } from "./small_disk.ts";
import { temporaryFolder } from "./temporary.ts";

const MIB = 2 ** 20;
const EVERYTHING = Number.MAX_SAFE_INTEGER;
const placesIn = (home: string, minFreeBytes: number) => ({
  dataDir: join(home, "data"),
  storageDir: join(home, "storage"),
  minFreeBytes,
});

test("the floor is what must stay free, and without one nothing is too little", () => {
  using folder = temporaryFolder();
  expect(isDiskLow(placesIn(folder.path, 0))).toBe(false);
  expect(isDiskLow(placesIn(folder.path, EVERYTHING))).toBe(true);
});

test("below the floor the refusal says how much there is, how much there must be, and what helps", () => {
  using folder = temporaryFolder();
  expect(() => assertDiskRoom(placesIn(folder.path, 0))).not.toThrow();
  expect(() => assertDiskRoom(placesIn(folder.path, EVERYTHING))).toThrow(AppError);
  expect(diskLowSentence(placesIn(folder.path, 300 * MIB))).toMatch(
    /^Only [\d,]+ MiB are free on the disk and 300 MiB must stay free, .* lower SANDPIPER_MIN_FREE_MB\.$/,
  );
});

test("the reserve takes up real room, packs to nothing less, and is its owner's alone", async () => {
  using folder = temporaryFolder();
  expect(await openReserve(placesIn(folder.path, 0)).keep()).toBe(true);
  const file = join(folder.path, "data/reserve");
  const { size, blocks, mode } = statSync(file);
  expect([size, blocks * 512 >= RESERVE_BYTES, mode & 0o777]).toEqual([RESERVE_BYTES, true, 0o600]);
  const start = readFileSync(file).subarray(0, MIB);
  expect(Bun.gzipSync(start).byteLength).toBeGreaterThan(0.99 * MIB);
});

test("the reserve is given up once, and is worth one more try in each process", async () => {
  using folder = temporaryFolder();
  const places = placesIn(folder.path, 0);
  const core = openReserve(places);
  await core.keep();
  const worker = openReserve(places);
  expect([core.release(), existsSync(join(folder.path, "data/reserve"))]).toEqual([true, false]);
  expect(worker.release()).toBe(true);
  expect([core.release(), worker.release()]).toEqual([false, false]);
});

test("the reserve is made again when there is room, and one that was cut is replaced", async () => {
  using folder = temporaryFolder();
  const reserve = openReserve(placesIn(folder.path, 0));
  await reserve.keep();
  reserve.release();
  expect(await reserve.keep()).toBe(true);
  writeFileSync(join(folder.path, "data/reserve"), "cut");
  expect(openReserve(placesIn(folder.path, 0)).release()).toBe(false);
  expect(await reserve.keep()).toBe(true);
  expect(statSync(join(folder.path, "data/reserve")).size).toBe(RESERVE_BYTES);
});

test("two processes that make the reserve at once make one", async () => {
  using folder = temporaryFolder();
  const makers = Array.from({ length: 4 }, () => openReserve(placesIn(folder.path, 0)));
  const made = await Promise.all(makers.map((maker) => maker.keep()));
  expect(made).toContain(true);
  expect(statSync(join(folder.path, "data/reserve")).size).toBe(RESERVE_BYTES);
  expect(existsSync(join(folder.path, "data/reserve.part"))).toBe(false);
});

test("one that another process has made is worth a try, too", async () => {
  using folder = temporaryFolder();
  const earlier = openReserve(placesIn(folder.path, 0));
  await openReserve(placesIn(folder.path, 0)).keep();
  expect([earlier.release(), earlier.release()]).toEqual([true, false]);
});

const SMALL_DISK_PROGRAM = `
  import { existsSync } from "node:fs";
  import { openReserve } from "src/shared/disk.ts";
  import { openBoard } from "src/shared/db.ts";
  ${FILL}
  const [home, hasReserve] = process.argv.slice(1);
  const config = { dataDir: home + "/data", storageDir: home + "/storage", minFreeBytes: 0 };
  const reserve = openReserve(config);
  const board = openBoard(home + "/data/jobs.db", hasReserve === "yes" ? { onFull: reserve.release } : {});
  const add = (id) => board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES (?, 'chat')", id));
  await add("before");
  const kept = await reserve.keep();
  fill(home + "/others");
  const made = await reserve.keep();
  const words = [];
  for (const id of ["a", "b", "c"]) words.push(await add(id).then(() => "kept", () => "lost"));
  const deleted = await board.write((tx) => tx.run("DELETE FROM jobs WHERE id = 'before'")).then(() => "deleted", () => "full");
  const integrity = board.read((tx) => tx.get("PRAGMA integrity_check").integrity_check);
  console.log(JSON.stringify({ kept, made, words, deleted, integrity, left: existsSync(home + "/data/reserve") }));`;

test("on a full disk work goes on out of the reserve", async () => {
  using folder = temporaryFolder();
  const said = await onSmallDisk(folder.path, 32 * MIB, SMALL_DISK_PROGRAM, folder.path, "yes");
  expect(JSON.parse(said)).toEqual({
    kept: true,
    made: true,
    words: ["kept", "kept", "kept"],
    deleted: "deleted",
    integrity: "ok",
    left: false,
  });
});

test("on a full disk without it nothing can be written, not even a deletion; what is there stays sound", async () => {
  using folder = temporaryFolder();
  const said = await onSmallDisk(folder.path, 32 * MIB, SMALL_DISK_PROGRAM, folder.path, "no");
  expect(JSON.parse(said)).toMatchObject({
    words: ["lost", "lost", "lost"],
    deleted: "full",
    integrity: "ok",
    left: true,
  });
});

test("the floor is exact, and the reserve is made where it leaves room for that and as much again, nowhere else", async () => {
  using folder = temporaryFolder();
  const said = await onSmallDisk(
    folder.path,
    24 * MIB,
    `import { readdirSync } from "node:fs";
    import { freeBytes, isDiskLow, openReserve } from "src/shared/disk.ts";
    const home = process.argv[1];
    const places = (minFreeBytes) => ({ dataDir: home + "/data", storageDir: home + "/storage", minFreeBytes });
    const reserve = (minFreeBytes) => openReserve(places(minFreeBytes));
    const free = freeBytes(home);
    console.log(isDiskLow(places(free)), isDiskLow(places(free + 1)));
    const tight = await reserve(free - 2 * ${RESERVE_BYTES} + 1).keep();
    const left = readdirSync(home).length;
    console.log(freeBytes(home + "/not/yet/there") === free, tight, left, await reserve(free - 2 * ${RESERVE_BYTES}).keep());`,
    folder.path,
  );
  expect(said).toBe("false true\ntrue false 0 true");
});
