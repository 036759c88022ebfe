// A worker process of a test: `spend` reserves and settles for two jobs of its own until it is refused; `hold` reserves and waits
// for its death.
import { claimJobs } from "../../src/shared/claims.ts";
import { openBoard } from "../../src/shared/db.ts";
import { reserveSpend, settleSpend, type Reservation } from "../../src/shared/spend.ts";

const [verb = "", file = "", name = "0", dayLimit = "0"] = process.argv.slice(2);
const board = openBoard(file);
const now = Date.now();

const reservation = (jobId: string, microUsd: number): Reservation => ({
  id: Bun.randomUUIDv7(),
  jobId,
  attempt: 1,
  workerId: `1-${name}`,
  kind: "model",
  provider: "openai",
  subject: "m",
  reservedMicroUsd: microUsd,
});

/** Half of them cost less in the end. */
async function spendAll(jobId: string): Promise<void> {
  const limits = { job: 1e9, day: Number(dayLimit), month: 1e9 };
  for (let count = 0; ; count += 1) {
    const wanted = reservation(jobId, 30);
    const { refused } = await reserveSpend(board, wanted, limits, now);
    if (refused !== null) return;
    const costMicroUsd = count % 2 === 0 ? 30 : 10;
    await settleSpend(board, wanted.id, { costMicroUsd, isEstimate: false, units: {} }, now);
  }
}

if (verb === "spend") {
  process.stdout.write("ready\n");
  for await (const _ of Bun.stdin.stream()) continue;
  await Promise.all([spendAll(`${name}-a`), spendAll(`${name}-b`)]);
  board.close();
} else {
  const [claim] = await claimJobs(board, `1-${name}`, () => 1, now);
  const wide = { job: 1e9, day: 1e9, month: 1e9 };
  const box = { kind: "sandbox", provider: "e2b", subject: null, timeoutSeconds: 60 } as const;
  await reserveSpend(board, reservation(claim?.jobId ?? "", 100), wide, now);
  await reserveSpend(board, { ...reservation(claim?.jobId ?? "", 600), ...box }, wide, now);
  process.stdout.write("reserved\n");
  await new Promise(() => setInterval(() => undefined, 1_000));
}
