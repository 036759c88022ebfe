// What is set here, in a few lines: what answers, where code runs, which limits hold. No secret is among it.
import type { Config } from "../shared/config.ts";
import { speakersOf } from "../shared/models.ts";
import { MAX_ATTEMPTS } from "../shared/jobs.ts";

type Set = Pick<Config, "sandbox" | "jobTimeoutMs" | "concurrency" | "maxUploadBytes" | "budget" | "dataDir" | "model">;
type ChannelState = { readonly name: string; readonly state: string };

function speakers(config: Set): string {
  const { names, problem } = speakersOf(config);
  return problem ?? (names.length === 0 ? "the built-in planner, without a language model" : names.join(", then "));
}

const usd = (microUsd: number): string => `$${(microUsd / 1e6).toFixed(2)}`;

/** As Markdown. `dashboard` is its address. */
export function overviewOf(config: Set, channels: readonly ChannelState[], dashboard: string): string {
  const isCloud = config.sandbox === "e2b";
  const others = channels.map(({ name, state }) => `${name} (${state})`);
  return [
    `- Answers: ${speakers(config)}`,
    `- Sandbox: ${isCloud ? "E2B’s cloud" : "on this machine, which costs nothing"}`,
    `- Limits of cost: ${usd(config.budget.job)} a request, ${usd(config.budget.day)} a day, ${usd(config.budget.month)} a month`,
    `- A job: at most ${config.jobTimeoutMs / 1_000} s, up to ${MAX_ATTEMPTS} attempts, ${config.concurrency} side by side`,
    `- A file: up to ${Math.floor(config.maxUploadBytes / 2 ** 20)} MB`,
    `- Channels: ${["dashboard and terminal", ...others].join(", ")}`,
    `- The dashboard, on that machine: ${dashboard}`,
  ].join("\n");
}
