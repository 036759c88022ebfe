// A job for a model: its files and what was done before in a fresh sandbox, a plan where one is enough, else the loop, and an
// honest answer at the end.
import { basename } from "node:path";
import type { ApprovalWish } from "../../shared/approvals.ts";
import { cellsOfConversation, cellsOfJob, latestState } from "../../shared/cells.ts";
import { messagesOf } from "../../shared/conversations.ts";
import { AppError } from "../../shared/errors.ts";
import { listFacts } from "../../shared/remembered.ts";
import { recordHosts } from "../../shared/hosts.ts";
import type { FileProfile } from "../../planner/profile.ts";
import type { ClaimedJob, JobContext, JobEnd } from "../handlers/handler.ts";
import { profileFiles, runPlan } from "../planned.ts";
import { findInputs, type InputFile } from "../inputs.ts";
import { openWorkbench, type Workbench } from "../workbench.ts";
import type { Asking } from "./asking.ts";
import { OverBudget } from "../budget.ts";
import { contextTokensOf } from "./context.ts";
import { createFit } from "./fit.ts";
import { figuresNote, unverifiedFigures } from "./figures.ts";
import { historyOf } from "./history.ts";
import { hostsIn, withoutForeignLinks } from "./links.ts";
import { converse, type AgentEvent, type LoopEnd } from "./loop.ts";
import { createCharging } from "./charging.ts";
import { ModelError, type Message, type Model } from "./model.ts";
import { planFirst } from "./plan_first.ts";
import { askFor, createLock, doGranted, runTool, takeGrant, type Grant, type Lock } from "./policy.ts";
import { askedOf, cardOf, instructionsOf } from "./prompt.ts";
import { begin, keepState, replay, type Replayed } from "./replay.ts";
import { createTelling } from "./telling.ts";
import { TOOLS } from "./tools/index.ts";
import type { ToolPlace } from "./tools/tool.ts";

/** Of the job's time, so much at most for running again what was run before. */
const REPLAY_SHARE = 0.4;
/** Digests are quick; one that is not is not worth waiting for. */
const STATE_MS = 10_000;

/** Everything that one job has at hand. */
type Desk = {
  readonly job: ClaimedJob;
  readonly context: JobContext;
  readonly files: readonly InputFile[];
  readonly bench: Workbench;
  readonly lock: Lock;
  readonly grant: Grant | null;
  readonly place: ToolPlace;
  readonly replayed: () => Replayed | null;
};

/** Throws ModelError when no model answers and nothing has been run, and AppError. */
export async function runAgent(job: ClaimedJob, context: JobContext, models: readonly Model[]): Promise<JobEnd> {
  const files = await findInputs(filesOf(job, context), context.config, context.board);
  const held = files.map(({ source, name }) => ({ id: basename(source), name }));
  const grant = await takeGrant(job, context, held);
  if (job.input.approval !== undefined && grant === null)
    return {
      text: "That yes was used already, came too late, or was for something else. Ask again, and I will ask you again.",
    };
  const lock = createLock(job, context);
  let replayed: Replayed | null = null;
  await using bench = openWorkbench(job, context, {
    files,
    isPlanned: files.length > 0,
    hasNetwork: () => (grant?.hosts.length ?? 0) > 0,
    prepare: async (sandbox) => {
      if (files.length > 0) {
        await lock.label("private", `Your files: ${files.map(({ name }) => name).join(", ")}`);
        await lock.label("untrusted", "What stands in files");
      }
      const { conversationId } = job;
      if (conversationId !== null) {
        await begin(sandbox, conversationId, context.remainingMs());
        const cells = context.board.read((tx) => cellsOfConversation(tx, conversationId));
        const timeoutMs = context.remainingMs() * REPLAY_SHARE;
        if (cells.length > 0)
          replayed = await context.report.step("replay", "Restoring what was there before", () =>
            replay(
              sandbox,
              cells,
              context.board.read((tx) => latestState(tx, conversationId)),
              timeoutMs,
            ),
          );
      }
      if (grant === null || grant.hosts.length === 0) return;
      // Only now: what was run before had no way out.
      await lock.label("network", `You allowed: ${grant.hosts.join(", ")}`);
      await lock.label("untrusted", "What comes from the network");
      await sandbox.connect(grant.hosts);
    },
  });
  const place: ToolPlace = {
    job,
    context,
    bench,
    labels: lock.labels,
    hosts: grant?.hosts ?? [],
    files: held,
  };
  const desk: Desk = { job, context, files, bench, lock, grant, place, replayed: () => replayed };
  try {
    return await work(desk, models);
  } finally {
    await leave(desk);
  }
}

/** All of the conversation's files, so that what was run before finds them; in the order in which they came. */
function filesOf({ input, conversationId }: ClaimedJob, { board }: JobContext): readonly string[] {
  const earlier =
    conversationId === null
      ? []
      : board.read((tx) => messagesOf(tx, conversationId).flatMap((message) => message.files.map(({ id }) => id)));
  return [...new Set([...earlier, ...(input.files ?? [])])];
}

