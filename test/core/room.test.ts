// Storage and disk have an end: what does not fit is refused with a sentence, before anything is kept.
import { expect, test } from "bun:test";
import { z } from "zod";
import { latestSeq } from "../../src/shared/events.ts";
import { formOf, uploadsIn } from "./sending.ts";
import { startCore, type Core } from "./server.ts";

const Refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

const sendFile = (core: Core, bytes: number): Promise<Response> =>
  core.call("/api/messages", { method: "POST", body: formOf({ text: "Graph this" }, ["data.csv", "x".repeat(bytes)]) });

test("a file that the quota has no room for is refused, and one that fits is not", async () => {
  // 0.01 GiB are 10,737,418 bytes.
  await using core = await startCore({ SANDPIPER_STORAGE_GB: "0.01" });
  expect((await sendFile(core, 7_000_000)).status).toBe(202);
  const refused = await sendFile(core, 7_000_000);
  expect(refused.status).toBe(413);
  expect(Refusal.parse(await refused.json()).error.message).toContain("SANDPIPER_STORAGE_GB");
  expect(uploadsIn(core)).toHaveLength(1);
  expect((await sendFile(core, 3_000_000)).status).toBe(202);
});

test("below the floor of the disk nothing is taken in, words neither", async () => {
  await using core = await startCore({ SANDPIPER_MIN_FREE_MB: "1000000" });
  const words = await core.post("/api/messages", { text: "hello" });
  for (const refused of [words, await sendFile(core, 10)]) {
    expect(refused.status).toBe(503);
    expect(Refusal.parse(await refused.json()).error.message).toContain("SANDPIPER_MIN_FREE_MB");
  }
  expect(uploadsIn(core)).toEqual([]);
  expect(core.board.read(latestSeq)).toBe(0);
});
