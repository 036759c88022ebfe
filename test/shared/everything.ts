// Every statement of the board, run once through everything that has one; and which statements those were.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { forgetArtifacts, insertArtifact, readArtifact } from "../../src/shared/artifacts.ts";
import {
  claimJobs,
  forgetEarlier,
  handBackJob,
  nextDue,
  recordArtifacts,
  recordEvents,
} from "../../src/shared/claims.ts";
import { retryJob, settleJob, stopAsked } from "../../src/shared/claims.ts";
import { cancelJob, restartJob } from "../../src/shared/control.ts";
import { admitMessage, deleteConversation, latestFiles, listConversations } from "../../src/shared/conversations.ts";
import { messagesOf } from "../../src/shared/conversations.ts";
import type { Board, Tx, Value } from "../../src/shared/db.ts";
import { addPairing, isPaired, pairDevice } from "../../src/shared/devices.ts";
import { eventsAfter, latestSeq } from "../../src/shared/events.ts";
import { approvalsOfJob, decideApproval, requestApproval, useApproval } from "../../src/shared/approvals.ts";
import {
  cellsOfConversation,
  cellsOfJob,
  forgetCells,
  latestState,
  recordCell,
  recordState,
} from "../../src/shared/cells.ts";
import { forgetFact, listFacts, rememberFact } from "../../src/shared/remembered.ts";
import { hostsOfJob, recordHosts } from "../../src/shared/hosts.ts";
import { attemptsOf, countOpen, jobsOfConversation, listJobs } from "../../src/shared/jobs.ts";
import { addLabel, isConversationLabelled, labelsOf } from "../../src/shared/labels.ts";
import { jobsAhead, jobsBefore } from "../../src/shared/line.ts";
import { jobsNamed, shortId } from "../../src/shared/prefixes.ts";
import { dropJob, expireJobs, reclaimJobs } from "../../src/shared/recovery.ts";
import { maintain, prunableJobs } from "../../src/shared/retention.ts";
import { closeLeaked, isAttemptRunning, nameSandbox, orphanSandboxes, recordLeaked } from "../../src/shared/spend.ts";
import {
  reserveSpend,
  savedByConversation,
  savedSince,
  settleAbandonedCalls,
  settleSpend,
} from "../../src/shared/spend.ts";
import { deleteSchedule, dueSchedules, earliestTick, fireSchedule, listSchedules } from "../../src/shared/schedules.ts";
import { pauseSchedule, reckonSchedules, resumeSchedule } from "../../src/shared/schedules.ts";
import { forgetUnsafe, storageRoom } from "../../src/shared/storage.ts";
import { sweepStorage } from "../../src/shared/sweep.ts";
import { viewJob } from "../../src/shared/views.ts";
import { beatWorker, forgetWorkers, lifeSignOf, readWorker, registerWorker } from "../../src/shared/workers.ts";
import { DONE, claimOne, jobOf, retry } from "./claiming.ts";
import { DAY, HOUR, NOON, addSchedule } from "./scheduled.ts";
import { addJob, uploadedFile } from "./temporary.ts";
import {
  arrivalsOf,
  chatsWaiting,
  closeArrival,
  isKept,
  keepArrival,
  markAsked,
  waitingAfter,
} from "../../src/shared/arrivals.ts";
import {
  chatOf,
  clearAddress,
  chatsOfOwners,
  newChatId,
  openChat,
  readChat,
  setConversation,
} from "../../src/shared/chats.ts";
import {
  addAliases,
  dropAliases,
  expireAsking,
  renameContact,
  addAsking,
  addInvitation,
  findContact,
  listContacts,
  setStanding,
  takeInvitation,
} from "../../src/shared/contacts.ts";
import {
  addReply,
  beginDelivery,
  chatsAfter,
  chatsOpen,
  endAttempt,
  expandDelivery,
  nextDelivery,
  openReplies,
  queueDelivery,
  readReply,
  recallSent,
  recordReceipt,
  releaseHeld,
  rememberPlaced,
  setPlaced,
  suspectSending,
} from "../../src/shared/deliveries.ts";
import { spentSince } from "../../src/shared/spend.ts";

export type Statement = { readonly sql: string; readonly values: readonly Value[] };
export type Recording = {
  readonly board: Board;
  /** By its words: the values with which it came first. */
  readonly statements: ReadonlyMap<string, Statement>;
};

