// What people and programs send to core, and what is left of it.
import { expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { listJobs } from "../../src/shared/jobs.ts";
import type { Core } from "./server.ts";

const Receipt = z.strictObject({ job_id: z.string(), message_id: z.string(), conversation_id: z.string() });

/** Of a message that was taken. */
export async function receiptOf(response: Response): Promise<z.infer<typeof Receipt>> {
  expect(response.status).toBe(202);
  return Receipt.parse(await response.json());
}

export const jobCount = (core: Core): number => core.board.read((tx) => listJobs(tx, 10_000)).length;

/** The names of the files in storage/uploads. */
export function uploadsIn(core: { readonly home: string }): string[] {
  const folder = join(core.home, "storage/uploads");
  return existsSync(folder) ? readdirSync(folder) : [];
}

export function formOf(
  fields: Readonly<Record<string, string>>,
  ...files: (readonly [name: string, content: string])[]
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  for (const [name, content] of files) form.append("files", new File([content], name));
  return form;
}
