// Asking again later: once, or by a cron expression. What files say could want that too, so then the person is asked.
import { z } from "zod";
import { nextTick, parseCron } from "../../../shared/cron.ts";
import { AppError } from "../../../shared/errors.ts";
import { createSchedule } from "../../../shared/schedules.ts";
import { readUpload } from "../../../shared/uploads.ts";
import { defineTool, failure, output, type ToolPlace, type ToolRun } from "./tool.ts";

const Input = z.object({
  name: z.string().min(1).max(80),
  prompt: z.string().min(1).max(2_000).describe("What to ask then"),
  cron: z.string().max(100).optional().describe("Five fields, for what recurs"),
  at: z.string().max(40).optional().describe("ISO 8601 with offset, for once"),
  time_zone: z.string().max(60).optional().describe("IANA name"),
});
type Input = z.infer<typeof Input>;

export const schedule = defineTool({
  name: "schedule",
  description: "Ask something again at set times, or once later. Its answers come in a conversation of their own.",
  input: Input,
  needs: (input, { labels }) =>
    labels().has("untrusted")
      ? {
          kind: "schedule",
          title: `Schedule “${input.name}” (${input.cron ?? input.at ?? "no time"}): ${input.prompt}`,
          subject: { input },
        }
      : null,
  run: add,
});

async function add(input: Input, { job, context }: ToolPlace): Promise<ToolRun> {
  const { board, clock } = context;
  const timeZone = input.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    const nextAt = timeOf(input, timeZone, clock.now());
    if (nextAt === null) return failure("Give either cron, or at with a time that is still to come.");
    const names = job.input.files ?? [];
    const files = board.read((tx) => names.flatMap((name) => readUpload(tx, name) ?? []));
    await createSchedule(
      board,
      {
        id: Bun.randomUUIDv7(),
        name: input.name,
        cron: input.cron === undefined ? null : parseCron(input.cron),
        timeZone,
        missed: "once",
        type: files.length > 0 ? "code_exec" : "chat",
        input: { prompt: input.prompt, ...(files.length > 0 && { files: files.map(({ id }) => id) }) },
        files,
        conversationId: Bun.randomUUIDv7(),
        nextAt,
        note: `You asked for this: ${input.prompt}`,
      },
      clock.now(),
    );
    return output(`Scheduled. Next: ${new Date(nextAt).toISOString()} (${timeZone}).`);
  } catch (error) {
    if (error instanceof AppError && (error.code === "conflict" || error.code === "bad_request"))
      return failure(error.message);
    throw error;
  }
}

function timeOf({ cron, at }: Input, timeZone: string, now: number): number | null {
  if (cron !== undefined) return nextTick(parseCron(cron), timeZone, now);
  const time = at === undefined ? Number.NaN : Date.parse(at);
  return time > now ? time : null;
}
