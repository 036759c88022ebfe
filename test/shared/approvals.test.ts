// What a person allows is bound to what they were shown, counts once, and not for ever.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  approvalsOfJob,
  canonicalJson,
  decideApproval,
  requestApproval,
  useApproval,
} from "../../src/shared/approvals.ts";
import { readJob } from "../../src/shared/jobs.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "./temporary.ts";

const NOW = 1_000_000;
const DAY_MS = 86_400_000;
const WISH = { kind: "connect", title: "Connect?", subject: { hosts: ["example.com"], files: ["a.csv"] } };

async function asked(place: TemporaryBoard, jobId = "job", conversationId: string | null = "talk") {
  await addJob(place.board, jobId, { conversationId, input: { prompt: "look", files: ["a.csv"] } });
  return await requestApproval(place.board, { jobId, conversationId, attempt: 1 }, WISH, NOW);
}

/** The job that goes on. */
async function approve(place: TemporaryBoard, id: string, sha256: string): Promise<string> {
  const decided = await decideApproval(place.board, id, sha256, "approved", NOW);
  return decided.outcome === "decided" ? (decided.jobId ?? "") : "";
}

test("canonical JSON is the same for the same value and another for another", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: undefined })).toBe('{"b":[1,{"c":"x","d":null}]}');
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      const same = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
      expect(canonicalJson(one) === canonicalJson(other)).toBe(same);
    }),
  );
});

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, sorted(v)]),
        )
      : value;

describe("a yes", () => {
  test("makes a job of the same conversation that carries it, and its files", async () => {
    using place = temporaryBoard();
    const { id, sha256 } = await asked(place);
    const decided = await decideApproval(place.board, id, sha256, "approved", NOW);
    const jobId = decided.outcome === "decided" ? (decided.jobId ?? "") : "";
    const job = place.board.read((tx) => readJob(tx, jobId));
    expect(job).toMatchObject({
      conversationId: "talk",
      input: { approval: id, files: ["a.csv"], prompt: "Yes: Connect?" },
    });
    expect(await decideApproval(place.board, id, sha256, "approved", NOW)).toEqual({ outcome: "known" });
    expect(await useApproval(place.board, id, jobId, NOW)).toMatchObject({ id, usedBy: jobId, subject: WISH.subject });
    // A second attempt of the same job goes on with it; nobody else does.
    expect(await useApproval(place.board, id, jobId, NOW)).not.toBeNull();
    await addJob(place.board, "other", { conversationId: "talk" });
    expect(await useApproval(place.board, id, "other", NOW)).toBeNull();
  });

  test("to something else, to nothing, or too late is none", async () => {
    using place = temporaryBoard();
    const { id, sha256 } = await asked(place);
    expect(await decideApproval(place.board, "none", sha256, "approved", NOW)).toEqual({ outcome: "unknown" });
    expect(await decideApproval(place.board, id, "0".repeat(64), "approved", NOW)).toEqual({ outcome: "changed" });
    expect(await decideApproval(place.board, id, sha256, "approved", NOW + DAY_MS)).toEqual({ outcome: "expired" });
    expect(place.board.read((tx) => approvalsOfJob(tx, "job"))).toMatchObject([{ id, decision: null }]);
  });

  test("cannot be used before it is given, by another job, or a day later", async () => {
    using place = temporaryBoard();
    const { id, sha256 } = await asked(place);
    await addJob(place.board, "same", { conversationId: "talk" });
    await addJob(place.board, "elsewhere", { conversationId: "other talk" });
    expect(await useApproval(place.board, id, "same", NOW)).toBeNull();
    const goesOn = await approve(place, id, sha256);
    expect(await useApproval(place.board, id, "same", NOW)).toBeNull();
    expect(await useApproval(place.board, id, "elsewhere", NOW)).toBeNull();
    expect(await useApproval(place.board, id, "nobody", NOW)).toBeNull();
    expect(await useApproval(place.board, id, goesOn, NOW + DAY_MS)).toBeNull();
    expect((await useApproval(place.board, id, goesOn, NOW))?.usedBy).toBe(goesOn);
  });

  test("to what was changed in the table afterwards carries no hash", async () => {
    using place = temporaryBoard();
    const { id, sha256 } = await asked(place);
    const goesOn = await approve(place, id, sha256);
    await place.board.write((tx) =>
      tx.run("UPDATE approvals SET subject = replace(subject, 'example.com', 'evil.test')"),
    );
    expect((await useApproval(place.board, id, goesOn, NOW))?.sha256).toBe("");
  });

  test("of two at once counts once", async () => {
    using place = temporaryBoard();
    const { id, sha256 } = await asked(place);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => decideApproval(place.board, id, sha256, "approved", NOW)),
    );
    expect(outcomes.filter(({ outcome }) => outcome === "decided").length).toBe(1);
    expect(place.value("SELECT count(*) FROM job_run")).toBe(2);
  });
});

test("a no makes no job and cannot be taken back", async () => {
  using place = temporaryBoard();
  const { id, sha256 } = await asked(place);
  expect(await decideApproval(place.board, id, sha256, "refused", NOW)).toEqual({ outcome: "decided", jobId: null });
  expect(await decideApproval(place.board, id, sha256, "approved", NOW)).toEqual({ outcome: "known" });
  await addJob(place.board, "same", { conversationId: "talk" });
  expect(await useApproval(place.board, id, "same", NOW)).toBeNull();
});
