// What `jobs` prints: columns that fit, lines that are whole, and words for every state.
import { describe, expect, test } from "bun:test";
import { createTeller, follow } from "../../src/cli/jobs/follow.ts";
import { detailsJson, jsonText } from "../../src/cli/jobs/json.ts";
import { listLines, readList } from "../../src/cli/jobs/list.ts";
import { detailLines, readDetails } from "../../src/cli/jobs/show.ts";
import { parseSpan } from "../../src/cli/jobs/span.ts";
import { cutTo, tableLines, wrapped } from "../../src/cli/jobs/table.ts";
import { openTerminal, type Terminal } from "../../src/cli/jobs/terminal.ts";
import { bytesText, durationText, oneLine, relativeText } from "../../src/cli/jobs/words.ts";
import { recordEvents, retryJob, settleJob } from "../../src/shared/claims.ts";
import { cancelJob, restartJob } from "../../src/shared/control.ts";
import { openBoard } from "../../src/shared/db.ts";
import { reclaimJobs } from "../../src/shared/recovery.ts";
import { reserveSpend, settleSpend } from "../../src/shared/spend.ts";
import type { JobEvent, JobEventBody } from "../../src/shared/types.ts";
import { DONE, claimOne, spend } from "../shared/claiming.ts";
import { addJob, temporaryBoard, type TemporaryBoard } from "../shared/temporary.ts";

const MINUTE = 60_000;
const NOW = 1_700_000_000_000;
const error = { code: "unavailable", message: `The sandbox went away ${"very ".repeat(20)}far.` };
const terminal = (width: number): Terminal => openTerminal({ COLUMNS: String(width) }, {});

describe("a terminal", () => {
  test("is as wide as COLUMNS says, else as it is; what is no terminal is never cut", () => {
    expect(openTerminal({ COLUMNS: "99" }, { isTTY: true, columns: 120 }).width).toBe(99);
    expect(openTerminal({ COLUMNS: "wide" }, { isTTY: true, columns: 120 }).width).toBe(120);
    expect(openTerminal({}, { isTTY: true }).width).toBe(80);
    expect(openTerminal({}, {}).width).toBe(Number.POSITIVE_INFINITY);
  });

  test("is coloured only where that is wanted", () => {
    const red = (environment: Record<string, string>, isTTY: boolean) =>
      openTerminal(environment, { isTTY }).style("bad", "x");
    expect(red({}, true)).toBe("\u001b[31mx\u001b[0m");
    expect([red({ NO_COLOR: "1" }, true), red({ TERM: "dumb" }, true), red({}, false)]).toEqual(["x", "x", "x"]);
  });
});

describe("columns", () => {
  test("are aligned by what is seen, and only the flexible one is cut", () => {
    const lines = tableLines(
      [
        { title: "ID", cells: ["a", "東京", "e\u0301"] },
        { title: "N", cells: ["1", "22", "333"], align: "right" },
        { title: "TEXT", cells: ["short", "rather long", "📈📈📈📈📈📈📈"], isFlexible: true },
      ],
      21,
      (title) => title,
    );
    expect(lines).toEqual([
      "ID      N  TEXT",
      "a       1  short",
      "東京   22  rather lo…",
      "e\u0301     333  📈📈📈📈…",
    ]);
    expect(lines.map((line) => Bun.stringWidth(line) <= 21)).toEqual([true, true, true, true]);
  });

  test("are cut between whole characters", () => {
    expect(cutTo("👩‍👩‍👧 family", 4)).toBe("👩‍👩‍👧…");
    expect(cutTo("fits", 4)).toBe("fits");
  });

  test("text is broken between words, and a word that is too long stays whole", () => {
    expect(wrapped("one two three\n\nfour", 14, "  ")).toBe("  one two\n  three\n\n  four");
    expect(wrapped("a incomprehensible b", 12, "  ")).toBe("  a\n  incomprehensible\n  b");
  });
});

