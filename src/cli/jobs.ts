// `sandpiper jobs list`: see and steer what is on the board, whether Sandpiper runs or not.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findRunning } from "../main.ts";
import { loadConfig, readEnvironment, type Config } from "../shared/config.ts";
import { cancelJob, restartJob } from "../shared/control.ts";
import { openBoard, type Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import { readJob } from "../shared/jobs.ts";
import { prunableJobs, pruneAll } from "../shared/retention.ts";
import { stopSignal } from "../shared/stop.ts";
import { JOB_STATES, type JobState } from "../shared/types.ts";
import { findId, readEntry } from "./jobs/entry.ts";
import { createTeller, follow } from "./jobs/follow.ts";
import { detailsJson, entryJson, jsonText } from "./jobs/json.ts";
import { listLines, readList } from "./jobs/list.ts";
import { detailLines, readDetails } from "./jobs/show.ts";
import { parseSpan } from "./jobs/span.ts";
import { openTerminal, type Terminal } from "./jobs/terminal.ts";
import { relativeText } from "./jobs/words.ts";
import { printableLine } from "./printable.ts";

export const usage = `jobs list [--state failed,dead] [--limit N]   the newest jobs and where they stand
  jobs show ID                   everything about one; the beginning of its id is enough
  jobs follow [ID]               what happens, as it happens: to all of them, or to one until it ends
  jobs retry ID                  run one again that failed or was stopped, or at once one that waits for its time
  jobs cancel ID                 stop one
  jobs prune [--older-than 30d] [--dry-run]   delete ended jobs that belong to no conversation, with their files
    --json        one JSON document instead of text (follow: one a line)`;

/** What every action needs. */
type Desk = {
  readonly config: Config;
  readonly board: Board;
  readonly terminal: Terminal;
  readonly now: number;
  readonly isJson: boolean;
};

type Values = { readonly [name: string]: string | boolean | undefined };
type Action = {
  readonly options: { readonly [name: string]: { readonly type: "string" | "boolean" } };
  /** Ids that it takes: at least and at most. */
  readonly ids: readonly [least: number, most: number];
  readonly run: (desk: Desk, values: Values, id: string | null) => Promise<number> | number;
};

const ACTIONS: { readonly [name: string]: Action } = {
  list: { options: { state: { type: "string" }, limit: { type: "string" } }, ids: [0, 0], run: list },
  show: { options: {}, ids: [1, 1], run: show },
  follow: { options: {}, ids: [0, 1], run: followAny },
  retry: { options: {}, ids: [1, 1], run: retry },
  cancel: { options: {}, ids: [1, 1], run: cancel },
  prune: { options: { "older-than": { type: "string" }, "dry-run": { type: "boolean" } }, ids: [0, 0], run: prune },
};

export async function jobs([name = "list", ...args]: readonly string[]): Promise<number> {
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined)
    throw new AppError("bad_request", `Say list, show, follow, retry, cancel or prune.\n\n  ${usage}`);
  const options = { ...action.options, json: { type: "boolean" as const } };
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
  const [least, most] = action.ids;
  if (positionals.length < least || positionals.length > most) throw wrongCount(name, most);
  const environment = readEnvironment();
  const config = loadConfig(environment);
  const file = join(config.dataDir, "jobs.db");
  if (!existsSync(file))
    throw new AppError("unavailable", `There are no jobs yet: ${file} is made when Sandpiper starts (npm start).`);
  const board = openBoard(file, { synchronous: config.synchronous });
  const terminal = openTerminal(environment, process.stdout);
  try {
    const desk: Desk = { config, board, terminal, now: Date.now(), isJson: values["json"] === true };
    const [wanted] = positionals;
    return await action.run(desk, values, wanted === undefined ? null : findId(board, wanted));
  } finally {
    board.close();
  }
}

function wrongCount(name: string, most: number): AppError {
  const wanted = most === 0 ? "no id" : name === "follow" ? "one id, or none for all jobs" : "one id";
  return new AppError("bad_request", `jobs ${name} takes ${wanted}. See: bun run jobs -- list`);
}

function list({ board, terminal, now, isJson }: Desk, values: Values): number {
  const limit = limitOf(values["limit"]);
  const states = statesOf(values["state"]);
  const { entries, hasMore } = readList(board, limit, states);
  if (isJson) console.log(jsonText({ jobs: entries.map(entryJson), has_more: hasMore }));
  else if (entries.length === 0)
    console.log(states === null ? "There are no jobs." : `No job is ${states.join(" or ")}.`);
  else console.log(listLines(entries, terminal, now).join("\n"));
  if (!isJson && hasMore && terminal.isTerminal)
    console.log(terminal.style("quiet", `There are more: --limit ${Math.min(MAX_LIMIT, 2 * limit)}`));
  return 0;
}

