// What a job came to, as people are told on any channel: words, files, and what they can do next.
import type { Artifact, JobError, JobView } from "../shared/types.ts";
import { literal } from "./markdown.ts";
import type { Reply, ReplyFile } from "./render.ts";

/** `dashboard`: where the conversation is on this machine. */
export function replyOf(view: JobView, artifacts: readonly Artifact[], dashboard: string): Reply {
  const error = view.output?.error;
  const files = filesOf(artifacts);
  const original = { title: "Original file", action: `original:${view.id}` };
  if (error !== undefined)
    return { markdown: wordsOf(error, files.length), files, actions: again(view, error), original, dashboard };
  const text = signed(view.output?.text.trim() ?? "", view.output?.model);
  const stdout = view.output?.stdout.trim() ?? "";
  const markdown = [text, stdout === "" ? "" : fenced(stdout)].filter((part) => part !== "").join("\n\n");
  return {
    markdown: markdown === "" && files.length === 0 ? "Done." : markdown,
    files,
    actions: more(view),
    original,
    dashboard,
  };
}

export const filesOf = (artifacts: readonly Artifact[]): ReplyFile[] =>
  artifacts.map(({ id, name, mediaType, bytes }) => ({ artifact: id, name, mediaType, bytes }));

/** What happened, what was done about it, what can be done. */
function wordsOf(error: JobError, fileCount: number): string {
  if (error.code === "cancelled") return "Stopped.";
  const tried = error.attempts === undefined ? "" : ` I tried it ${error.attempts.length + 1} times.`;
  const kept = fileCount === 0 ? "" : " What was ready by then is here.";
  return `${error.message}${tried}${kept}`;
}

function again(view: JobView, error: JobError) {
  return error.code === "bad_request" || error.code === "cancelled"
    ? []
    : [{ title: "Try again", action: `again:${view.id}` }];
}

/** A model says who it is; the built-in planner is who speaks otherwise. */
function signed(text: string, model: string | undefined): string {
  return model === undefined || model === BUILT_IN || text === "" ? text : `${text}\n\n_${literal(model)}_`;
}

const BUILT_IN = "built-in planner";
/** Of the hash of what was shown: enough to tell whether it is still that. */
const MARK_LENGTH = 12;

function more(view: JobView) {
  const asked = view.approvals.filter(({ decision }) => decision === null);
  if (asked.length > 0)
    return asked.flatMap(({ id, sha256 }) => [
      { title: "Allow once", action: `yes:${id}:${sha256.slice(0, MARK_LENGTH)}` },
      { title: "No", action: `no:${id}:${sha256.slice(0, MARK_LENGTH)}` },
    ]);
  return view.code === null || view.input.code !== undefined ? [] : [{ title: "Show code", action: `code:${view.id}` }];
}

/** What a program printed is data: no fence inside it ends ours. */
export function fenced(text: string, language = ""): string {
  let longest = 2;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
