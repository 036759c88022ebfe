// Who stands by while something goes off: another sandbox and the server. Both must live on, and the server must stay small.
import { readFileSync } from "node:fs";
import type { Finding } from "./finding.ts";
import type { Ground } from "./ground.ts";
import type { ProvedServer } from "./server.ts";

/** The server may need this much more for what it passes on to a client. */
const GROWTH_BYTES = 512 * 2 ** 20;
/** Whoever waits this long thinks that nobody is there. */
const PULSE_MS = 5_000;
const ANSWER_MS = 10_000;
const LOOK_MS = 100;

/** Does the work, and adds to what it found what happened meanwhile to those who stand by. */
export async function watched(ground: Ground, work: () => Promise<Finding>, server = ground.server): Promise<Finding> {
  const before = residentBytes(server.pid);
  let most = before;
  const pulse = feel(server);
  const timer = setInterval(() => (most = Math.max(most, residentBytes(server.pid))), LOOK_MS);
  try {
    const { got, seen } = await work();
    const grown = most - before;
    const slowestMs = pulse.slowestMs();
    const harm = [
      ...(slowestMs > PULSE_MS ? [`the server was silent for ${Math.round(slowestMs)} ms`] : []),
      ...(grown > GROWTH_BYTES ? [`the server grew by ${Math.round(grown / 2 ** 20)} MiB`] : []),
      ...((await lives(server)) ? [] : ["the server makes no sandbox that answers any more"]),
    ];
    return { got: [...got, ...harm], seen };
  } finally {
    pulse.stop();
    clearInterval(timer);
  }
}

/** Asks the server again and again for nothing, and keeps the longest that it took. */
function feel(server: ProvedServer): { readonly slowestMs: () => number; readonly stop: () => void } {
  let [slowest, since] = [0, performance.now()];
  const stopped = new AbortController();
  const beat = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      since = performance.now();
      await fetch(`http://127.0.0.1:${server.port}/pulse`).then(
        async (answer) => await answer.text(),
        () => "",
      );
      slowest = Math.max(slowest, performance.now() - since);
      await Bun.sleep(LOOK_MS);
    }
  };
  void beat();
  return { slowestMs: () => Math.max(slowest, performance.now() - since - LOOK_MS), stop: () => stopped.abort() };
}

/** A new sandbox is made and answers. */
export async function lives(server: ProvedServer): Promise<boolean> {
  const answer = async (): Promise<boolean> => {
    const sandbox = await server.create();
    const { text } = await sandbox.runCode("6 * 7", { timeoutMs: ANSWER_MS });
    await sandbox.kill();
    return text === "42";
  };
  return await Promise.race([answer().catch(() => false), Bun.sleep(2 * ANSWER_MS).then(() => false)]);
}

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
