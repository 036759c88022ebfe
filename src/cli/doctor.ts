// `sandpiper doctor`: checks every part by doing what it is for, not by looking at versions.
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { loadConfig, readEnvironment, type Config } from "../shared/config.ts";
import { diskLowSentence, freeBytes, isDiskLow } from "../shared/disk.ts";
import { toAppError } from "../shared/errors.ts";
import { speakersOf } from "../shared/models.ts";
import { gibibytes, mebibytes } from "../shared/sizes.ts";
import { stopSignal } from "../shared/stop.ts";
import { connect, type Client } from "./client.ts";
import { examine, findProblems } from "./health.ts";
import { printable } from "./printable.ts";
import abilitiesSource from "./abilities.py" with { type: "text" };

export const usage = "doctor [--json]                check every part by using it, and say what helps";

type Check = { readonly name: string; readonly ok: boolean; readonly found: string; readonly fix?: string };

/** SQLite empties the log in time, unless somebody keeps an old state of the board open. */
const MAX_LOG_BYTES = 256 * 2 ** 20;

export async function doctor(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { json: { type: "boolean", default: false } } });
  const config = loadConfig(readEnvironment());
  const checks: Check[] = [];
  const run = async (name: string, fix: string, work: () => Promise<string> | string): Promise<void> => {
    const check = await attempt(name, fix, work);
    checks.push(check);
    if (!values.json)
      console.log(
        `${check.ok ? "✓" : "✗"} ${name}: ${check.found}${check.fix === undefined ? "" : `\n    → ${check.fix}`}`,
      );
  };
  await run("settings", "correct the names in .env", () => config.warnings.join(" ") || "no unknown names");
  await run("folders", "free some disk space, or give the folder to the user that starts Sandpiper", () =>
    checkFolders(config),
  );
  await run("board", "put a backup in its place (bun run restore), or move data/jobs.db away to begin anew", () =>
    checkBoard(config),
  );
  await run("storage", "delete conversations that you do not need, or raise SANDPIPER_STORAGE_GB", () =>
    checkStorage(config),
  );
  await run("dashboard", "npm run setup", () => checkPage(config));
  await run("model", "bun run models", () => checkModel(config));
  if (config.sandbox === "local") await run("isolation", "see the sentence above", () => probeRoom(config));
  await run("a job, end to end", "see data/logs/ (bun run logs)", () => checkJob());
  if (values.json)
    console.log(JSON.stringify({ ok: checks.every((check) => check.ok), sandbox: config.sandbox, checks }));
  return checks.every((check) => check.ok) ? 0 : 1;
}

async function attempt(name: string, fix: string, work: () => Promise<string> | string): Promise<Check> {
  try {
    return { name, ok: true, found: await work() };
  } catch (error) {
    if (error instanceof ProbeFailure) return { name, ok: false, found: error.message, fix: error.fix };
    const known = toAppError(error);
    const found = known.code === "internal" && error instanceof Error ? error.message : known.message;
    return { name, ok: false, found, fix };
  }
}

class ProbeFailure extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

async function checkFolders(config: Config): Promise<string> {
  for (const folder of [config.dataDir, config.storageDir]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `.doctor-${process.pid}`);
    await Bun.write(file, "written");
    if ((await Bun.file(file).text()) !== "written")
      throw new Error(`${folder} does not give back what was written to it.`);
    await rm(file);
  }
  if (isDiskLow(config)) throw new Error(diskLowSentence(config));
  return `written and read back; ${gibibytes(freeBytes(config.dataDir))} free`;
}

/** Exported for its test: the others need a whole Sandpiper. */
export async function checkBoard(config: Config): Promise<string> {
  const [problem, ...more] = findProblems(config) ?? [];
  if (problem !== undefined)
    throw new Error(`data/jobs.db is damaged: ${problem}${more.length === 0 ? "" : ` (and ${more.length} more)`}`);
  const { statistics, mismatches, logBytes } = await examine(config, Date.now());
  if (mismatches > 0)
    throw new ProbeFailure(
      `${mismatches} jobs have a public row and a run that do not agree.`,
      "see which program writes to data/jobs.db with triggers switched off",
    );
  if (logBytes > MAX_LOG_BYTES)
    throw new ProbeFailure(
      `data/jobs.db-wal has grown to ${mebibytes(logBytes)}: a program keeps an old state of the board open.`,
      "close the programs that read data/jobs.db",
    );
  const { jobs = 0 } = statistics.rows;
  return `sound: ${jobs} jobs in ${mebibytes(statistics.fileBytes)}; the log beside it has ${mebibytes(logBytes)}`;
}

