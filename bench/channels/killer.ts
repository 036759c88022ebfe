// Kills core and worker at random moments after they are ready, with people who write before, meanwhile and just then.
import { pause } from "../../src/shared/stop.ts";
import type { Slot } from "../chaos/slot.ts";
import type { House } from "./house.ts";
import type { ChaosSizes } from "./sizes.ts";

/** What a kill met. */
export type Kill = {
  readonly name: Slot["name"];
  /** Jobs that ran: of a worker its own. */
  readonly running: number;
  /** Answers that were on their way to the platform. */
  readonly sending: number;
};

const FIRST_MS = 300;
const LAST_MS = 3_000;
/** So many of the messages of a round come in the last moments before its kill, the others at any time. */
const LATE_SHARE = 0.7;
const LATE_MS = 300;

/** `send` lets somebody write. Rejects if one does not start again. */
export async function rage(house: House, sizes: ChaosSizes, send: () => void): Promise<Kill[]> {
  const kills: Kill[] = [];
  const aRound = sizes.messages / (2 * sizes.kills);
  const haunt = async (slot: Slot): Promise<void> => {
    for (let round = 0; round < sizes.kills; round += 1) {
      const count = Math.floor((round + 1) * aRound) - Math.floor(round * aRound);
      const killMs = FIRST_MS + Math.random() * (LAST_MS - FIRST_MS);
      await Promise.all([pause(killMs, new AbortController().signal), ...moments(count, killMs).map(later(send))]);
      kills.push(lookAt(house, slot));
      await slot.kill();
      await spare(house);
      // After the last one nobody is started for the sake of the other.
      if (round + 1 < sizes.kills) await slot.start();
    }
  };
  await Promise.all([haunt(house.core), haunt(house.worker)]);
  return kills;
}

const later =
  (send: () => void) =>
  async (afterMs: number): Promise<void> => {
    await Bun.sleep(afterMs);
    send();
  };

function moments(count: number, killMs: number): number[] {
  return Array.from({ length: count }, () =>
    Math.random() < LATE_SHARE ? killMs - Math.random() * LATE_MS : Math.random() * killMs,
  );
}

function lookAt(house: House, { name, pid }: Slot): Kill {
  const running =
    name === "core"
      ? house.count("job_run WHERE state = 'running'")
      : // The worker's id begins with its pid.
        house.count("job_run WHERE state = 'running' AND worker_id GLOB ?", `${pid}-*`);
  return { name, running, sending: house.count("deliveries WHERE state = 'sending'") };
}

/** A job that was killed three times is given up, and its sender is told so. Here nobody gives up: answers are counted. */
async function spare({ board }: House): Promise<void> {
  await board.write((tx) => void tx.run("UPDATE job_run SET max_attempts = 1000 WHERE max_attempts < 1000"));
}
