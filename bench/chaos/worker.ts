// The real worker with handlers that do as they are told and write down what they did. Argument: the ledger.
import { AppError } from "../../src/shared/errors.ts";
import { pause } from "../../src/shared/stop.ts";
import type { JobContext, JobHandler } from "../../src/worker/handlers/handler.ts";
import { main } from "../../src/worker/worker.ts";
import { append } from "./ledger.ts";
import { hearTask, type Task } from "./task.ts";

const [ledger = ""] = process.argv.slice(2);

const perform: JobHandler = async (job, context) => {
  const whose = { job: job.jobId, attempt: job.attempt, worker: job.workerId };
  append(ledger, { kind: "started", ...whose });
  const task = hearTask(job.input.prompt ?? "");
  if (task.fails === "once" && job.attempt === 1) throw new AppError("unavailable", "Not now.");
  if (task.deltas > 0) append(ledger, { kind: "deltas", ...whose, count: task.deltas + 1 });
  await context.report.step("run", "Working", () => work(task, context));
  // The last piece is the newest event of all when the end is told, if nobody else tells something at this moment.
  if (task.deltas > 0) context.report.emit({ kind: "text-delta", text: "last" });
  const mark = Bun.randomUUIDv7();
  append(ledger, { kind: "effect", ...whose, mark });
  if (task.fails === "always") return { text: mark, error: { code: "code", message: "It cannot be done." } };
  return { text: mark };
};

async function work(task: Task, context: JobContext): Promise<void> {
  const sandbox = task.hasSandbox ? await context.openSandbox() : null;
  for (let piece = 0; piece < task.deltas; piece += 1) {
    context.report.emit({ kind: "text-delta", text: `${piece} ` });
    await context.report.flush();
  }
  await pause(task.ms, task.isStubborn ? new AbortController().signal : context.signal);
  if (!task.isStubborn) context.signal.throwIfAborted();
  // Asks the provider about it: nobody may have killed it while its attempt is the one that counts.
  await sandbox?.price();
}

await main({ code_exec: perform, browser: perform, chat: perform });
process.exit(0);
