// A backup put back: all of it or nothing, with the old kept beside it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { watch } from "node:fs/promises";
import { z } from "zod";
import { join } from "node:path";
import { holdLock, openBoard } from "../../src/shared/db.ts";
import { decideSwaps, type Swap } from "../../src/shared/swap.ts";
import { onSmallDisk } from "../shared/small_disk.ts";
import { sqliteShell, temporaryFolder } from "../shared/temporary.ts";
import { put, stateOf, temporaryHome, type Home } from "./home.ts";
import { runVerb, startVerb } from "./verb.ts";

let saved: Home;
let state: ReturnType<typeof stateOf>;
let backup: string;

beforeAll(async () => {
  saved = await temporaryHome();
  backup = join(saved.path, "b.tar.gz");
  await runVerb("backup", saved.path, "b.tar.gz");
  state = stateOf(saved.path);
});
afterAll(() => saved[Symbol.dispose]());

/** Another Sandpiper, with other things in it. */
async function other(): Promise<Home> {
  const home = await temporaryHome(["other.txt"]);
  put(home.path, "data/token", "token of the other");
  put(home.path, "data/models.json", "keys of the other");
  put(home.path, "storage/temp/mine.csv", "of the other");
  return home;
}

const kept = (home: string): string[] =>
  readdirSync(home)
    .filter((name) => name.includes("before-restore"))
    .toSorted();

/** What was saved, with what is this machine's own. */
function expectSaved(home: string): void {
  const now = stateOf(home);
  expect(now.rows).toBe(state.rows);
  expect({ ...now.files, "temp/mine.csv": "" }).toEqual({ ...state.files, "temp/mine.csv": "" });
  expect(readFileSync(join(home, "storage/temp/mine.csv"), "utf8")).toBe("of the other");
  expect(readFileSync(join(home, "data/token"), "utf8")).toBe("token of the other");
  expect(readFileSync(join(home, "data/models.json"), "utf8")).toBe("keys of the other");
}

test("everything is as it was, under the worst of names; the old is beside it; the machine's own stays its own", async () => {
  using home = await other();
  const before = stateOf(home.path);
  const said = await runVerb("restore", home.path, backup);
  expect(said).toMatchObject({ code: 0, err: "" });
  expectSaved(home.path);
  const [data = "", storage = "", ...more] = kept(home.path);
  expect(more).toEqual([]);
  expect([data, storage]).toEqual([
    expect.stringMatching(/^data\.before-restore-\d{8}-\d{6}$/),
    expect.stringMatching(/^storage\.before-restore-\d{8}-\d{6}$/),
  ]);
  expect(said.out).toContain(`${data} and ${storage}`);
  expect(said.out).toContain("13 jobs, 0 conversations, 26 files");
  for (const [from, to] of [
    [data, "data"],
    [storage, "storage"],
  ] as const) {
    renameSync(join(home.path, to), join(home.path, `${to}.gone`));
    renameSync(join(home.path, from), join(home.path, to));
  }
  const back = stateOf(home.path);
  expect(back.rows).toBe(before.rows);
  expect({ ...back.files, "temp/mine.csv": "" }).toEqual({ ...before.files, "temp/mine.csv": "" });
});

test("a restored board goes on: jobs can be added, and their order goes on after the restored ones", async () => {
  using home = await other();
  await runVerb("restore", home.path, backup);
  const board = openBoard(join(home.path, "data/jobs.db"));
  await board.write((tx) => tx.run("INSERT INTO jobs (id, type) VALUES ('new', 'chat')"));
  const last = board.read((tx) => tx.get("SELECT job_id FROM job_run ORDER BY created_seq DESC LIMIT 1"));
  expect(last).toEqual({ job_id: "new" });
  board.close();
});

test("into a folder where nothing was it works as well, and a name alone is looked for in backups/", async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, "backups"));
  cpSync(backup, join(folder.path, "backups/b.tar.gz"));
  expect(await runVerb("restore", folder.path, "b.tar.gz")).toMatchObject({ code: 0, err: "" });
  expect(stateOf(folder.path).rows).toBe(state.rows);
  expect(readdirSync(folder.path).toSorted()).toEqual(["backups", "data", "storage"]);
});

test("twice in one second keeps both of the old ones", async () => {
  using home = await other();
  for (let count = 0; count < 2; count += 1) expect((await runVerb("restore", home.path, backup)).code).toBe(0);
  expect(kept(home.path)).toHaveLength(4);
  expectSaved(home.path);
});

test("a storage folder that is a link to another place stays one", async () => {
  using home = await other();
  using elsewhere = temporaryFolder();
  renameSync(join(home.path, "storage"), join(elsewhere.path, "big"));
  symlinkSync(join(elsewhere.path, "big"), join(home.path, "storage"));
  expect((await runVerb("restore", home.path, backup)).code).toBe(0);
  expect(readlinkSync(join(home.path, "storage"))).toBe(join(elsewhere.path, "big"));
  expect(readdirSync(elsewhere.path)).toHaveLength(2);
  expectSaved(home.path);
});

