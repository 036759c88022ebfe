// The real worker with a handler that answers each task in its own words and with its own picture.
import { join } from "node:path";
import { attemptFolder, storeStream } from "../../src/shared/files.ts";
import { pause } from "../../src/shared/stop.ts";
import type { JobHandler } from "../../src/worker/handlers/handler.ts";
import { main } from "../../src/worker/worker.ts";
import { answerTo, hearTask, pictureOf } from "./task.ts";

const NAME = "graph.png";
const MAX_BYTES = 2 ** 20;

const perform: JobHandler = async (job, context) => {
  const task = hearTask(job.input.prompt ?? "");
  await context.report.step("run", "Running the code", () => pause(task.ms, context.signal));
  context.signal.throwIfAborted();
  const path = `storage/outputs/${attemptFolder(job)}/${NAME}`;
  const picture = new Blob([pictureOf(task.name)]).stream();
  const stored = await storeStream(join(context.config.home, path), NAME, picture, MAX_BYTES);
  const artifact = { id: Bun.randomUUIDv7(), jobId: job.jobId, name: NAME, path, ...stored };
  await context.addArtifacts({ artifacts: [artifact], notes: [] });
  return { text: answerTo(task.name) };
};

await main({ code_exec: perform, browser: perform, chat: perform });
process.exit(0);
