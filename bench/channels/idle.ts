// What a connected Telegram adds to a core that has nothing to do, in memory of its own (PSS).
import type { Workshop } from "../board/workshop.ts";
import { usageOf } from "../processes.ts";
import { median } from "../report.ts";
import { House } from "./house.ts";
import { openTelegram } from "./on_telegram.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";

/** Side by side: what they share with each other, and with whatever else this machine runs, is halved for both alike. */
export async function idle(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const pairs: { readonly alone: number; readonly connected: number }[] = [];
  for (let start = 0; start < sizes.starts; start += 1) pairs.push(await weighBoth(workshop, sizes.settleMs));
  const peers = {
    core_alone: median(pairs.map(({ alone }) => alone)),
    core_with_telegram: median(pairs.map(({ connected }) => connected)),
  };
  return { telegram_idle_mb: { value: median(pairs.map(({ alone, connected }) => connected - alone)), peers } };
}

async function weighBoth(workshop: Workshop, settleMs: number) {
  await using platform = openTelegram(0);
  await using alone = new House(workshop.home(), null);
  await using connected = new House(workshop.home(), platform);
  await Promise.all([alone.core.start(), connected.core.start()]);
  await connected.isUp(platform.name);
  await Bun.sleep(settleMs);
  return { alone: weigh(alone), connected: weigh(connected) };
}

function weigh({ core: { pid } }: House): number {
  const own = usageOf(pid).find((one) => one.pid === pid);
  if (own === undefined || own.pssMb === 0) throw new Error("core's memory could not be read.");
  return own.pssMb;
}
