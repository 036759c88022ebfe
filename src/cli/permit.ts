// What a job may do only with a person's yes, asked in the terminal.
import { createInterface } from "node:readline/promises";
import { z } from "zod";
import { canAsk } from "./choose.ts";
import type { Client } from "./client.ts";
import { printable } from "./printable.ts";

export const OpenApproval = z.object({
  id: z.string(),
  title: z.string(),
  sha256: z.string(),
  decision: z.enum(["approved", "refused", "expired"]).nullable(),
});
type OpenApproval = z.infer<typeof OpenApproval>;

const Decided = z.object({ job_id: z.string().nullable() });

/** The job that goes on with a yes; null where nothing was asked, nobody sits here, or the answer was no. */
export async function permit(
  client: Client,
  approvals: readonly OpenApproval[],
  signal: AbortSignal,
): Promise<string | null> {
  const open = approvals.find(({ decision }) => decision === null);
  if (open === undefined) return null;
  if (!canAsk()) {
    console.error("Nobody can be asked here. Decide on the dashboard.");
    return null;
  }
  const decision = (await agrees(open.title, signal)) ? "approved" : "refused";
  const json = { decision, sha256: open.sha256 };
  return (await client.call(Decided, `/api/approvals/${encodeURIComponent(open.id)}`, { json })).job_id;
}

async function agrees(title: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const answer = await terminal.question(`${printable(title)}\nAllow it once? [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    // Ctrl+C is a no.
    return false;
  } finally {
    terminal.close();
  }
}
