// A checkout of a test's own, and programs run in it as on a machine that knows nothing of Sandpiper.
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../../src/shared/config.ts";
import { temporaryFolder } from "../shared/temporary.ts";

export const isRoot = process.getuid?.() === 0;
/** No account of any distribution has this number. */
const ORDINARY_ID = 64_123;
const PARTS = ["package.json", "bun.lock", ".npmrc", "bunfig.toml", "tsconfig.json", "src", "scripts"];

/** Stands for the product: says where it listens, and stops when it is told to. */
const SERVER = `const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("here") });
process.on("SIGTERM", () => process.exit(Number(process.env.EXIT_CODE ?? 0)));
process.on("SIGINT", () => process.exit(0));
console.log("ready", server.url.href, process.argv.slice(2).join(" "));
`;

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };
type Settings = Readonly<Record<string, string>>;
type Options = { readonly env?: Settings; readonly isOrdinary?: boolean };
export type Started = AsyncDisposable & {
  readonly pid: number;
  /** Resolves to the line in which the server says where it is; rejects with stderr when it ends before. */
  readonly ready: Promise<string>;
  readonly outcome: Promise<Outcome>;
  readonly kill: (signal: NodeJS.Signals) => void;
};

export type Project = Disposable & {
  readonly path: string;
  readonly home: string;
  /** Replaces a file; hard links to other projects stay as they are. */
  readonly write: (file: string, text: string) => void;
  readonly remove: (...files: string[]) => void;
  readonly run: (command: readonly string[], options?: Options) => Promise<Outcome>;
  readonly start: (command: readonly string[], options?: Options) => Started;
  /** The same files once more, by hard links. */
  readonly copy: () => Project;
  /** A folder for PATH that holds these programs of the system alone. */
  readonly pathOf: (...programs: string[]) => string;
  /** Gives all files to the ordinary user that `isOrdinary` runs as. */
  readonly handOver: () => void;
};

/** Today's sources, with a small server in the place of the product's. */
export function checkout(): Project {
  const project = openProject();
  for (const part of PARTS) cpSync(join(ROOT, part), join(project.path, part), { recursive: true });
  project.write("src/main.ts", SERVER);
  return project;
}

function openProject(): Project {
  const folder = temporaryFolder();
  const [path, home] = [join(folder.path, "project"), join(folder.path, "home")];
  mkdirSync(path);
  mkdirSync(home);
  Bun.spawnSync(["chmod", "755", folder.path]);
  const start = (command: readonly string[], options: Options = {}) => launch({ path, home }, command, options);
  return {
    path,
    home,
    start,
    run: (command, options) => start(command, options).outcome,
    write: (file, text) => {
      rmSync(join(path, file), { force: true });
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), text);
    },
    remove: (...files) => files.forEach((file) => rmSync(join(path, file), { recursive: true, force: true })),
    copy: () => {
      const copied = openProject();
      finish(["cp", "-al", `${path}/.`, copied.path]);
      return copied;
    },
    pathOf: (...programs) => {
      const bin = join(folder.path, `bin-${programs.join("-")}`);
      mkdirSync(bin);
      for (const program of programs) symlinkSync(locate(program), join(bin, program));
      return bin;
    },
    handOver: () => finish(["chown", "-R", `${ORDINARY_ID}:${ORDINARY_ID}`, folder.path]),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** The Bun of the tests need not be on the path. */
function locate(program: string): string {
  const path = program === "bun" ? process.execPath : Bun.which(program);
  if (path === null) throw new Error(`There is no ${program} on this machine.`);
  return path;
}

function launch(place: { path: string; home: string }, command: readonly string[], options: Options): Started {
  const asOrdinary = `setpriv --reuid ${ORDINARY_ID} --regid ${ORDINARY_ID} --clear-groups`.split(" ");
  const child = Bun.spawn([...(options.isOrdinary && isRoot ? asOrdinary : []), ...command], {
    cwd: place.path,
    env: { HOME: place.home, PATH: "/usr/bin:/bin", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ready = Promise.withResolvers<string>();
  const stdout = follow(child.stdout, (text) => {
    const line = /^ready .*$/m.exec(text)?.[0];
    if (line !== undefined) ready.resolve(line);
  });
  const stderr = follow(child.stderr, () => {});
  const outcome = Promise.all([child.exited, stdout, stderr]).then(([code, out, err]) => {
    ready.reject(new Error(`It ended with ${code} before it was ready. ${err}`));
    return { code, stdout: out, stderr: err };
  });
  // Who does not wait for the server has no use for its failure.
  ready.promise.catch(() => {});
  return {
    pid: child.pid,
    ready: ready.promise,
    outcome,
    kill: (signal) => child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await outcome;
    },
  };
}

async function follow(stream: ReadableStream<Uint8Array>, onText: (whole: string) => void): Promise<string> {
  let whole = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    whole += decoder.decode(chunk, { stream: true });
    onText(whole);
  }
  return whole;
}

function finish(command: readonly string[]): void {
  const result = Bun.spawnSync([...command]);
  if (result.exitCode !== 0) throw new Error(result.stderr.toString());
}
