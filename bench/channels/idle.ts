// What a connected Telegram adds to a core that has nothing to do, in memory of its own (PSS).
import type { Workshop } from "../board/workshop.ts";
import { usageOf } from "../processes.ts";
import { median } from "../report.ts";
import { House } from "./house.ts";
import { openTelegram } from "./on_telegram.ts";
import type { Platform } from "./platform.ts";
import type { Measurements } from "./rows.ts";
import type { Sizes } from "./sizes.ts";

export async function idle(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const [alone, connected]: [number[], number[]] = [[], []];
  // In turn, so that whatever else this machine does meets both.
  for (let start = 0; start < sizes.starts; start += 1) {
    alone.push(await weigh(workshop, null, sizes.settleMs));
    await using platform = openTelegram(0);
    connected.push(await weigh(workshop, platform, sizes.settleMs));
  }
  const peers = { core_alone: median(alone), core_with_telegram: median(connected) };
  return { telegram_idle_mb: { value: peers.core_with_telegram - peers.core_alone, peers } };
}

async function weigh(workshop: Workshop, platform: Platform | null, settleMs: number): Promise<number> {
  await using house = new House(workshop.home(), platform);
  await house.core.start();
  if (platform !== null) await house.isUp(platform.name);
  await Bun.sleep(settleMs);
  const own = usageOf(house.core.pid).find(({ pid }) => pid === house.core.pid);
  if (own === undefined || own.pssMb === 0) throw new Error("core's memory could not be read.");
  return own.pssMb;
}
