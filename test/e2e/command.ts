// Commands as a person types them: `ask` and the sqlite3 shell.
import { join } from "node:path";
import { z } from "zod";
import { MAIN, run, type Said } from "../cli/command.ts";
import { environment, type Settings } from "./sandpiper.ts";

const Answer = z.strictObject({
  job_id: z.string(),
  conversation_id: z.string(),
  status: z.string(),
  text: z.string(),
  stdout: z.string(),
  code: z.string().nullable(),
  artifacts: z.array(
    z.strictObject({
      name: z.string(),
      path: z.string(),
      media_type: z.string(),
      bytes: z.number(),
      data: z.unknown().optional(),
    }),
  ),
  duration_ms: z.number().nullable(),
  cost_usd: z.number(),
  model: z.string().optional(),
  error: z.object({ code: z.string(), message: z.string(), detail: z.string().optional() }).optional(),
});
export type Answer = z.infer<typeof Answer>;

/** `bun src/cli/main.ts ask …`; finds the Sandpiper of this home, or starts one for itself. */
export function ask(home: string, args: readonly string[], settings: Settings = {}): Promise<Said> {
  return run([process.execPath, "--no-env-file", MAIN, "ask", ...args], {
    ...environment(home, settings),
    INIT_CWD: home,
  });
}

/** The same with --json; the files go to `<home>/out`. */
export async function askJson(
  home: string,
  args: readonly string[],
  settings: Settings = {},
): Promise<Said & { readonly answer: Answer }> {
  const ran = await ask(home, [...args, "--json", "--out", join(home, "out")], settings);
  if (ran.out === "") throw new Error(`Nothing on stdout, code ${ran.code}: ${ran.err}`);
  return { ...ran, answer: Answer.parse(JSON.parse(ran.out)) };
}

/** A statement by a program that knows nothing of Sandpiper; the rows that it answers. */
export async function sql(home: string, statement: string): Promise<Record<string, unknown>[]> {
  const file = join(home, "data/jobs.db");
  const { code, out, err } = await run(["sqlite3", "-cmd", ".timeout 5000", "-json", file, statement], {
    PATH: process.env["PATH"] ?? "",
  });
  if (code !== 0) throw new Error(err);
  return z.array(z.record(z.string(), z.unknown())).parse(out.trim() === "" ? [] : JSON.parse(out));
}

/** Why rows cannot be written by a foreign program here; "" when they can. */
export const noShellReason = Bun.which("sqlite3") === null ? "no sqlite3 shell (apt install sqlite3)" : "";
