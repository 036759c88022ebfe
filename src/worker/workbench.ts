// One job's sandbox with everything around it: opened when it is first needed, given the files, and asked to run cells, each
// of which is told, kept for later, and relieved of what it made.
import { forgetCells, recordCell, type Cell } from "../shared/cells.ts";
import { attemptFolder } from "../shared/files.ts";
import { storageRoom } from "../shared/storage.ts";
import type { Artifact, StepName } from "../shared/types.ts";
import { collect, snapshot, type Outputs } from "./artifacts.ts";
import { createConsole } from "./console.ts";
import type { RunOutcome } from "./e2b_client.ts";
import type { ClaimedJob, JobContext } from "./handlers/handler.ts";
import type { InputFile } from "./inputs.ts";
import type { Report } from "./report.ts";
import type { OpenedSandbox } from "./sandboxes.ts";

/** How long the steps take, in hundredths of the whole: a chart from a small file, measured on this machine's own sandbox. */
const WEIGHTS = { sandbox: 3, upload: 2, profile: 12, run: 80, collect: 3 } as const satisfies {
  readonly [step in StepName]?: number;
};

/** What is kept of a cell's output for whoever reads the conversation later: its beginning and its end. */
const KEPT_OUTPUT = 4_000;

export type Ran = {
  readonly outcome: RunOutcome;
  readonly stdout: string;
  readonly stderr: string;
  readonly artifacts: readonly Artifact[];
  /** Sentences about what could not be brought out. */
  readonly notes: readonly string[];
};

export type Work = { readonly kind: Cell["kind"]; readonly code: string; readonly title: string };

export type Workbench = AsyncDisposable & {
  /** Opens it, and brings the files, if that has not been done. */
  readonly sandbox: () => Promise<OpenedSandbox>;
  readonly isOpen: () => boolean;
  /** Runs it as a step of the job. A shell's failure is an error named `ExitCode`. */
  readonly run: (work: Work) => Promise<Ran>;
  /** Runs without telling, keeping or collecting anything. */
  readonly look: (code: string) => Promise<{ readonly outcome: RunOutcome; readonly stdout: string }>;
  readonly meter: Meter;
};

/** `share` of this step is done. */
export type Meter = (step: keyof typeof WEIGHTS, share?: number) => void;

export type Kit = {
  readonly files: readonly InputFile[];
  /** Of what people see of the progress. */
  readonly isPlanned: boolean;
  /** Of the sandbox, before the first cell of this job. */
  readonly prepare?: (sandbox: OpenedSandbox) => Promise<void>;
  /** Whether it can reach anything; kept with each cell. */
  readonly hasNetwork?: () => boolean;
};

/** A look that prints more than this is not ours. */
const MAX_LOOK_BYTES = 2 ** 20;
/** The job's own limit comes so much before that of its code, and says what can be done about it. */
const GRACE_MS = 1_000;

export function openWorkbench(job: ClaimedJob, context: JobContext, kit: Kit): Workbench {
  const { report, board, clock } = context;
  const meter = createMeter(report, { hasFiles: kit.files.length > 0, isPlanned: kit.isPlanned });
  const brought = { names: new Set<string>(), bytes: 0 };
  let opening: Promise<OpenedSandbox> | null = null;

  const open = async (): Promise<OpenedSandbox> => {
    await forgetCells(board, job);
    const sandbox = await report.step("sandbox", "Preparing a sealed sandbox", context.openSandbox);
    meter("sandbox");
    if (kit.files.length > 0)
      await report.step("upload", titleOfUpload(kit.files), () => upload(sandbox, kit.files, meter));
    await kit.prepare?.(sandbox);
    return sandbox;
  };

  const keep = (work: Work, ran: Ran) =>
    recordCell(
      board,
      {
        jobId: job.jobId,
        kind: work.kind,
        code: work.code,
        outcome: ran.outcome.error === null ? "ok" : "error",
        output: ends(outputOf(ran), KEPT_OUTPUT),
        hadNetwork: kit.hasNetwork?.() ?? false,
      },
      clock.now(),
    );

  const bench: Workbench = {
    sandbox: () => (opening ??= open()),
    isOpen: () => opening !== null,
    meter,
    look: async (code) => {
      const output = createConsole(null, MAX_LOOK_BYTES);
      const sandbox = await (opening ??= open());
      // In a namespace of its own: nothing of a person's variables is touched.
      const apart = `exec(compile(${JSON.stringify(code)}, "<look>", "exec"), {"__name__": "look"})`;
      const outcome = await sandbox.run(apart, { timeoutMs: context.remainingMs() + GRACE_MS, onOutput: output.write });
      return { outcome, stdout: output.stdout() };
    },
    run: async (work) => {
      const sandbox = await (opening ??= open());
      const ran = await runCell(job, context, sandbox, work, meter, brought);
      await keep(work, ran);
      return ran;
    },
    [Symbol.asyncDispose]: async () => {
      // One that could not be opened has said so already.
      const sandbox = await opening?.catch(() => null);
      await sandbox?.close();
    },
  };
  return bench;
}

