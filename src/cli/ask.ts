// `sandpiper ask "Graph this CSV file" data.csv`: one message, its progress, its answer, its files.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { isatty } from "node:tty";
import { parseArgs } from "node:util";
import { z } from "zod";
import { loadConfig, readEnvironment } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { freeName } from "../shared/free_name.ts";
import { stopSignal } from "../shared/stop.ts";
import { canAsk, chooseWords } from "./choose.ts";
import { connect, type Client } from "./client.ts";
import { areFiles, existingFile } from "./files.ts";
import { printable, rendered } from "./printable.ts";
import { OpenApproval, permit } from "./permit.ts";
import { createProgress } from "./progress.ts";
import { lastTalk, rememberTalk } from "./talk.ts";

export const usage = `ask "WHAT YOU WANT" [FILE …]   ask about files; what comes out is written here
    --continue    go on in the conversation of the last question (-c)
    --out DIR     write the files there
    --json        print one JSON object instead of text
    --code FILE   run this Python instead of planning`;

const Receipt = z.object({ job_id: z.string(), conversation_id: z.string() });
type Receipt = z.infer<typeof Receipt>;
const Artifact = z.object({
  id: z.string(),
  name: z.string(),
  path: z.string(),
  mediaType: z.string(),
  bytes: z.number(),
  data: z.unknown().optional(),
});
const Ended = z.object({
  job: z.object({
    id: z.string(),
    status: z.enum(["pending", "running", "completed", "failed"]),
    understood: z.string().nullable(),
    code: z.string().nullable(),
    output: z
      .object({
        text: z.string(),
        stdout: z.string(),
        model: z.string().optional(),
        error: z.object({ code: z.string(), message: z.string(), detail: z.string().optional() }).optional(),
      })
      .nullable(),
    artifacts: z.array(Artifact),
    approvals: z.array(OpenApproval),
    durationMs: z.number().nullable(),
    costUsd: z.number(),
  }),
});
type Ended = z.infer<typeof Ended>["job"];

type Question = {
  readonly text: string;
  /** Absolute. */
  readonly files: readonly string[];
  readonly code: string | null;
  /** Null: a new one. */
  readonly conversationId: string | null;
};

const OPTIONS = {
  out: { type: "string" },
  json: { type: "boolean", default: false },
  code: { type: "string" },
  continue: { type: "boolean", short: "c", default: false },
} as const;

/** Columns where there is no terminal: whoever reads it breaks the lines. */
const UNWRAPPED = 100_000;

export async function ask(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  const { callerDir, dataDir } = loadConfig(readEnvironment());
  const conversationId = values.continue ? lastTalk(dataDir) : null;
  const given = await questionOf(callerDir, positionals, values.code, conversationId);
  const stop = stopSignal();
  const isOpen = given.text.trim() === "" && given.code === null && !values.json && canAsk();
  const text = isOpen
    ? await chooseWords(
        given.files.map((file) => basename(file)),
        stop,
      )
    : given.text;
  if (text === null) return left("Nothing was asked.");
  await using client = await connect(stop);
  const receipt = await send(client, { ...given, text });
  await rememberTalk(dataDir, receipt.conversation_id);
  // What a person allows goes on as another job.
  for (let next: string | null = receipt.job_id; ;) {
    const jobId: string = next;
    const said = await showProgress(client, jobId, values.json, stop);
    if (stop.aborted) return cancel(client, jobId);
    const { job } = await client.call(Ended, `/api/jobs/${jobId}`);
    const written = await writeFiles(client, job, resolve(callerDir, values.out ?? "."));
    if (values.json) console.log(JSON.stringify(asJson(job, receipt, written)));
    else show(job, written, said);
    next = values.json ? null : await permit(client, job.approvals, stop);
    if (next === null) return job.status === "completed" ? 0 : 1;
  }
}

