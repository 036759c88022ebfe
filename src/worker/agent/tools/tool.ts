// What a tool of the agent is. New tool: one file, one entry in the list.
import type { z } from "zod";
import type { ApprovalWish } from "../../../shared/approvals.ts";
import type { Label } from "../../../shared/types.ts";
import type { ClaimedJob, JobContext } from "../../handlers/handler.ts";
import type { Workbench } from "../../workbench.ts";

export type ToolOutput = { readonly kind: "output"; readonly text: string; readonly isError: boolean };

/** The job ends with these words; the person says how it goes on. */
export type ToolEnd = { readonly kind: "end"; readonly text: string; readonly approval?: ApprovalWish };

export type ToolRun = ToolOutput | ToolEnd;

/** `id` is of its bytes: another file may come under the same name. */
export type HeldFile = { readonly id: string; readonly name: string };

/** What tools work with. */
export type ToolPlace = {
  readonly job: ClaimedJob;
  readonly context: JobContext;
  readonly bench: Workbench;
  readonly labels: () => ReadonlySet<Label>;
  /** Hosts that the person allowed for this job. */
  readonly hosts: readonly string[];
  /** The person's files in the sandbox. */
  readonly files: readonly HeldFile[];
};

export type Tool<T = unknown> = {
  readonly name: string;
  /** For the model. Short: it goes along with every request. */
  readonly description: string;
  readonly input: z.ZodType<T>;
  /** Where a person's yes is needed for just this input, what they are asked. Decided by labels, never by words. */
  readonly needs?: (input: T, place: ToolPlace) => ApprovalWish | null;
  readonly run: (input: T, place: ToolPlace) => Promise<ToolRun>;
};

/** Keeps the type of the input within the tool. */
export const defineTool = <T>(tool: Tool<T>): Tool => ({
  ...tool,
  needs: (input, place) => tool.needs?.(tool.input.parse(input), place) ?? null,
  run: (input, place) => tool.run(tool.input.parse(input), place),
});

export const output = (text: string): ToolOutput => ({ kind: "output", text, isError: false });
export const failure = (text: string): ToolOutput => ({ kind: "output", text, isError: true });