async function work(desk: Desk, models: readonly Model[]): Promise<JobEnd> {
  const { job, context, bench, files, grant, place } = desk;
  const { board, clock, config } = context;
  const said = createTelling(context.report);
  const done = grant === null ? null : await doGranted(TOOLS, grant, place);
  const profiles = files.length === 0 ? [] : await profilesOf(desk);
  const cards = profiles.map(cardOf);
  const words = [job.input.prompt ?? "", ...(done === null ? [] : [`(Done, as I allowed: ${done})`])].join("\n\n");
  const history =
    job.conversationId === null ? [] : board.read((tx) => historyOf(tx, job.conversationId ?? "", job.jobId));
  const restored = noteOf(desk.replayed());
  const messages: readonly Message[] = [...history, { role: "user", text: askedOf(words, [...cards, ...restored]) }];
  const asking: Asking = {
    models,
    instructions: instructionsOf(board.read(listFacts), new Date(clock.now()).toISOString().slice(0, 10), place.hosts),
    tools: TOOLS,
    charging: createCharging(context.budget),
    fit: createFit((model) => contextTokensOf(model, config.model.contextTokens)),
    signal: context.signal,
    out: new Set(),
  };
  said.model(models[0]?.name ?? "");
  try {
    const usable = profiles.filter(({ reading }) => reading !== null);
    if (usable.length > 0 && grant === null) {
      const planned = await drive(planFirst(asking, messages, usable), said.planning);
      if (planned !== null) {
        const end = await runPlan(context, bench, planned.plan, planned.understood);
        if (end.error === undefined) return { ...end, model: said.current() };
      }
    }
    const loop = { ...asking, messages, maxSteps: config.model.steps, maxRepairs: config.model.repairs };
    const end = await drive(converse({ ...loop, run: (call) => runTool(TOOLS, call, place) }), said.tell);
    return await conclude(desk, end, [words, ...cards, ...history.map(textOf)]);
  } catch (error) {
    return await failed(desk, error, said.current());
  }
}

async function drive<T>(events: AsyncGenerator<AgentEvent, T>, tell: (event: AgentEvent) => void): Promise<T> {
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
    tell(next.value);
  }
}

async function profilesOf({ context, bench, files }: Desk): Promise<readonly FileProfile[]> {
  try {
    return (await profileFiles(context, bench, files)).files;
  } catch (error) {
    // Files that no profile can be made of are still there for code.
    if (error instanceof AppError && error.code === "sandbox" && !context.signal.aborted) return [];
    throw error;
  }
}

function noteOf(replayed: Replayed | null): readonly string[] {
  if (replayed === null || replayed.cells + replayed.skipped === 0) return [];
  const { different, skipped, isCutShort } = replayed;
  return [
    ...(different.length > 0
      ? [`(These variables could not be restored as they were: ${different.slice(0, 20).join(", ")})`]
      : []),
    ...(skipped > 0 ? [`(${skipped} earlier cells used the network and were not run again)`] : []),
    ...(isCutShort ? ["(There was no time to restore all variables of earlier messages)"] : []),
  ];
}

async function conclude(desk: Desk, end: LoopEnd, sources: readonly string[]): Promise<JobEnd> {
  const { job, context, place } = desk;
  const known = new Set([...place.hosts, ...hostsIn(job.input.prompt ?? "")]);
  const said = [end.text, end.end?.text ?? ""].filter(Boolean).join("\n\n");
  const text = withoutForeignLinks(said, known);
  if (end.end !== undefined) {
    if (end.end.approval !== undefined) await askFor(job, context, end.end.approval);
    return { text, model: end.model };
  }
  const cells = context.board.read((tx) => cellsOfJob(tx, job.jobId));
  const outputs = [context.console.stdout(), ...cells.map(({ output }) => output), ...sources];
  const note = figuresNote(unverifiedFigures(text, outputs));
  return { text: [text, note].filter(Boolean).join("\n\n"), model: end.model };
}

function textOf(message: Message): string {
  return message.role === "tool" ? message.results.map(({ text }) => text).join("\n") : message.text;
}

/** What came in between: nothing is pretended, and what is there already stays. */
async function failed(desk: Desk, error: unknown, model: string): Promise<JobEnd> {
  const { job, context } = desk;
  context.signal.throwIfAborted();
  // Whoever set nothing does not want to be asked.
  if (error instanceof OverBudget && error.limitMicroUsd > 0) {
    const { scope, limitMicroUsd } = error;
    const dollars = `$${(limitMicroUsd / 1e6).toFixed(2)}`;
    const title = `Spend up to ${dollars} more ${PERIODS[scope]}?`;
    const wish: ApprovalWish = { kind: "spend", title, subject: { scope, microUsd: limitMicroUsd } };
    await askFor(job, context, wish);
    return { text: `${error.message}\n\n${title}`, model };
  }
  const hasRun = context.board.read((tx) => cellsOfJob(tx, job.jobId)).length > 0;
  if (!(error instanceof ModelError) || !hasRun) throw error;
  const message = `${error.message} What was done until then is kept; ask again to go on.`;
  return { text: "", error: { code: "unavailable", message }, model };
}

const PERIODS = { job: "for this", day: "today", month: "this month" } as const;

/** How things stand, for the next message; nothing of it may cost the answer. */
async function leave({ job, context, bench, grant }: Desk): Promise<void> {
  if (!bench.isOpen() || context.signal.aborted) return;
  try {
    const sandbox = await bench.sandbox();
    const hasRun = context.board.read((tx) => cellsOfJob(tx, job.jobId)).length > 0;
    const timeoutMs = Math.min(STATE_MS, context.remainingMs());
    if (hasRun && job.conversationId !== null) await keepState(sandbox, context.board, job.jobId, timeoutMs);
    if (grant === null || grant.hosts.length === 0) return;
    const hosts = (await sandbox.contacts()) ?? grant.hosts.map((host) => ({ ...UNKNOWN, host }));
    await recordHosts(context.board, job, hosts, context.clock.now());
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

/** Of a provider that does not say: it could have been reached. */
const UNKNOWN = { verdict: "allowed", contacts: 0, sentBytes: 0, receivedBytes: 0 } as const;
