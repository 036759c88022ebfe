// Words without a file: help, and what this conversation holds. No model is needed for either.
import { listConversations, messagesOf } from "../../shared/conversations.ts";
import { jobsOfConversation, readRun } from "../../shared/jobs.ts";
import type { Tx } from "../../shared/db.ts";
import { savedByConversation } from "../../shared/spend.ts";
import { runAgentOr } from "./code_exec.ts";
import { BUILT_IN, type ClaimedJob, type JobContext, type JobEnd, type JobHandler } from "./handler.ts";

const HELP = `I work with your data files. Send me a CSV, TSV, JSON, Excel or Parquet file and say what you want, for example:

- “Graph this CSV file”
- “Average price by region as a bar chart”
- “Top 10 products by revenue in 2023”
- “Summarise this” or “What is in this file?”
- “Convert this to Excel”

You can also send Python code to run. Everything runs in a sealed sandbox that cannot see your files or the network. You get the chart, the table or the file back right here.`;

export const chat: JobHandler = async (job, context) => {
  const models = context.models();
  const itself = () => Promise.resolve(answerItself(job, context));
  return models.length > 0 ? await runAgentOr(job, context, models, itself) : await itself();
};

function answerItself(job: ClaimedJob, context: JobContext): JobEnd {
  const words = (job.input.prompt ?? "").toLowerCase();
  const conversationId = job.conversationId;
  const asksForFacts = /\b(status|files?|so far|history|conversation|cost|spent|jobs?|done)\b/.test(words);
  const text =
    conversationId !== null && asksForFacts
      ? context.board.read((tx) => factsOf(tx, conversationId, job.jobId))
      : greeting(words) + HELP;
  return { text, model: BUILT_IN };
}

function greeting(words: string): string {
  if (/^\s*(hi|hello|hey|good (morning|afternoon|evening))\b/.test(words)) return "Hello! ";
  if (/\b(help|what can you do|how does this work)\b/.test(words) || words.trim() === "") return "";
  return "I can't answer that without a file. ";
}

function factsOf(tx: Tx, conversationId: string, thisJob: string): string {
  const jobs = jobsOfConversation(tx, conversationId).filter((job) => job.id !== thisJob);
  const names = new Set(messagesOf(tx, conversationId).flatMap((message) => message.files.map((file) => file.name)));
  const count = (status: string) => jobs.filter((job) => job.status === status).length;
  const cost = jobs.reduce((sum, job) => sum + (readRun(tx, job.id)?.costMicroUsd ?? 0), 0) / 1e6;
  const lines = [
    `- Requests before this one: ${jobs.length} (${count("completed")} done, ${count("failed")} failed, ${count("running") + count("pending")} under way)`,
    `- Files you sent: ${names.size === 0 ? "none yet" : [...names].map((name) => `\`${name.replaceAll("`", "'")}\``).join(", ")}`,
    `- Results: ${jobs.reduce((sum, job) => sum + (job.output?.artifacts.length ?? 0), 0)} files`,
    `- Cost: $${cost.toFixed(4)}; saved by running on this machine: $${(savedByConversation(tx, conversationId) / 1e6).toFixed(4)}`,
    `- Conversations in all: ${listConversations(tx, 10_000).length}`,
  ];
  return `So far in this conversation:\n\n${lines.join("\n")}`;
}
