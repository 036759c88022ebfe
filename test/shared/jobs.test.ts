// Jobs as rows: put on the board, and read again.
import { expect, test } from "bun:test";
import { jobsOfConversation, listJobs } from "../../src/shared/jobs.ts";
import { addJob, temporaryBoard } from "./temporary.ts";

test("lists are newest first and page backwards; a conversation's are oldest first", async () => {
  using place = temporaryBoard();
  for (const id of ["a", "b", "c"]) await addJob(place.board, id, { conversationId: id === "b" ? null : "talk" });
  const ids = (limit: number, before?: string) =>
    place.board.read((tx) => listJobs(tx, limit, before === undefined ? {} : { before })).map((one) => one.id);
  expect(ids(2)).toEqual(["c", "b"]);
  expect(ids(9, "b")).toEqual(["a"]);
  expect(place.board.read((tx) => jobsOfConversation(tx, "talk")).map((one) => one.id)).toEqual(["a", "c"]);
});
