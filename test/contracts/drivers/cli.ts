// The terminal: `sandpiper ask`, the real program, a process a message.
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { text as asText } from "../../../src/shared/rows.ts";
import { MAIN } from "../../cli/command.ts";
import { environment } from "../../e2e/sandpiper.ts";
import { until } from "../../e2e/until.ts";
import type { House } from "../house.ts";
import { WITHIN_MS, type Chat, type Driver, type Job, type Seen } from "./driver.ts";
import { jobsWhere } from "./jobs.ts";

export function cliDriver(house: House): Driver {
  let lane: Promise<void> = Promise.resolve();
  let chats = 0;
  return {
    name: "the command line",
    can: {
      asksAboutFiles: "never",
      buttons: 0,
      answersInOrder: false,
      deliversTwice: false,
      words: null,
      sendsFilesTogether: true,
    },
    open: async () => {
      const before = lane;
      const { promise, resolve } = Promise.withResolvers<void>();
      lane = promise;
      await before;
      chats += 1;
      return chatOf(house, join(house.sandpiper.home, "terminal", String(chats)), resolve);
    },
  };
}

/** A command as it was typed. */
type Typed = {
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly said: Promise<Seen>;
  isOver: boolean;
};

function chatOf(house: House, folder: string, onEnd: () => void): Chat {
  const typed: Typed[] = [];
  const jobIds: string[] = [];
  mkdirSync(folder, { recursive: true });
  const type = (words: readonly string[]): Promise<void> =>
    house.alone(async () => {
      const args = typed.length === 0 ? words : ["--continue", ...words];
      const known = new Set(askedOf(house).map(({ jobId }) => jobId));
      const command = spawn(house.sandpiper.home, join(folder, String(typed.length + 1)), args);
      typed.push(command);
      const fresh = () => askedOf(house).filter(({ jobId }) => !known.has(jobId));
      // The next command goes on where this one was, as soon as that is noted.
      const isNoted = async () => {
        const note = Bun.file(join(house.sandpiper.home, "data/last_talk"));
        return (await note.exists()) && (await note.text()).trim() === fresh()[0]?.conversationId;
      };
      await until(async () => command.isOver || (fresh().length > 0 && (await isNoted())), WITHIN_MS);
      jobIds.push(...fresh().map(({ jobId }) => jobId));
    });
  return {
    send: async (text, files = []) => {
      const paths = await Promise.all(
        files.map(async ({ name, bytes }) => {
          const path = join(folder, name);
          await Bun.write(path, bytes);
          return path;
        }),
      );
      await type([text, ...paths]);
    },
    press: (title) => Promise.reject(new Error(`A terminal has no button ${title}.`)),
    run: async (code) => {
      const path = join(folder, "own.py");
      await Bun.write(path, code);
      await type(["--code", path]);
    },
    // Ctrl-C.
    stop: () => Promise.resolve(typed.filter(({ isOver }) => !isOver).forEach(({ child }) => child.kill("SIGINT"))),
    redeliver: () => Promise.reject(new Error("A command that is typed twice is two.")),
    seen: () => Promise.all(typed.filter(({ isOver }) => isOver).map(({ said }) => said)),
    jobs: () => jobIds.flatMap((id): Job[] => jobsWhere(house, "job_run.job_id = ?", id)),
    isIdle: () => typed.every(({ isOver }) => isOver),
    [Symbol.asyncDispose]: async () => {
      for (const { child } of typed) child.kill("SIGKILL");
      await Promise.all(typed.map(({ said }) => said));
      onEnd();
    },
  };
}

/** What was asked on this machine. The page asks while no command is about to. */
function askedOf({ board }: House) {
  const sql = "SELECT job_id, conversation_id FROM messages WHERE channel = 'web' AND job_id IS NOT NULL";
  return board
    .read((tx) => tx.all(sql))
    .map((row) => ({ jobId: asText.parse(row["job_id"]), conversationId: asText.parse(row["conversation_id"]) }));
}

function spawn(home: string, out: string, args: readonly string[]): Typed {
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, "ask", ...args, "--out", out], {
    env: { ...environment(home), INIT_CWD: home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const command: Typed = { child, isOver: false, said: hear(child) };
  void command.said.finally(() => (command.isOver = true));
  return command;
}

/** What is on the screen but for the steps, and the files that it names. */
async function hear(child: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<Seen> {
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  const lines = out.split("\n");
  const paths = lines.flatMap((line) => /^→ (.+)$/.exec(line)?.[1] ?? []);
  const files = await Promise.all(
    paths.map(async (path) => ({ name: basename(path), bytes: await Bun.file(path).bytes() })),
  );
  const words = lines.filter((line) => !line.startsWith("→ ")).join("\n");
  const problem = err
    .split("\n")
    .filter((line) => !line.startsWith("  "))
    .join("\n");
  return {
    words: [words, problem]
      .map((part) => part.trim())
      .filter(Boolean)
      .join("\n"),
    files,
    buttons: [],
  };
}
