// Ids by their beginning, and who is before whom.
import { expect, test } from "bun:test";
import { jobsAhead, jobsBefore } from "../../src/shared/line.ts";
import { jobsNamed, shortId } from "../../src/shared/prefixes.ts";
import { claimOne } from "./claiming.ts";
import { addJob, temporaryBoard } from "./temporary.ts";

test("a job is found by the beginning of its id, and by the whole id first of all", async () => {
  using place = temporaryBoard();
  for (const id of ["job-1", "job-10", "jo%", "jo_b", "z\u{1F426}y"]) await addJob(place.board, id);
  const named = (prefix: string, limit = 9) => place.board.read((tx) => jobsNamed(tx, prefix, limit));
  expect(named("job-1")).toEqual(["job-1"]);
  expect(named("job-")).toEqual(["job-1", "job-10"]);
  expect(named("job-", 1)).toEqual(["job-1"]);
  expect(named("jo%")).toEqual(["jo%"]);
  expect(named("jo_")).toEqual(["jo_b"]);
  expect(named("z\u{1F426}")).toEqual(["z\u{1F426}y"]);
  expect(named("gone")).toEqual([]);
});

test("a short id is long enough to name one job, not shorter than eight, and whole where little is missing", async () => {
  using place = temporaryBoard();
  const ids = [
    "01900000-0000-7000-8000-000000000000",
    "01900000-0001-7000-8000-000000000000",
    "02900000-0001-7000-8000-000000000000",
    "nightly-1",
    `crowded-${"x".repeat(20)}\u{1F426}${"y".repeat(20)}`,
    `crowded-${"x".repeat(20)}\u{1F427}${"y".repeat(20)}`,
  ];
  for (const id of ids) await addJob(place.board, id);
  const short = ids.map((id) => place.board.read((tx) => shortId(tx, id)));
  expect(short.slice(0, 4)).toEqual(["01900000-0000", "01900000-0001", "02900000", "nightly-1"]);
  for (const [at, id] of ids.entries()) {
    expect(short[at]?.isWellFormed()).toBe(true);
    expect(place.board.read((tx) => jobsNamed(tx, short[at] ?? "", 2))).toEqual([id]);
  }
});

test("those before a ready job have more priority or came earlier", async () => {
  using place = temporaryBoard();
  for (const [id, priority] of [
    ["a", 0],
    ["b", 5],
    ["c", 0],
    ["d", 9],
  ] as const)
    await addJob(place.board, id, { priority });
  const before = () => ["a", "b", "c", "d"].map((id) => place.board.read((tx) => jobsBefore(tx, id)));
  expect(before()).toEqual([2, 1, 3, 0]);
  await claimOne(place);
  expect(before()).toEqual([1, 0, 2, 0]);
});

test("a waiting job is behind those of its own conversation that come first", async () => {
  using place = temporaryBoard();
  for (const [id, conversationId] of [
    ["a", "c"],
    ["x", "other"],
    ["b", "c"],
    ["d", "c"],
  ] as const)
    await addJob(place.board, id, { conversationId });
  const ahead = (id: string) => place.board.read((tx) => jobsAhead(tx, id)).map((run) => `${run.jobId} ${run.state}`);
  expect(ahead("d")).toEqual(["a ready", "b waiting"]);
  expect(ahead("b")).toEqual(["a ready"]);
  expect(ahead("a")).toEqual([]);
  await claimOne(place);
  expect(ahead("d")).toEqual(["a running", "b waiting"]);
});
