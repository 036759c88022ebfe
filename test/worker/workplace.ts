// Where a job is run in a test: a board of its own, and a sandbox that is only a map of files.
import { systemClock } from "../../src/shared/clock.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { AppError } from "../../src/shared/errors.ts";
import { reserveSpend } from "../../src/shared/spend.ts";
import { createLog } from "../../src/shared/log.ts";
import { handlers } from "../../src/worker/handlers/index.ts";
import type { Workplace } from "../../src/worker/run.ts";
import { temporaryBoard } from "../shared/temporary.ts";
import type { FakeSandbox } from "./fake_sandbox.ts";

/** A workplace whose sandbox is `sandbox`, or whose attempts to open one end in an error. */
export function workplace(sandbox: FakeSandbox | AppError, settings: Record<string, string> = {}) {
  const place = temporaryBoard();
  const lines: string[] = [];
  const stop = new AbortController();
  const work: Workplace = {
    config: loadConfig({ SANDPIPER_HOME: place.folder, ...settings }),
    board: place.board,
    sandboxes: {
      kind: "local",
      open: async ({ jobId, attempt, workerId }) => {
        if (sandbox instanceof AppError) throw sandbox;
        const row = { id: Bun.randomUUIDv7(), jobId, attempt, workerId, kind: "sandbox", provider: "e2b" } as const;
        await reserveSpend(
          place.board,
          { ...row, subject: null, reservedMicroUsd: 5 },
          { job: 99, day: 99, month: 99 },
          1,
        );
        return sandbox;
      },
      reap: () => Promise.resolve(),
    },
    handlers,
    models: () => [],
    clock: systemClock,
    log: createLog("worker", "debug", (line) => void lines.push(line)),
    nudge: () => undefined,
    stop: stop.signal,
  };
  return { ...place, work, lines, stop };
}