export async function checkStorage(config: Config): Promise<string> {
  const { usage, orphans, orphanBytes, missing } = await examine(config, Date.now());
  const used = usage.uploadBytes + usage.artifactBytes;
  const share = `${gibibytes(used)} of ${gibibytes(config.storageBytes)}`;
  if (used >= config.storageBytes) throw new Error(`Uploads and results take ${share}; nothing new is accepted.`);
  if (missing > 0)
    throw new ProbeFailure(
      `${missing} files that the board names are not in storage/.`,
      "put a backup in its place (bun run restore), or delete the conversations that miss them",
    );
  const files = usage.uploads + usage.artifacts;
  const nobodys = orphans === 0 ? "" : `; ${orphans} files (${mebibytes(orphanBytes)}) that no row names go soon`;
  return `${files} files, ${share}${nobodys}`;
}

export function checkModel(config: Config): string {
  const { names, problem } = speakersOf(config);
  if (problem !== null) throw new Error(problem);
  return names.length === 0
    ? "none: the built-in planner answers"
    : `${printable(names.join(", then "))}; the keys they need are set`;
}

function checkPage(config: Config): string {
  if (!existsSync(join(config.root, "dist/web/index.html"))) throw new Error("The dashboard has not been built.");
  return "built";
}

const Probe = z.discriminatedUnion("ok", [
  z.object({
    ok: z.literal(true),
    versions: z.record(z.string(), z.string()).optional(),
    forks: z.boolean().nullable().optional(),
    counts: z.boolean().nullable().optional(),
  }),
  z.object({ ok: z.literal(false), layer: z.string(), message: z.string(), fix: z.string() }),
]);
const Tools = z.object({
  bwrap: z.string(),
  python: z.object({ executable: z.string(), site: z.string().nullable(), base: z.string().nullable() }),
});

/** Makes a real room in a process of its own and imports the packages in it. */
async function probeRoom(config: Config): Promise<string> {
  const setup = Bun.file(join(config.root, ".tools/setup.json"));
  if (!(await setup.exists())) throw new ProbeFailure("The sandbox has not been set up.", "npm run setup");
  const { bwrap, python } = Tools.parse(await setup.json());
  const options = {
    "--bwrap": config.bwrap || bwrap,
    "--python": config.python || python.executable,
    "--site": python.site,
    "--base": python.base,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => (value === null ? [] : [name, value]));
  const child = Bun.spawn([process.execPath, join(config.root, "src/sandboxd/probe.ts"), ...flags, "--forks"], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const probe = Probe.parse(JSON.parse(await new Response(child.stdout).text()));
  if (!probe.ok) throw new ProbeFailure(probe.message, probe.fix);
  const versions = Object.entries(probe.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  const way = probe.forks === true ? "forked from a Python that is ready" : "with Python started inside (slower)";
  const memory = probe.counts === true ? "counted by the kernel (cgroups)" : "watched (no cgroups here)";
  return `tier: namespaces + seccomp, shared kernel; rooms are made ${way}; their memory is ${memory}; ${versions.join(", ")}`;
}

const Receipt = z.object({ job_id: z.string(), conversation_id: z.string() });
const Ended = z.object({
  job: z.object({
    status: z.string(),
    output: z.object({ stdout: z.string(), error: z.object({ message: z.string() }).optional() }),
    artifacts: z.array(z.object({ name: z.string(), mediaType: z.string(), bytes: z.number() })),
    durationMs: z.number().nullable(),
  }),
});
const Abilities = z.object({
  python: z.string(),
  packages: z.array(z.string()),
  browser: z.boolean(),
  network: z.boolean(),
});

/** A message like a person's: through core, the board and the worker into a sandbox, and a chart back. */
async function checkJob(): Promise<string> {
  const stop = stopSignal();
  await using client = await connect(stop);
  const receipt = await client.call(Receipt, "/api/messages", { json: { text: "doctor", code: abilitiesSource } });
  try {
    return await followJob(client, receipt.job_id, stop);
  } finally {
    await client.remove(`/api/conversations/${receipt.conversation_id}`);
  }
}

async function followJob(client: Client, jobId: string, stop: AbortSignal): Promise<string> {
  let last = "";
  for await (const event of client.follow(jobId, stop)) last = event.kind;
  const { job } = await client.call(Ended, `/api/jobs/${jobId}`);
  if (last !== "job-completed") throw new Error(job.output.error?.message ?? "The job did not end.");
  const chart = job.artifacts.find((artifact) => artifact.mediaType === "image/png");
  if (chart === undefined) throw new Error("The job ran, but no chart came out.");
  const abilities = Abilities.parse(JSON.parse(job.output.stdout));
  return (
    `chart of ${chart.bytes} bytes in ${job.durationMs ?? 0} ms; Python ${abilities.python}; ${abilities.packages.join(", ")}; ` +
    `browser: ${abilities.browser ? "yes" : "no"}; network: ${abilities.network ? "open" : "closed"}`
  );
}