/** The first word is what is wanted, unless all of them are files. Throws AppError when there is nothing in it. */
async function questionOf(
  callerDir: string,
  words: readonly string[],
  codeFile: string | undefined,
  conversationId: string | null,
): Promise<Question> {
  const [text = "", ...names] = (await areFiles(callerDir, words)) ? ["", ...words] : words;
  const files = await Promise.all(names.map((name) => existingFile(callerDir, name)));
  const code = codeFile === undefined ? null : await Bun.file(await existingFile(callerDir, codeFile)).text();
  if (text.trim() === "" && files.length === 0 && code === null)
    throw new AppError("bad_request", `Nothing was asked.\n\n  ${usage}`);
  return { text, files, code, conversationId };
}

async function send(client: Client, { text, files, code, conversationId }: Question): Promise<Receipt> {
  const form = new FormData();
  form.set("text", text);
  if (conversationId !== null) form.set("conversation_id", conversationId);
  if (code !== null) form.set("code", code);
  for (const file of files) form.append("files", Bun.file(file), basename(file));
  return client.call(Receipt, "/api/messages", { form });
}

/** As a shell says it of a program that Ctrl+C ended. */
function left(words: string): number {
  console.error(words);
  return 130;
}

async function cancel(client: Client, jobId: string): Promise<number> {
  await client.call(z.unknown(), `/api/jobs/${jobId}/cancel`, { json: {} });
  return left("Stopped.");
}

/** Returns the words that were shown already. */
async function showProgress(client: Client, jobId: string, isQuiet: boolean, signal: AbortSignal): Promise<string> {
  const progress = createProgress(isQuiet);
  for await (const event of client.follow(jobId, signal)) progress.tell(event);
  return progress.end();
}

/** Never over a file that is there: `graph.png`, then `graph-2.png` … */
async function writeFiles(client: Client, job: Ended, folder: string): Promise<Map<string, string>> {
  const written = new Map<string, string>();
  if (job.artifacts.length === 0) return written;
  await mkdir(folder, { recursive: true });
  for (const artifact of job.artifacts) {
    const path = join(
      folder,
      freeName(artifact.name, (name) => existsSync(join(folder, name))),
    );
    await Bun.write(path, await client.download(`/api/artifacts/${artifact.id}`));
    written.set(artifact.id, path);
  }
  return written;
}

function asJson(job: Ended, receipt: Receipt, written: ReadonlyMap<string, string>) {
  const error = job.output?.error;
  return {
    job_id: job.id,
    conversation_id: receipt.conversation_id,
    status: job.status,
    text: error === undefined ? (job.output?.text ?? "") : error.message,
    stdout: job.output?.stdout ?? "",
    code: job.code,
    artifacts: job.artifacts.map(({ id, name, path, mediaType, bytes, data }) => ({
      name,
      path: written.get(id) ?? path,
      media_type: mediaType,
      bytes,
      ...(data === undefined ? {} : { data }),
    })),
    duration_ms: job.durationMs,
    cost_usd: job.costUsd,
    ...(job.output?.model === undefined ? {} : { model: job.output.model }),
    ...(job.approvals.length === 0 ? {} : { approvals: job.approvals }),
    ...(error === undefined ? {} : { error }),
  };
}

/** `said` has been shown already. */
function show(job: Ended, written: ReadonlyMap<string, string>, said: string): void {
  const error = job.output?.error;
  const text = job.output?.text ?? "";
  const rest = said !== "" && text.startsWith(said) ? text.slice(said.length).trim() : text;
  if (error === undefined && (rest !== "" || said === ""))
    console.log(rendered(rest, isatty(process.stdout.fd) && Bun.enableANSIColors, process.stdout.columns ?? UNWRAPPED));
  const printed = job.output?.stdout.trimEnd() ?? "";
  if (printed !== "") console.log(printable(printed));
  if (error !== undefined)
    console.error(printable([error.message, error.detail].filter((part) => part !== undefined).join("\n\n")));
  for (const path of written.values()) console.log(`→ ${path}`);
  if (job.output?.model !== undefined) console.error(signature(job.output.model, job.costUsd));
}

const signature = (model: string, costUsd: number): string =>
  `— ${printable(model)}${costUsd > 0 ? `, $${costUsd.toFixed(4)}` : ""}`;