/** What the job's cells have brought out so far. */
type Brought = { readonly names: Set<string>; bytes: number };

async function runCell(
  job: ClaimedJob,
  context: JobContext,
  sandbox: OpenedSandbox,
  work: Work,
  meter: Meter,
  brought: Brought,
): Promise<Ran> {
  const { report, config } = context;
  const kept = {
    stdout: createConsole(null, config.maxOutputBytes),
    stderr: createConsole(null, config.maxOutputBytes),
  };
  const onOutput = (stream: "stdout" | "stderr", text: string) => {
    context.console.write(stream, text);
    // A console keeps what is called stdout.
    kept[stream].write("stdout", text);
  };
  const { before, outcome } = await report.step("run", work.title, async () => {
    const before = await snapshot(sandbox);
    const options = { timeoutMs: context.remainingMs() + GRACE_MS, onOutput };
    if (work.kind === "python") return { before, outcome: await sandbox.run(work.code, options) };
    return { before, outcome: ofExit(await sandbox.command(work.code, options)) };
  });
  meter("run");
  const collected = await report.step("collect", "Collecting what came out", async () => {
    const collected = await collect(sandbox, before, outcome.results, outputsOf(job, context, brought));
    brought.bytes += collected.artifacts.reduce((sum, { bytes }) => sum + bytes, 0);
    await context.addArtifacts(collected);
    return collected;
  });
  meter("collect");
  return { outcome, stdout: kept.stdout.stdout(), stderr: kept.stderr.stdout(), ...collected };
}

const ofExit = (code: number): RunOutcome => ({
  results: [],
  error: code === 0 ? null : { name: "ExitCode", value: String(code), traceback: "" },
});

/** What a cell showed, in the order of its importance for whoever reads on. */
export function outputOf({ outcome, stdout, stderr }: Pick<Ran, "outcome" | "stdout" | "stderr">): string {
  // A picture's text says nothing that the picture does not.
  const values = outcome.results.flatMap(({ text, files }) => (text === null || files.length > 0 ? [] : [text]));
  const failed =
    outcome.error === null ? [] : [outcome.error.traceback || `${outcome.error.name}: ${outcome.error.value}`];
  return [stdout, ...values, stderr, ...failed].filter((part) => part.trim() !== "").join("\n");
}

/** The beginning and the end of a text that is longer than `max` characters; most of the end, where errors are. */
export function ends(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = Math.floor(max * 0.4);
  const left = text.length - max;
  return `${text.slice(0, head)}\n… ${left} characters left out …\n${text.slice(head - max)}`;
}

async function upload(sandbox: OpenedSandbox, files: readonly InputFile[], meter: Meter): Promise<void> {
  const sizes = files.map((file) => Bun.file(file.source).size);
  const total = Math.max(
    1,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  let copied = 0;
  for (const [index, file] of files.entries()) {
    await sandbox.upload(file.target, file.source);
    copied += sizes[index] ?? 0;
    meter("upload", copied / total);
  }
}

/** Told is only what has been done: within a step that says nothing of itself nothing moves. */
function createMeter(report: Report, job: { readonly hasFiles: boolean; readonly isPlanned: boolean }): Meter {
  const { upload, profile } = WEIGHTS;
  const total = 100 - (job.hasFiles ? 0 : upload) - (job.isPlanned ? 0 : profile);
  const done = new Map<keyof typeof WEIGHTS, number>();
  return (step, share = 1) => {
    done.set(step, share * WEIGHTS[step]);
    report.progress(done.values().reduce((sum, one) => sum + one, 0) / total);
  };
}

function outputsOf(job: ClaimedJob, { board, config }: JobContext, { names, bytes }: Brought): Outputs {
  const shownAs = `storage/outputs/${attemptFolder(job)}`;
  return {
    jobId: job.jobId,
    folder: `${config.home}/${shownAs}`,
    shownAs,
    maxBytes: Math.max(0, config.maxArtifactBytes - bytes),
    roomBytes: board.read((tx) => storageRoom(tx, config)),
    names,
  };
}

const titleOfUpload = (files: readonly InputFile[]): string =>
  files.length === 1 ? `Copying ${files[0]?.name ?? "the file"} into it` : `Copying ${files.length} files into it`;
