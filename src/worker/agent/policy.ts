// The data lock: what a job may do by what it has had to do with. Decided here, by labels that only grow, and never by what a
// model was told or says.
import {
  canonicalJson,
  requestApproval,
  type ApprovalWish,
  type KeptApproval,
  useApproval,
} from "../../shared/approvals.ts";
import { addLabel, isConversationLabelled, labelsOf } from "../../shared/labels.ts";
import { z } from "zod";
import type { Label } from "../../shared/types.ts";
import type { ClaimedJob, JobContext } from "../handlers/handler.ts";
import type { ToolCall } from "./model.ts";
import { failure, type HeldFile, type Tool, type ToolPlace, type ToolRun } from "./tools/tool.ts";

export type Lock = {
  readonly labels: () => ReadonlySet<Label>;
  readonly label: (label: Label, reason: string) => Promise<void>;
};

export function createLock({ jobId, conversationId }: ClaimedJob, { board, clock }: JobContext): Lock {
  const earlier = new Set<Label>();
  // What a conversation has met, its next messages are about.
  if (conversationId !== null && board.read((tx) => isConversationLabelled(tx, conversationId, "untrusted")))
    earlier.add("untrusted");
  return {
    labels: () => new Set([...earlier, ...board.read((tx) => labelsOf(tx, jobId))]),
    label: (label, reason) => addLabel(board, jobId, label, reason, clock.now()),
  };
}

/** One call of a model's, checked and run. What is wrong with it is for the model to read. */
export async function runTool(tools: readonly Tool[], call: ToolCall, place: ToolPlace): Promise<ToolRun> {
  const tool = tools.find(({ name }) => name === call.name);
  if (tool === undefined)
    return failure(`There is no tool “${call.name}”. There are: ${tools.map(({ name }) => name).join(", ")}.`);
  if (call.broken !== undefined)
    return failure("The input of this call was not JSON. Call the tool again with valid JSON.");
  const input = tool.input.safeParse(call.input);
  if (!input.success) return failure(`The input is wrong: ${z.prettifyError(input.error).slice(0, 1_000)}`);
  const wish = tool.needs?.(call.input, place) ?? null;
  if (wish !== null) return { kind: "end", text: wish.title, approval: wish };
  return await tool.run(call.input, place);
}

export type Grant = { readonly approval: KeptApproval; readonly hosts: readonly string[] };

const Connection = z.object({
  hosts: z.array(z.string()),
  files: z.array(z.object({ id: z.string(), name: z.string() })),
});

/** The yes that this job goes on with; null where it names none, or one that is not for it and these files. */
export async function takeGrant(
  job: ClaimedJob,
  { board, clock }: JobContext,
  files: readonly HeldFile[],
): Promise<Grant | null> {
  const id = job.input.approval;
  if (id === undefined) return null;
  const approval = await useApproval(board, id, job.jobId, clock.now());
  // What was changed since a person saw it was never allowed.
  if (approval === null || approval.sha256 === "") return null;
  if (approval.kind !== "connect") return { approval, hosts: [] };
  const connection = Connection.safeParse(approval.subject);
  // A file that has come since was not among those that the person was shown.
  if (!connection.success || canonicalJson(connection.data.files) !== canonicalJson(files)) return null;
  return { approval, hosts: connection.data.hosts };
}

/** What was allowed besides a connection is done by us, exactly as it was shown. Null: there is nothing to do. */
export async function doGranted(tools: readonly Tool[], { approval }: Grant, place: ToolPlace): Promise<string | null> {
  const tool = tools.find(({ name }) => name === approval.kind);
  if (tool === undefined || approval.kind === "connect") return null;
  const input = tool.input.safeParse(approval.subject["input"]);
  if (!input.success) return null;
  const ran = await tool.run(approval.subject["input"], place);
  return ran.text;
}

export async function askFor(job: ClaimedJob, { board, clock }: JobContext, wish: ApprovalWish): Promise<void> {
  await requestApproval(board, job, wish, clock.now());
}
