// What comes out of a sandbox: everything new, nothing old, and never more than was agreed.
import { describe, expect, test } from "bun:test";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../src/shared/errors.ts";
import { collect, snapshot, type Collected } from "../../src/worker/artifacts.ts";
import type { RunResult } from "../../src/worker/e2b_client.ts";
import { rejectionOf, temporaryFolder } from "../shared/temporary.ts";
import { fakeSandbox, type FakeSandbox } from "./fake_sandbox.ts";

const HOME = "/home/user";
const PNG = Buffer.concat([Buffer.from([0x89]), Buffer.from("PNG\r\n"), Buffer.from([0x1a, 0x0a])]).toString("base64");
const result = (...files: RunResult["files"]): RunResult => ({ isMain: true, text: null, files, chart: null });

const OUTPUTS = { jobId: "job", shownAs: "storage/outputs/job", maxBytes: 1_000, roomBytes: 1_000 };

type Place = {
  readonly folder: string;
  readonly gather: (
    sandbox: FakeSandbox,
    results?: readonly RunResult[],
    maxBytes?: number,
    roomBytes?: number,
  ) => Promise<Collected>;
};

function outputs(): Place & Disposable {
  const temporary = temporaryFolder();
  const folder = join(temporary.path, "out");
  return {
    folder,
    gather: (sandbox, results = [], maxBytes = 1_000, roomBytes = maxBytes) =>
      collect(sandbox, new Map(), results, { ...OUTPUTS, folder, maxBytes, roomBytes, names: new Set() }),
    [Symbol.dispose]: () => temporary[Symbol.dispose](),
  };
}
const named = (collected: Collected) => collected.artifacts.map((artifact) => artifact.name);

test("new and changed files come out, untouched and hidden ones do not", async () => {
  using place = outputs();
  const sandbox = fakeSandbox();
  const put = (name: string, content: string, modifiedAt = 1) =>
    sandbox.files.set(`${HOME}/${name}`, { content, modifiedAt });
  put("input.csv", "a");
  put("longer.csv", "a");
  put("touched.csv", "a");
  const before = await snapshot(sandbox);
  put("longer.csv", "ab");
  put("touched.csv", "b", 2);
  put("new.csv", "x,y\n");
  put("deep/er/new.txt", "n");
  put(".cache/fonts", "h");
  put("deep/.hidden/file", "h");
  const options = { ...OUTPUTS, folder: place.folder, names: new Set<string>() };
  const collected = await collect(sandbox, before, [], options);
  expect(named(collected)).toEqual(["longer.csv", "touched.csv", "new.csv", "new.txt"]);
  expect(collected.notes).toEqual([]);
  expect(collected.artifacts[2]).toMatchObject({
    jobId: "job",
    path: "storage/outputs/job/new.csv",
    mediaType: "text/csv",
    bytes: 4,
    sha256: new Bun.CryptoHasher("sha256").update("x,y\n").digest("hex"),
  });
  expect(readFileSync(join(place.folder, "new.csv"), "utf8")).toBe("x,y\n");
});

describe("a chart", () => {
  test("comes first, with its data, and its kind is found by its content", async () => {
    using place = outputs();
    const sandbox = fakeSandbox();
    sandbox.files.set(`${HOME}/graph.png`, { content: "saved by the code itself" });
    const chart = { type: "bar", title: "Rain", elements: [] };
    const { artifacts } = await place.gather(sandbox, [
      { ...result({ extension: "png", encoding: "base64", content: PNG }), chart },
      result({ extension: "png", encoding: "base64", content: PNG }),
      result({ extension: "svg", encoding: "utf8", content: "<svg></svg>" }),
    ]);
    expect(artifacts.map((artifact) => [artifact.name, artifact.mediaType, artifact.data])).toEqual([
      ["graph.png", "image/png", chart],
      ["graph-2.png", "image/png", undefined],
      ["graph.svg", "image/svg+xml", undefined],
      ["graph-3.png", "text/plain", undefined],
    ]);
  });

  test("whose data is huge comes without it", async () => {
    using place = outputs();
    const chart = { type: "bar", elements: "x".repeat(2 ** 20) };
    const one = { ...result({ extension: "png", encoding: "base64", content: PNG } as const), chart };
    const { artifacts } = await place.gather(fakeSandbox(), [one]);
    expect(artifacts.map((artifact) => artifact.data)).toEqual([undefined]);
  });
});

