// A Sandpiper of its own in a folder of its own, with the person's keys: their conversations stay untouched.
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import type { Config } from "../../src/shared/config.ts";

import { makeHome, startSandpiper, type Settings } from "../../test/e2e/sandpiper.ts";

export type Asked = {
  readonly text: string;
  readonly hasChart: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
  readonly ms: number;
};

const Sent = z.object({ job_id: z.string() });
const Tokens = z.object({ input: z.number().nullable(), output: z.number().nullable() });

export async function openHouseOf(settings: Settings, config: Config) {
  const home = makeHome();
  // Keys that were entered on the page.
  const stored = join(config.dataDir, "models.json");
  mkdirSync(join(home, "data"), { recursive: true, mode: 0o700 });
  if (existsSync(stored)) copyFileSync(stored, join(home, "data", "models.json"));
  const sandpiper = await startSandpiper({ ...settings, SANDPIPER_HOME: home }, home);

  async function ask(words: string, file: string): Promise<Asked> {
    const startedAt = performance.now();
    const form = new FormData();
    form.set("text", words);
    form.append("files", Bun.file(file), basename(file));
    const response = await sandpiper.fetch("/api/messages", { method: "POST", body: form });
    const { job_id: id } = Sent.parse(await response.json());
    await sandpiper.follow(id);
    const job = await sandpiper.job(id);
    const { input, output } = tokensOf(join(home, "data/jobs.db"), id);
    return {
      text: [job.output?.text ?? "", job.output?.stdout ?? ""].join("\n"),
      hasChart: job.artifacts.some(({ mediaType }) => mediaType.startsWith("image/")),
      inputTokens: input ?? 0,
      outputTokens: output ?? 0,
      costUsd: job.costUsd,
      ms: performance.now() - startedAt,
    };
  }
  return {
    ask,
    [Symbol.asyncDispose]: async () => {
      await sandpiper[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function tokensOf(board: string, jobId: string): z.infer<typeof Tokens> {
  const database = new Database(board, { readonly: true });
  try {
    const sql = `SELECT sum(json_extract(units, '$.inputTokens')) AS input, sum(json_extract(units, '$.outputTokens')) AS output
      FROM spend WHERE job_id = ? AND kind = 'model'`;
    return Tokens.parse(database.query(sql).get(jobId));
  } finally {
    database.close();
  }
}
