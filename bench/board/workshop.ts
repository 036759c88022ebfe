// Where a run of the benchmark happens: its folders on a real disk and its processes, all gone at the end.
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Measurements } from "../sections.ts";
import { Program, type ProgramOptions } from "./program.ts";

const ROOT = join(import.meta.dir, "../..");
/** statfs(2): what is in memory only has no disk to wait for. */
const TMPFS_MAGIC = 0x01021994;

/** Whatever becomes of the benchmark, its programs end with it. */
export const BUN = [process.execPath, "--no-env-file", "--no-orphans"] as const;

type Speaking = Pick<ProgramOptions, "env" | "speaks">;

export class Workshop implements AsyncDisposable {
  readonly #folder: string;
  readonly #programs = new Set<Program>();
  #homes = 0;

  constructor() {
    const isInMemory = statfsSync(tmpdir()).type === TMPFS_MAGIC;
    const parent = isInMemory ? join(ROOT, "data") : tmpdir();
    mkdirSync(parent, { recursive: true });
    this.#folder = mkdtempSync(join(parent, "sandpiper-bench-"));
  }

  /** An empty folder for one board. Short: sockets live below it. */
  home(): string {
    this.#homes += 1;
    const home = join(this.#folder, String(this.#homes));
    mkdirSync(join(home, "data"), { recursive: true, mode: 0o700 });
    return home;
  }

  /** One of bench/board/programs. */
  bun(name: string, args: readonly (string | number)[], flags: readonly string[] = []): Program {
    const file = join(import.meta.dir, "programs", `${name}.ts`);
    return this.start([...BUN, ...flags, file, ...args.map(String)], { speaks: "ipc" });
  }

  /** A program that has nothing of ours but knows the seven columns. */
  foreign(mode: "ask" | "loop", home: string, forMs = 0): Program {
    const python = Bun.which("python3");
    if (python === null) throw new Error("python3 is needed: it plays the program that is not ours.");
    const file = join(import.meta.dir, "programs/foreign.py");
    return this.start([python, file, mode, boardFile(home), String(forMs)], { speaks: "lines" });
  }

  /** The real core on a free port, as `npm start` starts it. */
  async core(home: string): Promise<{ readonly program: Program; readonly port: number }> {
    const env = { ...process.env, SANDPIPER_HOME: home, SANDPIPER_PORT: "0", SANDPIPER_SUPERVISED: "1" };
    const argv = [...BUN, "--smol", join(ROOT, "src/core/server.ts")];
    const program = this.start(argv, { env: { ...env, SANDPIPER_SANDBOX: "local" }, speaks: "ipc" });
    const { port } = await program.next("ready");
    if (port === undefined) throw new Error("core did not say where it listens.");
    return { program, port };
  }

  start(argv: readonly string[], options: Speaking): Program {
    const program = new Program({ argv, cwd: ROOT, ...options });
    this.#programs.add(program);
    return program;
  }

  /** For measurements that leave much behind. */
  discard(home: string): void {
    rmSync(home, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A section of a benchmark with a workshop of its own. */
export function inWorkshop<Sizes>(measure: (workshop: Workshop, sizes: Sizes) => Promise<Measurements>) {
  return async (sizes: Sizes): Promise<Measurements> => {
    await using workshop = new Workshop();
    const end = () => void workshop[Symbol.asyncDispose]().finally(() => process.exit(130));
    process.once("SIGINT", end).once("SIGTERM", end);
    try {
      return await measure(workshop, sizes);
    } finally {
      process.off("SIGINT", end).off("SIGTERM", end);
    }
  };
}

export const boardFile = (home: string): string => join(home, "data/jobs.db");

/** One that nobody listens on at this moment. */
export function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

/** Comparable between processes (ms since the epoch, with fractions). */
export const stamp = (): number => performance.timeOrigin + performance.now();

/** Until an idle moment has passed: between 50 and 150 ms, never in step with anybody's timer. */
export const idleMoment = (): Promise<void> => Bun.sleep(50 + Math.random() * 100);