describe("nothing is changed when", () => {
  async function expectUntouched(home: Home, ...args: string[]): Promise<string> {
    const [names, before] = [readdirSync(home.path).toSorted(), stateOf(home.path)];
    const said = await runVerb("restore", home.path, ...args);
    expect(said.code).toBe(1);
    expect(readdirSync(home.path).toSorted()).toEqual(names);
    expect(stateOf(home.path)).toEqual(before);
    return said.err;
  }

  test("the backup is torn", async () => {
    using home = await other();
    writeFileSync(join(home.path, "torn.tar.gz"), readFileSync(backup).subarray(0, -20));
    expect(await expectUntouched(home, "torn.tar.gz")).toContain("Nothing was changed.");
  });

  test("there is no such file, or no file is named, or a folder is", async () => {
    using home = await other();
    expect(await expectUntouched(home, "nowhere.tar.gz")).toContain(
      `There is no file ${join(home.path, "nowhere.tar.gz")}`,
    );
    expect(await expectUntouched(home)).toContain("Which backup is to be put back?");
    expect(await expectUntouched(home, "data")).toContain("There is no file");
  });

  test("Sandpiper runs in this folder, whether it answers or not", async () => {
    using home = await other();
    const lock = holdLock(join(home.path, "data/core.lock"));
    expect(await expectUntouched(home, backup)).toContain("Sandpiper is running in this folder. Stop it");
    lock?.release();
    using server = runningServer(home);
    expect(await expectUntouched(home, backup)).toContain("Sandpiper is running in this folder. Stop it");
    server[Symbol.dispose]();
    expect((await runVerb("restore", home.path, backup)).code).toBe(0);
  });

  test("another restore is at it", async () => {
    using home = await other();
    const lock = holdLock(join(home.path, "restore.lock"));
    expect(await expectUntouched(home, backup)).toContain("A backup is being put back in this folder");
    lock?.release();
    expect((await runVerb("restore", home.path, backup)).code).toBe(0);
    expect(existsSync(join(home.path, "restore.lock"))).toBe(false);
  });

  test("the disk becomes full in the middle", async () => {
    using disk = temporaryFolder();
    const program = `
      import { cpSync, readdirSync, readFileSync } from "node:fs";
      import { restore } from "src/cli/restore.ts";
      const [home, old, backup] = process.argv.slice(1);
      process.env.SANDPIPER_HOME = process.env.INIT_CWD = home;
      cpSync(old + "/data", home + "/data", { recursive: true });
      cpSync(old + "/storage", home + "/storage", { recursive: true });
      console.log = () => undefined;
      const said = await restore([backup]).then(() => "done", (error) => error.message);
      const token = readFileSync(home + "/data/token", "utf8");
      process.stdout.write(JSON.stringify({ said, token, names: readdirSync(home).length }));`;
    using home = await other();
    const run = async (mebibytes: number): Promise<unknown> =>
      JSON.parse(await onSmallDisk(disk.path, mebibytes * 2 ** 20, program, disk.path, home.path, backup));
    // Who meets the end of the disk first, the unpacking or the board, depends on what is in the backup.
    const Said = z.object({
      said: z.string().regex(/^(There is not enough room on the disk|The disk is full).* Nothing was changed\.$/),
      token: z.literal("token of the other"),
      names: z.literal(2),
    });
    for (const mebibytes of [1.5, 2]) expect(Said.safeParse(await run(mebibytes)).error).toBeUndefined();
    expect(await run(16)).toEqual({ said: "done", token: "token of the other", names: 4 });
  });
});

/** What `npm start` leaves for others to find it by. */
function runningServer(home: Home): Disposable {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ app: "sandpiper" }) });
  put(home.path, "data/server.json", JSON.stringify({ port: server.port, pid: process.pid }));
  return { [Symbol.dispose]: () => void server.stop(true) };
}

describe("killed", () => {
  test("while it unpacks, the old is there and the next try begins anew", async () => {
    using home = await other();
    const before = stateOf(home.path);
    const seen = watch(home.path)[Symbol.asyncIterator]();
    const child = startVerb("restore", home.path, backup);
    for (let name: string | null = null; name !== "storage.restore";) name = (await seen.next()).value?.filename ?? "";
    child.kill("SIGKILL");
    await child.exited;
    expect(existsSync(join(home.path, "restore.json"))).toBe(false);
    expect(stateOf(home.path)).toEqual(before);
    expect((await runVerb("restore", home.path, backup)).code).toBe(0);
    expectSaved(home.path);
    expect(readdirSync(home.path).filter((name) => name.endsWith(".restore"))).toEqual([]);
  });

  test("after the decision, the next try finishes it and does not do it twice; another backup is put back after that", async () => {
    using home = await other();
    using copy = await other();
    await runVerb("restore", copy.path, backup);
    const swaps = ["data", "storage"].map((name): Swap => {
      renameSync(join(copy.path, name), join(home.path, `${name}.restore`));
      const target = join(home.path, name);
      const keep = name === "data" ? ["token"] : ["temp"];
      return { target, staged: `${target}.restore`, before: `${target}.before-restore-then`, keep };
    });
    decideSwaps(home.path, { source: backup, swaps });
    renameSync(join(home.path, "data"), join(home.path, "data.before-restore-then"));
    const said = await runVerb("restore", home.path, backup);
    expect(said).toMatchObject({ code: 0, err: "" });
    expect(said.out).toContain("The restore that was interrupted has been finished.");
    expect(kept(home.path)).toEqual(["data.before-restore-then", "storage.before-restore-then"]);
    expectSaved(home.path);
    expect(sqliteShell(join(home.path, "data.before-restore-then/jobs.db"), "SELECT count(*) FROM uploads")).toBe("1");
  });
});