describe("names out of a sandbox", () => {
  test("never leave the job's folder and never take another's place", async () => {
    using place = outputs();
    const sandbox = fakeSandbox();
    for (const name of [
      "a/data.csv",
      "b/DATA.csv",
      "c/data.csv",
      "x\\..\\evil.csv",
      "\u202efdp.exe",
      "d/CON",
      "e/a.csv.part",
      "e/a.csv",
    ])
      sandbox.files.set(`${HOME}/${name}`, { content: name });
    const collected = await place.gather(sandbox);
    expect(named(collected)).toEqual([
      "data.csv",
      "DATA-2.csv",
      "data-3.csv",
      "evil.csv",
      "_fdp.exe",
      "file",
      "a.csv.part",
      "a.csv",
    ]);
    expect(readdirSync(place.folder).toSorted()).toEqual(named(collected).toSorted());
    expect(readFileSync(join(place.folder, "a.csv.part"), "utf8")).toBe("e/a.csv.part");
  });

  test("are two hundred at most, and the rest is said to be left behind", async () => {
    using place = outputs();
    const sandbox = fakeSandbox();
    for (let count = 0; count < 203; count += 1) sandbox.files.set(`${HOME}/${count}.txt`, { content: "" });
    const { artifacts, notes } = await place.gather(sandbox);
    expect(artifacts.length).toBe(200);
    expect(notes).toEqual(["3 more files were made and left behind."]);
  });
});

describe("too much", () => {
  test("is left behind with a note, and what is small enough still comes", async () => {
    using place = outputs();
    const sandbox = fakeSandbox();
    sandbox.files.set(`${HOME}/big.txt`, { content: "x".repeat(11) });
    sandbox.files.set(`${HOME}/small.txt`, { content: "x".repeat(6) });
    sandbox.files.set(`${HOME}/late.txt`, { content: "x".repeat(5) });
    sandbox.files.set(`${HOME}/last.txt`, { content: "x".repeat(4) });
    const collected = await place.gather(sandbox, [], 10);
    expect(named(collected)).toEqual(["small.txt", "last.txt"]);
    const tooLarge = "was left behind: it is larger than what one job may bring out.";
    expect(collected.notes).toEqual([`“big.txt” ${tooLarge}`, `“late.txt” ${tooLarge}`]);
    expect(readdirSync(place.folder).toSorted()).toEqual(["last.txt", "small.txt"]);
  });

  test("for all that is stored says that, and what helps, and not that the job is at fault", async () => {
    using place = outputs();
    const sandbox = fakeSandbox();
    for (const [name, bytes] of Object.entries({ small: 6, late: 5, huge: 13 }))
      sandbox.files.set(`${HOME}/${name}.txt`, { content: "x".repeat(bytes) });
    const collected = await place.gather(sandbox, [], 12, 8);
    expect(named(collected)).toEqual(["small.txt"]);
    expect(collected.notes).toEqual([
      expect.stringMatching(
        /^“late.txt” was left behind: there is no room for it.*Delete conversations.*SANDPIPER_STORAGE_GB/,
      ),
      "“huge.txt” was left behind: it is larger than what one job may bring out.",
    ]);
  });

  test("that was said to be little is noticed on its way", async () => {
    using place = outputs();
    const sandbox = fakeSandbox();
    sandbox.files.set(`${HOME}/liar.txt`, { content: "x".repeat(11), bytes: 1 });
    sandbox.files.set(`${HOME}/honest.txt`, { content: "x" });
    const collected = await place.gather(sandbox, [], 10);
    expect(named(collected)).toEqual(["honest.txt"]);
    expect(collected.notes.length).toBe(1);
    expect(readdirSync(place.folder)).toEqual(["honest.txt"]);
  });
});

test("a file that is listed but not given is left behind, and the others come", async () => {
  using place = outputs();
  const sandbox = fakeSandbox(undefined, (path) =>
    path.endsWith("ghost.txt")
      ? Promise.reject(new AppError("sandbox", "There is no such file."))
      : Promise.resolve(new Blob(["x"]).stream()),
  );
  sandbox.files.set(`${HOME}/ghost.txt`, { content: "x" });
  sandbox.files.set(`${HOME}/real.txt`, { content: "x" });
  const collected = await place.gather(sandbox);
  expect(named(collected)).toEqual(["real.txt"]);
  expect(collected.notes).toEqual(["“ghost.txt” was left behind: it could not be read from the sandbox."]);
});

test("a sandbox that goes away half-way is not taken for one that lies: what it said is told, and nothing is kept", async () => {
  using place = outputs();
  const gone = new AppError("sandbox", "The sandbox ended in the middle of the work. Try again.");
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => controller.error(gone);
  const sandbox = fakeSandbox(undefined, () => Promise.resolve(new ReadableStream<Uint8Array>({ pull })));
  sandbox.files.set(`${HOME}/a.txt`, { content: "x" });
  let lists = 0;
  const list: FakeSandbox["list"] = (...where) => {
    lists += 1;
    return lists === 1 ? sandbox.list(...where) : Promise.reject(gone);
  };
  expect(await rejectionOf(place.gather({ ...sandbox, list }))).toBe(gone);
  expect(readdirSync(place.folder)).toEqual([]);
});

test("a job that is stopped while it collects says that it was stopped", async () => {
  using place = outputs();
  const sandbox = fakeSandbox(undefined, () => Promise.reject(new AppError("cancelled", "You stopped this.")));
  sandbox.files.set(`${HOME}/a.txt`, { content: "x" });
  expect(await rejectionOf(place.gather(sandbox))).toMatchObject({ code: "cancelled" });
});
