// What is set here, in a few lines: what answers, where code runs, which limits hold. No secret is among it.
import type { Config } from "../shared/config.ts";
import { MAX_ATTEMPTS } from "../shared/jobs.ts";

type Set = Pick<Config, "sandbox" | "jobTimeoutMs" | "concurrency" | "maxUploadBytes" | "e2bDailyUsd">;
type ChannelState = { readonly name: string; readonly state: string };

/** As Markdown. `dashboard` is its address. */
export function overviewOf(config: Set, channels: readonly ChannelState[], dashboard: string): string {
  const isCloud = config.sandbox === "e2b";
  const others = channels.map(({ name, state }) => `${name} (${state})`);
  return [
    "- Answers: the built-in planner, without a language model",
    `- Sandbox: ${isCloud ? "E2B’s cloud" : "on this machine, which costs nothing"}`,
    ...(isCloud ? [`- Cost: no new sandbox once a day’s have cost $${config.e2bDailyUsd}`] : []),
    `- A job: at most ${config.jobTimeoutMs / 1_000} s, up to ${MAX_ATTEMPTS} attempts, ${config.concurrency} side by side`,
    `- A file: up to ${Math.floor(config.maxUploadBytes / 2 ** 20)} MB`,
    `- Channels: ${["dashboard and terminal", ...others].join(", ")}`,
    `- The dashboard, on that machine: ${dashboard}`,
  ].join("\n");
}
