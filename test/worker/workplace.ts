// Where a job is run in a test: a board of its own, and a sandbox that is only a map of files.
import { systemClock } from "../../src/shared/clock.ts";
import { loadConfig } from "../../src/shared/config.ts";
import { AppError } from "../../src/shared/errors.ts";
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
      open: () => (sandbox instanceof AppError ? Promise.reject(sandbox) : Promise.resolve(sandbox)),
      reap: () => Promise.resolve(),
    },
    handlers,
    clock: systemClock,
    log: createLog("worker", "debug", (line) => void lines.push(line)),
    nudge: () => undefined,
    stop: stop.signal,
  };
  return { ...place, work, lines, stop };
}