const MAX_LIMIT = 1_000;

function limitOf(text: Values[string]): number {
  const limit = text === undefined ? 20 : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new AppError("bad_request", `--limit is “${String(text)}”, but must be a whole number from 1 to ${MAX_LIMIT}.`);
}

function statesOf(text: Values[string]): JobState[] | null {
  if (text === undefined) return null;
  return String(text)
    .split(",")
    .map((word) => {
      const state = JOB_STATES.find((one) => one === word.trim());
      if (state !== undefined) return state;
      throw new AppError("bad_request", `There is no state “${word.trim()}”. Use: ${JOB_STATES.join(", ")}.`);
    });
}

async function show(
  { config, board, terminal, now, isJson }: Desk,
  _values: Values,
  id: string | null,
): Promise<number> {
  const details = readDetails(board, id ?? "");
  if (isJson) console.log(jsonText(detailsJson(details)));
  else console.log(detailLines(details, terminal, now, (await findRunning(config)) !== null).join("\n"));
  return 0;
}

/** For one job: 0 when it was done, 1 when it failed, 130 when nobody wanted to wait for it. */
async function followAny({ board, terminal, isJson }: Desk, _values: Values, id: string | null): Promise<number> {
  const stop = stopSignal();
  const teller = createTeller(board, terminal, id !== null, (line) => console.log(line));
  await follow(board, id, isJson ? (event) => console.log(jsonText(event)) : teller.tell, stop);
  teller.close();
  if (id === null) return 0;
  if (stop.aborted) return 130;
  return board.read((tx) => readJob(tx, id))?.status === "completed" ? 0 : 1;
}

async function retry({ config, board, now, isJson }: Desk, _values: Values, id: string | null): Promise<number> {
  const wanted = id ?? "";
  const outcome = await restartJob(board, wanted, now);
  const { run, shortId } = board.read((tx) => readEntry(tx, wanted));
  if (outcome === "refused") {
    const why = run.state === "done" ? "was done" : run.state === "running" ? "runs already" : "is in the line already";
    throw new AppError("conflict", `The job ${printableLine(shortId)} ${why}, so there is nothing to retry.`);
  }
  if (isJson) console.log(jsonText({ id: wanted, outcome, state: run.state }));
  else console.log(`${printableLine(shortId)} is in the line again${await restOf(config)}.`);
  return 0;
}

async function cancel({ config, board, now, isJson }: Desk, _values: Values, id: string | null): Promise<number> {
  const wanted = id ?? "";
  const outcome = await cancelJob(board, wanted, now);
  const { run, shortId } = board.read((tx) => readEntry(tx, wanted));
  const name = printableLine(shortId);
  if (outcome === "ended") throw new AppError("conflict", `The job ${name} has ended already: ${run.state}.`);
  if (isJson) console.log(jsonText({ id: wanted, outcome, state: run.state }));
  else if (outcome === "cancelled") console.log(`${name} was stopped before it could go on.`);
  else console.log(`${name} was asked to stop, and ends in a moment${await restOf(config)}.`);
  return 0;
}

const restOf = async (config: Config): Promise<string> =>
  (await findRunning(config)) === null ? ", as soon as Sandpiper runs (npm start)" : "";

const DAY_MS = 86_400_000;
/** Where the setting keeps everything. */
const DEFAULT_DAYS = 30;

async function prune({ config, board, now, isJson }: Desk, values: Values): Promise<number> {
  const given = values["older-than"] === undefined ? null : String(values["older-than"]);
  const days = config.keepDays === 0 ? DEFAULT_DAYS : config.keepDays;
  const age = given ?? `${days} days`;
  const before = now - (given === null ? days * DAY_MS : parseSpan("--older-than", given));
  const { count, oldestAt } = board.read((tx) => prunableJobs(tx, before));
  const isRehearsal = values["dry-run"] === true;
  const deleted = isRehearsal ? 0 : await pruneAll(board, config.storageDir, before, stopSignal());
  if (isJson) {
    console.log(jsonText({ older_than: age, found: count, deleted, dry_run: isRehearsal }));
    return 0;
  }
  const what = `${(isRehearsal ? count : deleted).toLocaleString("en")} ended jobs that belong to no conversation`;
  const oldest = oldestAt === null ? "" : `; the oldest ended ${relativeText(oldestAt, now)}`;
  if (count === 0) console.log(`No ended job without a conversation is older than ${age}.`);
  else console.log(isRehearsal ? `Would delete ${what}${oldest}.` : `Deleted ${what}, with their files${oldest}.`);
  return 0;
}