test("times, spans, sizes and names are words that people use", () => {
  const ago = [0, 999, 59_999, 119_000, 47 * 60 * MINUTE, 20 * 1_440 * MINUTE].map((ms) => relativeText(NOW - ms, NOW));
  expect(ago).toEqual(["now", "now", "59 s ago", "1 min ago", "47 h ago", "20 days ago"]);
  expect(relativeText(NOW + 4_000, NOW)).toBe("in 4 s");
  expect(relativeText(NOW - 60 * 1_440 * MINUTE, NOW)).toMatch(/^2023-09-1\d$/);
  expect([4, 59_999, 61_000, 3_660_000].map(durationText)).toEqual(["4 ms", "59.9 s", "1 min 1 s", "1 h 1 min"]);
  expect([1, 1_500, 999_999, 5e9].map(bytesText)).toEqual(["1 B", "1.5 kB", "1.0 MB", "5.0 GB"]);
  expect(["90s", "5m", "12h", "30d", " 2w "].map((span) => parseSpan("--x", span) / 1_000)).toEqual([
    90, 300, 43_200, 2_592_000, 1_209_600,
  ]);
  expect(() => parseSpan("--x", "-1d")).toThrow("--x is “-1d”");
  expect(oneLine(` a\n\tb\u001b${"x".repeat(300)}`)).toBe(`a b\\x1b${"x".repeat(192)}…`);
});

test("JSON escapes what may steer a terminal, and is the same JSON", () => {
  const value = { a: "\u009b31m\u202e\u2028\u007f\u001b" };
  expect(jsonText(value)).toBe(String.raw`{"a":"\u009b31m\u202e\u2028\u007f\u001b"}`);
  expect(JSON.parse(jsonText(value))).toEqual(value);
});

async function retrying(place: TemporaryBoard, id: string): Promise<void> {
  await addJob(place.board, id, {}, NOW - 10 * MINUTE);
  const claim = await claimOne(place, "1-a", NOW - 9 * MINUTE);
  await spend(place, claim, 2_000);
  const retry = { error, runAt: NOW + 4_000, isCounted: true };
  await retryJob(place.board, claim, retry, NOW - 9 * MINUTE + 1_500);
}

describe("the list", () => {
  async function manyStates(place: TemporaryBoard): Promise<void> {
    await addJob(place.board, "done-job", { input: { prompt: "Graph  this\nfile" } }, NOW);
    const first = await claimOne(place, "1-a", NOW);
    await spend(place, first, 31_000);
    await settleJob(place.board, first, DONE, NOW);
    await retrying(place, "retrying-job");
    await addJob(place.board, "running-job", { input: { files: ["a.csv"] } });
    const claim = await claimOne(place, "1-a", NOW - 12_000);
    await recordEvents(place.board, claim, [{ kind: "progress-changed", fraction: 0.42 }], NOW);
    await addJob(place.board, "stopping-job");
    await claimOne(place, "1-a", NOW - 12_000);
    await cancelJob(place.board, "stopping-job", NOW);
    await addJob(place.board, "later-job", { runAt: NOW + 90 * MINUTE, input: { code: "print(1)\n" } }, NOW - MINUTE);
    await addJob(place.board, "ready-job", { input: { prompt: `${"long ".repeat(40)}end` } }, NOW - MINUTE);
  }
  const lines = (place: TemporaryBoard, width: number) =>
    listLines(readList(place.board, 9, null).entries, terminal(width), NOW);

  test("is one line a job, the newest first, and fits into 80 columns", async () => {
    using place = temporaryBoard();
    await manyStates(place);
    const [title, ...rows] = lines(place, 80);
    expect(title).toMatch(/^ID +STATE +WHEN +COST +ASKED$/);
    expect(rows.map((row) => row.replaceAll(/ {2,}/g, " | "))).toEqual([
      "ready-job | ready | 1 min ago | long long long long long l…",
      "later-job | scheduled in 1 h | 1 min ago | code: print(1)",
      "stopping-job | running, to stop | 12 s ago | stopping-job",
      "running-job | running 42 % | 12 s ago | a.csv",
      "retrying-job | retrying in 4 s | 10 min ago | $0.0020 | retrying-job",
      "done-job | done | now | $0.03 | Graph this file",
    ]);
    expect(Math.max(...[title ?? "", ...rows].map((row) => Bun.stringWidth(row)))).toBeLessThanOrEqual(80);
  });

  test("says less where there is less room, more where there is more", async () => {
    using place = temporaryBoard();
    await manyStates(place);
    expect(lines(place, 40)[0]).toMatch(/^ID +STATE +ASKED$/);
    expect(lines(place, 120)[0]).toMatch(/^ID +STATE +WHEN +TOOK +TYPE +COST +ASKED$/);
  });

  test("counts attempts as soon as there was a second one", async () => {
    using place = temporaryBoard();
    await retrying(place, "a");
    await claimOne(place, "1-b", NOW + 5_000);
    expect(lines(place, 80).map((line) => line.trimEnd().split(/ {2,}/)[3])).toEqual(["TRY", "2/3"]);
  });
});