/** A board that remembers what was asked of it. */
export function recording(board: Board): Recording {
  const statements = new Map<string, Statement>();
  const note = (sql: string, values: readonly Value[]) => {
    if (!statements.has(sql)) statements.set(sql, { sql, values });
  };
  const spy = (tx: Tx): Tx => ({
    all: (sql, ...values) => (note(sql, values), tx.all(sql, ...values)),
    get: (sql, ...values) => (note(sql, values), tx.get(sql, ...values)),
    run: (sql, ...values) => (note(sql, values), tx.run(sql, ...values)),
    insert: (sql, ...values) => (note(sql, values), tx.insert(sql, ...values)),
  });
  const recorded: Board = {
    ...board,
    read: (unit) => board.read((tx) => unit(spy(tx))),
    write: (unit, durability) => board.write((tx) => unit(spy(tx)), durability),
  };
  return { board: recorded, statements };
}

export async function doEverything(board: Board, folder: string): Promise<void> {
  await doJobs(board);
  await doConversations(board);
  await doSandboxes(board);
  await doAgent(board);
  await doSchedules(board);
  await doDevices(board);
  await doChats(board);
  await doCare(board, folder);
}

async function doJobs(board: Board): Promise<void> {
  const place = { board };
  await registerWorker(board, { id: "1-a", pid: 1, pidStarted: null }, NOON);
  await beatWorker(board, "1-a");
  const artifact = {
    id: "x",
    jobId: "a",
    name: "n",
    path: "storage/outputs/a/n",
    mediaType: "t",
    bytes: 1,
    sha256: "0",
  };
  for (const id of ["a", "b", "c", "d", "e"]) await addJob(board, id, { conversationId: "A", idempotencyKey: id });
  await addJob(board, "late", { deadlineAt: 1, runAt: NOON });
  await addJob(board, "soon", { runAt: NOON });
  const a = await claimOne(place, "1-a", NOON);
  await recordEvents(board, a, [{ kind: "progress-changed", fraction: 0.5 }], NOON);
  await forgetEarlier(board, a);
  await recordArtifacts(board, a, [artifact], NOON);
  await retryJob(board, a, retry(NOON), NOON);
  await expireJobs(board, NOON);
  await handBackJob(board, await claimOne(place, "1-a", NOON), NOON);
  await dropJob(board, await claimOne(place, "1-a", NOON), NOON);
  const again = await claimOne(place, "1-a", NOON);
  await claimOne(place, "1-a", NOON);
  await cancelJob(board, again.jobId, NOON);
  await reclaimJobs(board, () => true, NOON);
  await cancelJob(board, "b", NOON);
  await restartJob(board, "a", NOON);
  await settleJob(board, await claimOne(place, "1-a", NOON), DONE, NOON);
  const [held] = await claimJobs(board, "1-a", () => 1, NOON);
  stopAsked(board, held === undefined ? [] : [held]);
  await reclaimJobs(board, () => true, NOON);
  board.read((tx) => {
    for (const look of [nextDue, latestSeq]) look(tx);
    eventsAfter(tx, 0, 10);
    eventsAfter(tx, 0, 10, "a");
    attemptsOf(tx, "a");
    listJobs(tx, 10, { before: "c", states: ["running", "done"] });
    jobsBefore(tx, "c");
    jobsAhead(tx, "e");
    jobsNamed(tx, "so", 5);
    shortId(tx, "soon");
    lifeSignOf(tx, "1-a");
    readWorker(tx, "1-a");
    readArtifact(tx, "x");
    const job = jobOf(place, "a");
    if (job !== null) viewJob(tx, job);
  });
  await board.write((tx) => {
    insertArtifact(tx, artifact, NOON);
    forgetArtifacts(tx, "a");
  });
}

async function doConversations(board: Board): Promise<void> {
  const message = {
    channel: "web",
    channelMessageId: "1",
    conversationId: null,
    text: "hi",
    files: [uploadedFile("u")],
  };
  const job = { type: "chat", input: {} } as const;
  for (const [id, conversationId, answer] of [
    ["1", null, {}],
    ["1", null, {}],
    ["2", "T", {}],
    ["3", "T", { answer: "Nothing is running." }],
  ] as const)
    await admitMessage(
      board,
      { ...message, channelMessageId: id, conversationId, files: id === "1" ? message.files : [] },
      { messageId: `m${id}`, jobId: `j${id}`, conversationId: "T" },
      () => ({ ...job, ...answer }),
      NOON,
    );
  board.read((tx) => {
    listConversations(tx, 10);
    messagesOf(tx, "T");
    latestFiles(tx, "T");
    jobsOfConversation(tx, "T");
    countOpen(tx, "T");
  });
  await deleteConversation(board, "T");
}

