// The real programs in a folder of their own: core, two workers, and somebody who plays E2B.
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { append } from "./ledger.ts";
import { openProvider, type Provider } from "../../test/worker/fake_provider.ts";
import type { Sizes } from "./sizes.ts";
import { Slot } from "./slot.ts";

const ROOT = join(import.meta.dir, "../..");
/** statfs(2): what is in memory only has no disk. */
const TMPFS_MAGIC = 0x01021994;
const CONCURRENCY = 8;
/** Mostly as quick as E2B, now and then not: a caller may die in the middle. */
const createMs = (): number => (Math.random() < 0.05 ? 500 + Math.random() * 1_500 : 30 + Math.random() * 120);

export type House = AsyncDisposable & {
  readonly home: string;
  readonly database: string;
  readonly ledger: string;
  readonly core: Slot;
  readonly workers: readonly Slot[];
  readonly provider: Provider;
  /** From now on, and until it is rested, the provider takes seconds for a sandbox. */
  readonly tire: (isTired: boolean) => void;
  /** How often each error was written to a log, by the name of its event. */
  readonly errors: ReadonlyMap<string, number>;
};

const LogLine = z.looseObject({
  level: z.string(),
  event: z.string(),
  job: z.string().optional(),
  attempt: z.number().optional(),
});

const OUTCOMES = new Set(["job-settled", "job-lost", "job-retrying", "job-handed-back"]);

export function openHouse(sizes: Sizes): House {
  const isInMemory = statfsSync(tmpdir()).type === TMPFS_MAGIC;
  const parent = isInMemory ? join(ROOT, "data") : tmpdir();
  mkdirSync(parent, { recursive: true });
  const home = mkdtempSync(join(parent, "sandpiper-chaos-"));
  const ledger = join(home, "ledger.jsonl");
  let isTired = false;
  const provider = openProvider(() => (isTired ? sizes.makingMs : createMs()));
  const errors = new Map<string, number>();
  const base = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    SANDPIPER_HOME: home,
    SANDPIPER_SANDBOX: "e2b",
    SANDPIPER_SUPERVISED: "1",
    SANDPIPER_LEASE_SECONDS: String(sizes.leaseMs / 1_000),
    SANDPIPER_CONCURRENCY: String(CONCURRENCY),
    SANDPIPER_JOB_USD: "100000",
    SANDPIPER_DAY_USD: "100000",
    SANDPIPER_MONTH_USD: "100000",
  };
  const keys = { E2B_API_KEY: provider.key, E2B_API_URL: provider.url, E2B_SANDBOX_URL: provider.url };
  const onLine = (line: string) => hear(line, ledger, errors);
  const bun = (file: string, ...args: string[]) => [
    process.execPath,
    "--no-env-file",
    "--smol",
    join(ROOT, file),
    ...args,
  ];
  const core: Slot = new Slot({
    name: "core",
    // Started again it is to be found where it was.
    command: () => ({ argv: bun("src/core/server.ts"), env: { ...base, SANDPIPER_PORT: String(core.port) } }),
    cwd: ROOT,
    onLine,
  });
  const worker = () =>
    new Slot({
      name: "worker",
      command: () => ({ argv: bun("bench/chaos/worker.ts", ledger), env: { ...base, ...keys } }),
      cwd: ROOT,
      onLine,
    });
  const workers = [worker(), worker()];
  return {
    home,
    database: join(home, "data/jobs.db"),
    ledger,
    core,
    workers,
    provider,
    tire: (isSo) => void (isTired = isSo),
    errors,
    [Symbol.asyncDispose]: async () => {
      for (const slot of [...workers, core]) await slot.kill();
      await provider[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function hear(line: string, ledger: string, errors: Map<string, number>): void {
  const { level, event, job, attempt } = LogLine.parse(JSON.parse(line));
  if (level === "error") errors.set(event, (errors.get(event) ?? 0) + 1);
  if (OUTCOMES.has(event) && job !== undefined && attempt !== undefined)
    append(ledger, { kind: "said", job, attempt, outcome: event });
}