describe("one job", () => {
  const shown = (place: TemporaryBoard, id: string, isWorked = true) =>
    detailLines(readDetails(place.board, id), terminal(80), NOW, isWorked).join("\n");

  test("that is tried again says why, when, and what it cost so far", async () => {
    using place = temporaryBoard();
    await retrying(place, "a");
    const text = shown(place, "a");
    expect(text).toContain("state    retrying: the next attempt comes in 4 s\n");
    expect(text).toContain("attempt  1 of 3\n");
    expect(text).toContain("cost     $0.0020");
    expect(text).toMatch(/Attempts\n {2}1 {2}failed, tried again {2}1\.5 s, \$0\.0020\n {5}The sandbox went away very/);
    expect(text).toContain("far.");
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("that ran on this machine says what that saved", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const { jobId, attempt, workerId } = await claimOne(place);
    const box = { id: "box", jobId, attempt, workerId, kind: "sandbox", provider: "local", subject: "box" } as const;
    await reserveSpend(place.board, { ...box, reservedMicroUsd: 0 }, { job: 0, day: 0, month: 0 }, NOW);
    const end = { costMicroUsd: 0, savedMicroUsd: 2_400, isEstimate: false, units: { seconds: 79 } };
    await settleSpend(place.board, "box", end, NOW);
    expect(shown(place, "a")).toMatch(/ {2}saved +\$0\.0024, as it ran on this machine\n/);
    expect(shown(place, "a")).not.toContain("cost");
    expect(detailsJson(readDetails(place.board, "a"))).toMatchObject({ cost_usd: 0, saved_usd: 0.0024 });
  });

  test("that waits names what it waits for", async () => {
    using place = temporaryBoard();
    for (const id of ["one", "two", "three"]) await addJob(place.board, id, { conversationId: "c" });
    await addJob(place.board, "other");
    expect(shown(place, "three")).toContain("waiting behind 2 jobs of its conversation: one, two");
    expect(shown(place, "other", false)).toContain("ready: 1 before it in the line, when Sandpiper runs again");
    await claimOne(place);
    expect(shown(place, "two")).toContain("waiting behind one job of its conversation: one");
    expect(shown(place, "other")).toContain("ready: the next in the line\n");
  });

  test("that runs shows how far it is, and its steps", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const bodies: JobEventBody[] = [
      { kind: "step-started", step: "sandbox", title: "Preparing" },
      { kind: "step-finished", step: "sandbox", title: "Preparing", durationMs: 32 },
      { kind: "step-started", step: "run", title: "Running" },
      { kind: "progress-changed", fraction: 0.5 },
    ];
    await recordEvents(place.board, await claimOne(place, "1-a", NOW), bodies, NOW);
    const text = shown(place, "a");
    expect(text).toContain(`progress  ${"█".repeat(10)}${"░".repeat(10)} 50 %`);
    expect(text).toContain("Steps\n  ✓ Preparing (32 ms)\n  … Running");
  });

  test("that ended badly tells the error once, and of a long output the end", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a", { maxAttempts: 2 });
    await claimOne(place);
    await reclaimJobs(place.board, () => true, 3_000);
    const failed = { code: "code", message: "It broke.", detail: "line 3" };
    const stdout = Array.from({ length: 30 }, (_, at) => `row ${at}\n`).join("");
    const end = { output: { stdout, text: "", artifacts: [] }, error: failed };
    await settleJob(place.board, await claimOne(place), end, 4_000);
    const text = shown(place, "a");
    expect(text).toContain("  1  its worker died  1.0 s\n     The worker died while it ran this");
    expect(text.split("It broke.").length).toBe(2);
    expect(text).toContain("Error\n  It broke.\n\n  line 3\n");
    expect(text).toContain("(10 lines before; --json has them all)\n  row 10\n");
  });
});