async function doAgent(board: Board): Promise<void> {
  await addJob(board, "agent", { conversationId: "A" });
  const asker = { jobId: "agent", conversationId: "A", attempt: 0 };
  const wish = { kind: "spend", title: "More?", subject: { scope: "job", microUsd: 1 } };
  const { id, sha256 } = await requestApproval(board, asker, wish, NOON);
  await decideApproval(board, id, sha256, "approved", NOON);
  await useApproval(board, id, "agent", NOON);
  board.read((tx) => approvalsOfJob(tx, "agent"));
  await addLabel(board, "agent", "private", "a file", NOON);
  board.read((tx) => [labelsOf(tx, "agent"), isConversationLabelled(tx, "A", "private")]);
  await rememberFact(board, "a fact", "agent", NOON);
  const [fact] = board.read(listFacts);
  await forgetFact(board, fact?.id ?? 0);
  const cell = { jobId: "agent", kind: "python", code: "1", outcome: "ok", output: "1", hadNetwork: false } as const;
  await recordCell(board, cell, NOON);
  await recordState(board, "agent", { x: "1" });
  board.read((tx) => [cellsOfJob(tx, "agent"), cellsOfConversation(tx, "A"), latestState(tx, "A")]);
  await forgetCells(board, { jobId: "agent" });
  const claim = await claimOne({ board }, "1-agent");
  const host = { host: "example.com", verdict: "allowed", contacts: 1, sentBytes: 1, receivedBytes: 1 } as const;
  await recordHosts(board, claim, [host], NOON);
  board.read((tx) => hostsOfJob(tx, claim.jobId));
  await settleJob(board, claim, DONE, NOON);
}

async function doSandboxes(board: Board): Promise<void> {
  for (const id of ["1", "2"]) {
    const box = {
      id,
      jobId: "a",
      attempt: 1,
      workerId: "1-a",
      kind: "sandbox",
      provider: "local",
      subject: null,
    } as const;
    await reserveSpend(board, { ...box, reservedMicroUsd: 1 }, { job: 9, day: 9, month: 9 }, NOON);
  }
  await nameSandbox(board, "1", "box");
  board.read((tx) => orphanSandboxes(tx, "local"));
  board.read((tx) => isAttemptRunning(tx, "a", 1));
  await settleSpend(board, "1", { costMicroUsd: 0, isEstimate: false, units: {} }, NOON);
  await closeLeaked(board, "2", NOON);
  const leaked = { jobId: "a", attempt: 1, workerId: "1-a", sandboxId: "lost", startedAt: NOON, price: 1 };
  await recordLeaked(board, leaked, NOON);
  const call = { id: "3", jobId: "gone", attempt: 1, workerId: "1-a", kind: "model", provider: "openai" } as const;
  await reserveSpend(board, { ...call, subject: "m", reservedMicroUsd: 1 }, { job: 1, day: 3, month: 9 }, NOON);
  await settleAbandonedCalls(board, NOON);
  board.read((tx) => savedByConversation(tx, "A"));
  board.read((tx) => savedSince(tx, NOON));
}

async function doSchedules(board: Board): Promise<void> {
  await addSchedule(board, "s", { files: [uploadedFile("f")] });
  board.read((tx) => [listSchedules(tx), dueSchedules(tx, NOON + DAY), earliestTick(tx)]);
  await fireSchedule(board, "s", NOON + HOUR, NOON + HOUR);
  await reckonSchedules(board, NOON - DAY);
  await pauseSchedule(board, "s", NOON + DAY);
  await resumeSchedule(board, "s", NOON + DAY);
  await deleteSchedule(board, "s");
  await addSchedule(board, "unused", { input: { files: ["g"] }, files: [uploadedFile("g")] });
  await deleteSchedule(board, "unused");
}

async function doDevices(board: Board): Promise<void> {
  for (const token of ["one", "two"]) await addPairing(board, token, NOON + HOUR, NOON);
  await pairDevice(board, "one", { id: "d", cookie: "c", key: "k", label: "l" }, NOON);
  board.read((tx) => isPaired(tx, "c", "k"));
}

