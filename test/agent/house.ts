// A whole Sandpiper whose model is a script, on one of three wires: what a person sends and gets, what the model was asked, and
// what is in the database afterwards.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { z } from "zod";
import { MockLlm, settingsFor, type LlmOptions, type Request } from "../../fakes/llm/server.ts";
import type { Asked, Call, Script, Turn, WireName } from "../../fakes/llm/script.ts";
import { startSandpiper, type Sandpiper, type Settings } from "../e2e/sandpiper.ts";
import type { JobApproval, JobView } from "../../src/shared/types.ts";

export const WIRES = ["chat", "responses", "anthropic"] as const satisfies readonly WireName[];

export type Message = {
  readonly text?: string;
  readonly code?: string;
  /** Name → content. */
  readonly files?: Readonly<Record<string, string>>;
  /** A new conversation begins with it. */
  readonly isNew?: boolean;
};

export type House = AsyncDisposable & {
  readonly wire: WireName;
  readonly llm: MockLlm;
  readonly sandpiper: Sandpiper;
  /** Begins a conversation of its own with this script. */
  readonly begin: (script: Script) => void;
  /** Sends and waits for the end. */
  readonly say: (message: Message | string) => Promise<JobView>;
  /** Sends and returns the job's id at once. */
  readonly send: (message: Message | string) => Promise<string>;
  readonly end: (jobId: string) => Promise<JobView>;
  /** A person's answer; the job that goes on, at its end, or the status of the refusal. */
  readonly decide: (
    approval: JobApproval,
    decision: "approved" | "refused",
    sha256?: string,
  ) => Promise<JobView | null | number>;
  readonly rows: (sql: string, ...values: (string | number)[]) => Record<string, unknown>[];
  /** Requests since `begin` that were not about a plan. */
  readonly asked: () => Asked[];
};

const Sent = z.object({ job_id: z.string(), conversation_id: z.string() });
const View = z.object({ job: z.custom<JobView>((value) => typeof value === "object" && value !== null) });
const Decided = z.object({ job_id: z.string().nullable() });

/** A model that nobody lists is taken for a dear one. */
const WEALTHY = { SANDPIPER_JOB_USD: "5", SANDPIPER_DAY_USD: "1000", SANDPIPER_MONTH_USD: "1000" };

export async function openHouse(wire: WireName, settings: Settings = {}, options: LlmOptions = {}): Promise<House> {
  const llm = new MockLlm([], options);
  const sandpiper = await startSandpiper({ ...settingsFor(llm.url)[wire], ...WEALTHY, ...settings });
  let [conversation, since]: [string | null, number] = [null, 0];

  const send: House["send"] = async (message) => {
    const { text = "", code, files = {}, isNew = false } = typeof message === "string" ? { text: message } : message;
    if (isNew) conversation = null;
    const form = new FormData();
    form.set("text", text);
    if (code !== undefined) form.set("code", code);
    if (conversation !== null) form.set("conversation_id", conversation);
    for (const [name, content] of Object.entries(files)) form.append("files", new File([content], name));
    const response = await sandpiper.fetch("/api/messages", { method: "POST", body: form });
    if (!response.ok) throw new Error(await response.text());
    const sent = Sent.parse(await response.json());
    conversation = sent.conversation_id;
    return sent.job_id;
  };
  const end: House["end"] = async (jobId) => {
    await sandpiper.follow(jobId);
    return View.parse(await (await sandpiper.fetch(`/api/jobs/${jobId}`)).json()).job;
  };
  return {
    wire,
    llm,
    sandpiper,
    begin: (script) => {
      llm.play(script);
      conversation = null;
      since = llm.requests.length;
    },
    send,
    end,
    say: async (message) => await end(await send(message)),
    decide: async ({ id, sha256 }, decision, shown = sha256) => {
      const response = await sandpiper.fetch(`/api/approvals/${id}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ decision, sha256: shown }),
      });
      if (!response.ok) return response.status;
      const { job_id } = Decided.parse(await response.json());
      return job_id === null ? null : await end(job_id);
    },
    rows: (sql, ...values) => {
      const database = new Database(join(sandpiper.home, "data/jobs.db"), { readonly: true });
      try {
        return database.query<Record<string, unknown>, (string | number)[]>(sql).all(...values);
      } finally {
        database.close();
      }
    },
    asked: () =>
      llm.requests
        .slice(since)
        .filter(isConversation)
        .map(({ asked }) => asked),
    [Symbol.asyncDispose]: async () => {
      await sandpiper[Symbol.asyncDispose]();
      await llm[Symbol.asyncDispose]();
    },
  };
}

const isConversation = ({ asked }: Request): boolean => asked.schema === null;

/** Plays these turns one after the other; a plan that is asked for in between is `plan`. */
export function turns(list: readonly Turn[], plan: object | null = null): Script {
  let at = 0;
  return (asked) => {
    if (asked.schema !== null) return { text: JSON.stringify(plan ?? { file: "", plan: null }) };
    return list[Math.min(at++, list.length - 1)] ?? { text: "" };
  };
}

export const python = (code: string, title = "Running"): Turn => ({
  calls: [{ name: "run_python", input: { title, code } }],
});

export const call = (name: string, input: object): Turn => ({ calls: [{ name, input } satisfies Call] });

/** What the model was shown last: results of its calls, or a person's words. */
export const lastShown = (asked: Asked | undefined): string => asked?.messages.at(-1)?.text ?? "";
