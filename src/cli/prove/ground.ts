// Where attacks are tried: a sandboxd of its own with secrets all around it, rooms in it, and a Python outside for the controls.
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox } from "@e2b/code-interpreter";
import { z } from "zod";
import { architectureOf } from "../../sandboxd/room/seccomp.ts";
import { AARCH64 } from "../../sandboxd/room/syscalls/aarch64.ts";
import { X86_64 } from "../../sandboxd/room/syscalls/x86_64.ts";
import { findTools } from "../../sandboxd/tools.ts";
import type { Config } from "../../shared/config.ts";
import type { Finding } from "./finding.ts";
import inside from "./inside.py" with { type: "text" };
import { startServer, type ProvedServer, type Way } from "./server.ts";

export type Given = Record<string, unknown>;

export type Ground = AsyncDisposable & {
  readonly config: Config;
  readonly way: Way;
  /** A folder of this machine that goes when all is done. */
  readonly folder: string;
  readonly server: ProvedServer;
  /** What nobody in a room may ever see, by the place where it lies. */
  readonly secrets: Readonly<Record<string, string>>;
  /** A moment before the secrets were made, in seconds. */
  readonly since: number;
  readonly create: ProvedServer["create"];
  /** The room that attempts share which leave nothing behind. */
  readonly room: () => Promise<Sandbox>;
  readonly inside: (source: string, act: string, given: Given, sandbox: Sandbox) => Promise<Finding>;
  /** Runs the same outside, as the user of this program. */
  readonly outside: (source: string, act: string, given: Given) => Promise<Finding>;
  /** The whole program that does one act of a source. */
  readonly script: (source: string, act: string, given: Given) => string;
  /** Starts another server like this one; whoever asks ends it. */
  readonly another: (root?: string) => Promise<ProvedServer>;
};

const PLACES = ["environment", "env file", "board", "storage", "home", "argv", "key", "neighbour"] as const;
const Found = z.tuple([z.array(z.string()), z.string()]);
const MARK = "\u0002";

/** What the SDK may take at most for one call. */
const REQUEST_MS = 50_000;

export async function openGround(config: Config, way: Way): Promise<Ground> {
  const since = Date.now() / 1_000 - 1;
  const folder = mkdtempSync(join(tmpdir(), "sandpiper-prove-"));
  const secrets = Object.fromEntries(PLACES.map((place) => [place, `canary-${randomBytes(20).toString("hex")}`]));
  await plant(folder, secrets);
  const another = async (root = config.root) => await startServer({ config, way, root, folder, secrets });
  const server = await another().catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const python = pythonOf(config);
  let room: Sandbox | null = null;
  return {
    config,
    way,
    folder,
    server,
    secrets,
    since,
    create: server.create,
    room: async () => {
      if (room === null || !(await room.isRunning().catch(() => false))) room = await server.create();
      return room;
    },
    script,
    inside: async (source, act, given, sandbox) => {
      const own = { folder: "/tmp", outside: false, top: "/", program: "/usr/bin/env" };
      return await runInside(sandbox, script(source, act, { ...own, ...given }));
    },
    outside: async (source, act, given) => {
      const own = { folder, top: folder, program: join(folder, "program") };
      return await runOutside(python, folder, script(source, act, { ...given, ...own, outside: true }), secrets);
    },
    another,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A Sandpiper's folder and a person's home, both made up. */
async function plant(folder: string, secrets: Readonly<Record<string, string>>): Promise<void> {
  for (const name of ["data", "storage/uploads", "home/.ssh"]) mkdirSync(join(folder, name), { recursive: true });
  await Bun.write(join(folder, ".env"), `TELEGRAM_BOT_TOKEN=${secrets["env file"]}\n`);
  await Bun.write(join(folder, "data/jobs.db"), `SQLite format 3\0${secrets["board"]}`);
  await Bun.write(join(folder, "storage/uploads/1.csv"), `a,b\n${secrets["storage"]},1\n`);
  await Bun.write(join(folder, "home/.ssh/id_ed25519"), `${secrets["home"]}\n`);
  await Bun.write(join(folder, "program"), "#!/bin/sh\nsleep 1\n");
}

function pythonOf(config: Config): string {
  return findTools({ root: config.root, bwrap: config.bwrap, python: config.python }).python.executable;
}

function common(): Given {
  const table = architectureOf(process.arch) === "x86_64" ? X86_64 : AARCH64;
  return { calls: Object.fromEntries(table), hostname: hostname() };
}

function script(source: string, act: string, given: Given): string {
  const literal = JSON.stringify(JSON.stringify({ ...common(), ...given }));
  return `${inside}\n${source}\ngiven = json.loads(${literal})\n__found = ${act}(given)\nif isinstance(__found, tuple): print("${MARK}" + json.dumps(__found) + "${MARK}", flush=True)`;
}

/** Throws when the act did not come to its end. */
export function findingIn(text: string, complaint: string): Finding {
  const found = text.split(MARK)[1];
  if (found === undefined) throw new Error(complaint.slice(-500) || `it said nothing but “${text.slice(-200)}”`);
  const [got, seen] = Found.parse(JSON.parse(found));
  return { got, seen };
}

async function runInside(sandbox: Sandbox, code: string): Promise<Finding> {
  const { logs, error } = await sandbox.runCode(code, { timeoutMs: REQUEST_MS, requestTimeoutMs: REQUEST_MS });
  return findingIn(logs.stdout.join(""), error?.traceback ?? logs.stderr.join(""));
}

async function runOutside(
  python: string,
  folder: string,
  code: string,
  secrets: Readonly<Record<string, string>>,
): Promise<Finding> {
  const child = Bun.spawn([python, "-I", "-c", code], {
    cwd: folder,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", SECRET: secrets["environment"] ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 15_000,
    killSignal: "SIGKILL",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return out.includes("\u0001kept\u0001") ? { got: ["it was allowed to keep it"], seen: "" } : findingIn(out, err);
}

/** A secret that may be told inside of a room without being found there by whoever looks for it. */
export function veil(secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secrets).map(([name, secret]) => [
      name,
      Buffer.from(Buffer.from(secret).map((byte) => byte ^ 0x55)).toString("hex"),
    ]),
  );
}