async function doChats(board: Board): Promise<void> {
  const account = { channel: "notebook", account: "1" };
  await addInvitation(board, account, "code", NOON + HOUR, NOON);
  const chat = newChatId(account);
  await board.write((tx) => {
    takeInvitation(tx, account, "code", NOON);
    addAsking(tx, account, "bob", NOON);
    expireAsking(tx, NOON);
    const ann = setStanding(tx, { ...account, person: "ann", standing: "owner" }, NOON);
    addAliases(tx, ann, ["ann", "also-ann"]);
    findContact(tx, account, ["nobody", "also-ann"]);
    openChat(tx, chat, ann, "at-home", NOON);
    chatOf(tx, renameContact(tx, ann, "anna"));
    dropAliases(tx, account, ["also-ann"]);
    clearAddress(tx, account, "at-work", chat);
    listContacts(tx);
    chatsOfOwners(tx);
    setConversation(tx, chat, null);
    const arrival = { ...account, eventId: "e", messageKey: "m", chatId: chat, body: {} };
    const seq = keepArrival(tx, arrival, NOON) ?? 0;
    isKept(tx, arrival);
    keepArrival(tx, { ...arrival, eventId: "f", messageKey: null, body: null }, NOON);
    markAsked(tx, seq, {});
    closeArrival(tx, seq);
    chatsWaiting(tx);
    waitingAfter(tx, 0);
    arrivalsOf(tx, chat, "asked");
    spentSince(tx, NOON);
  });
  await addJob(board, "answered", { conversationId: "C" });
  await board.write((tx) => addReply(tx, "answered", chat, "m"));
  board.read((tx) => [readReply(tx, "answered"), openReplies(tx)]);
  await setPlaced(board, "answered", "p");
  const [claim] = (await claimJobs(board, "3-c", () => 99, NOON)).filter((one) => one.jobId === "answered");
  if (claim !== undefined) await settleJob(board, claim, DONE, NOON);
  const result = board.read(
    (tx) => [chatsOpen(tx), nextDelivery(tx, chat), chatsAfter(tx, 0), readChat(tx, chat)] as const,
  )[1];
  if (result !== null) await expandDelivery(board, result, [{}, {}], "p", NOON);
  const part = board.read((tx) => nextDelivery(tx, chat))?.id ?? "";
  await beginDelivery(board, part);
  await rememberPlaced(board, part, "q");
  await endAttempt(board, part, { outcome: "later", error: "no", notBefore: NOON }, NOON);
  await beginDelivery(board, part);
  await endAttempt(board, part, { outcome: "sent", platformId: "x" }, NOON);
  await board.write((tx) => {
    queueDelivery(tx, { id: "words", chatId: chat, operation: {} }, NOON);
    recordReceipt(tx, { delivery: null, platformId: "x", status: "read" }, NOON);
    recallSent(tx, { delivery: part, platformId: "x" }, { outcome: "held", error: "window", notBefore: NOON }, NOON);
    releaseHeld(tx, chat);
    suspectSending(tx, "notebook:1:", NOON);
  });
}

/** What is done every hour, and what a restore does. */
async function doCare(board: Board, folder: string): Promise<void> {
  const storageDir = join(folder, "storage");
  mkdirSync(join(storageDir, "uploads"), { recursive: true });
  mkdirSync(join(storageDir, "outputs", "gone"), { recursive: true });
  await Bun.write(join(storageDir, "uploads", `${Bun.randomUUIDv7()}.csv`), "x");
  await Bun.write(join(storageDir, "outputs", "gone", "graph.png"), "x");
  await addJob(board, "files", { input: { files: ["x.csv"] } });
  await board.write((tx) => {
    for (const id of ["../evil", "fine.csv"]) tx.run("INSERT INTO uploads VALUES (?, 'n', 't', 1, '0', 1)", id);
    tx.run("INSERT INTO artifacts VALUES ('y', 'files', 'n', '../evil', 't', 1, '0', NULL, 1)");
    tx.run("INSERT INTO jobs (id, type, status) VALUES ('old', 'chat', 'completed')");
    // Not UTF-8: what claims and what prunes cannot name it.
    tx.run("INSERT INTO jobs (id, type) VALUES (CAST(x'ff41' AS TEXT), 'chat')");
    forgetUnsafe(tx);
    storageRoom(tx, { storageBytes: 1 });
    prunableJobs(tx, NOON);
  });
  await claimJobs(board, "2-b", () => 99, NOON);
  const later = NOON + 400 * DAY;
  await sweepStorage(board, storageDir, later);
  await maintain(
    board,
    { dataDir: join(folder, "data"), storageDir, keepDays: 1 },
    later,
    new AbortController().signal,
  );
  await forgetWorkers(board, () => true);
}