describe("following", () => {
  const never = new AbortController().signal;
  const tellAll = (place: TemporaryBoard, isOne: boolean) => {
    const lines: string[] = [];
    const teller = createTeller(
      place.board,
      terminal(80),
      isOne,
      (line) => void lines.push(line.replace(/^\d\d:\d\d:\d\d/, "T")),
    );
    return { lines, ...teller };
  };
  const event = (jobId: string, body: JobEventBody): JobEvent => ({
    ...body,
    seq: 1,
    jobId,
    conversationId: null,
    at: 1,
  });

  test("puts the pieces of an output together to lines", () => {
    using place = temporaryBoard();
    const { lines, tell, close } = tellAll(place, true);
    for (const text of ["on", "e\ntwo\nthr"]) tell(event("a", { kind: "output-delta", stream: "stdout", text }));
    tell(event("a", { kind: "progress-changed", fraction: 0.25 }));
    tell(event("a", { kind: "text-delta", text: "ee" }));
    tell(event("a", { kind: "step-finished", step: "run", title: "Ran", durationMs: 5 }));
    tell(event("a", { kind: "output-delta", stream: "stderr", text: "rest\u001b" }));
    close();
    const margin = " ".repeat(10);
    expect(lines).toEqual([
      `${margin}one`,
      `${margin}two`,
      "T  25 %",
      `${margin}three`,
      "T  ✓ Ran (5 ms)",
      `${margin}rest\\x1b`,
    ]);
  });

  test("of all jobs names the job in each line", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await addJob(place.board, "b");
    const { lines, tell } = tellAll(place, false);
    tell(event("a", { kind: "output-delta", stream: "stdout", text: "from a" }));
    tell(event("b", { kind: "job-retrying", attempt: 1, error: { code: "x", message: "It went." }, retryAt: 4_001 }));
    tell(event("b", { kind: "job-failed", error, output: DONE.output, costUsd: 0 }));
    tell(event("a", { kind: "job-deleted" }));
    expect(lines.slice(0, 2)).toEqual([
      `${" ".repeat(10)}a  from a`,
      "T  b  attempt 1 failed: It went. The next one comes in 4 s.",
    ]);
    expect(lines.slice(2).map((line) => line.slice(0, 20))).toEqual(["T  b  failed: The sa", "T  a  deleted"]);
  });

  test("one job goes over its retries to its end, and no further", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await cancelJob(place.board, "a", 2_000);
    await restartJob(place.board, "a", 3_000);
    const kinds: string[] = [];
    const ended = follow(place.board, "a", (one) => void kinds.push(one.kind), never);
    expect(kinds).toEqual(["job-created", "job-failed", "job-requeued"]);
    const other = openBoard(place.file);
    await settleJob(other, await claimOne({ board: other }), DONE, 4_000);
    other.close();
    await ended;
    expect(kinds.slice(3)).toEqual(["job-started", "job-completed"]);
  });

  test("a long story is told to its end", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    const claim = await claimOne(place);
    const steps = Array.from({ length: 250 }, (_, at) => `step ${at}`);
    const bodies = steps.map((title): JobEventBody => ({ kind: "step-started", step: "run", title }));
    await recordEvents(place.board, claim, bodies, 3_000);
    await settleJob(place.board, claim, DONE, 4_000);
    const told: JobEvent[] = [];
    await follow(place.board, "a", (one) => void told.push(one), never);
    expect(told.flatMap((one) => (one.kind === "step-started" ? [one.title] : []))).toEqual(steps);
    expect(told.at(-1)?.kind).toBe("job-completed");
  });

  test("ends when the job is deleted, and when it is told to", async () => {
    using place = temporaryBoard();
    await addJob(place.board, "a");
    await place.board.write((tx) => tx.run("DELETE FROM jobs WHERE id = 'a'"));
    const kinds: string[] = [];
    await follow(place.board, "a", (one) => void kinds.push(one.kind), never);
    expect(kinds).toEqual(["job-deleted"]);
    const controller = new AbortController();
    const all = follow(place.board, null, (one) => void kinds.push(one.kind), controller.signal);
    controller.abort();
    await all;
    expect(kinds).toEqual(["job-deleted"]);
  });
});
