// A channel under kill -9: ten people, hundreds of files, and what is on their phones in the end.
import { type Workshop } from "../board/workshop.ts";
import { eventually, House } from "./house.ts";
import { rage, type Kill } from "./killer.ts";
import type { Platform } from "./platform.ts";
import type { ChaosSizes } from "./sizes.ts";
import { sayTask } from "./task.ts";
import { judge, type Asked, type Verdict } from "./verdict.ts";

export type Result = Verdict & {
  readonly asked: number;
  readonly kills: readonly Kill[];
  /** Jobs that ran in a worker when it was killed, all kills together. */
  readonly runningWhenKilled: number;
  /** What had not come to its end when the last start's time was up. */
  readonly left: Readonly<Record<string, number>>;
  readonly drainMs: number;
  readonly complaints: ReadonlyMap<string, number>;
};

export const PEOPLE = 10;
const MIN_MS = 50;
const MAX_MS = 250;

export async function runChaos(
  workshop: Workshop,
  platform: Platform,
  sizes: ChaosSizes,
  say: (text: string) => void,
): Promise<Result> {
  await using house = new House(workshop.home(), platform);
  await house.core.start();
  await house.letIn(platform);
  await house.worker.start();
  const asked: Asked[] = [];
  const send = (): void => {
    const phone = platform.phones[asked.length % platform.phones.length];
    if (phone === undefined) throw new Error("Nobody is there.");
    const name = `t${asked.length + 1}`;
    asked.push({ name, phone });
    phone.sendTable(sayTask({ name, ms: Math.round(MIN_MS + Math.random() * (MAX_MS - MIN_MS)) }));
  };
  const kills = await rage(house, sizes, send);
  while (asked.length < sizes.messages) send();
  say(`everything is dead: ${JSON.stringify(leftIn(house, platform))}`);
  const startedAt = performance.now();
  await Promise.all([house.core.start(), house.worker.start()]);
  const isDrained = () => Object.values(leftIn(house, platform)).every((count) => count === 0);
  // What is left is told with the result.
  await eventually(isDrained, sizes.drainMs).catch(() => undefined);
  const drainMs = performance.now() - startedAt;
  return {
    ...judge(platform, asked),
    asked: asked.length,
    kills,
    runningWhenKilled: kills.reduce((sum, { name, running }) => sum + (name === "worker" ? running : 0), 0),
    left: leftIn(house, platform),
    drainMs,
    complaints: house.complaints,
  };
}

function leftIn(house: House, platform: Platform): Record<string, number> {
  return {
    notHandedOver: platform.isIdle() ? 0 : 1,
    arrivals: house.count("arrivals WHERE state = 'waiting'"),
    jobs: house.count("job_run WHERE finished_at IS NULL"),
    deliveries: house.count("deliveries WHERE ended_at IS NULL"),
  };
}
