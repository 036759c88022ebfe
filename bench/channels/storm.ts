// The chaos of one channel as rows, told with all that a reader needs to judge it.
import type { Workshop } from "../board/workshop.ts";
import { PEOPLE, runChaos, type Result } from "./chaos.ts";
import { openTelegram } from "./on_telegram.ts";
import { openWhatsApp, peopleFor } from "./on_whatsapp.ts";
import type { Platform } from "./platform.ts";
import type { Measurements } from "./rows.ts";
import type { ChaosSizes, Sizes } from "./sizes.ts";

const SHOWN = 8;

export const stormOnTelegram = (workshop: Workshop, { chaos }: Sizes): Promise<Measurements> =>
  storm(workshop, openTelegram(PEOPLE), chaos);

export const stormOnWhatsApp = (workshop: Workshop, { chaos }: Sizes): Promise<Measurements> =>
  storm(workshop, openWhatsApp(peopleFor(chaos.messages)), chaos);

async function storm(workshop: Workshop, opened: Platform, sizes: ChaosSizes): Promise<Measurements> {
  await using platform = opened;
  const result = await runChaos(workshop, platform, sizes, (text) => console.log(`  ${text}`));
  tell(result);
  const { lost, duplicates, orphans, messages, kills, runningWhenKilled } = result;
  const isVoid = runningWhenKilled < sizes.runningWhenKilled;
  if (isVoid) console.log(`  VOID: only ${runningWhenKilled} jobs ran when their worker was killed.`);
  // A proof of the contrary is one in any case; without it a void run says nothing.
  if (isVoid && lost.length + duplicates.length === 0) return {};
  const peers = { messages: result.asked, kills: kills.length, running_when_killed: runningWhenKilled };
  return {
    [`chaos_lost_${platform.name}`]: { value: lost.length, peers },
    [`chaos_duplicates_${platform.name}`]: { value: duplicates.length, peers: { bot_messages: messages } },
    [`chaos_orphans_pct_${platform.name}`]: {
      value: (orphans.length / Math.max(1, messages)) * 100,
      peers: { orphans: orphans.length, bot_messages: messages },
    },
  };
}

function tell(result: Result): void {
  const { lost, duplicates, orphans, kills, left, complaints, asked, messages, drainMs } = result;
  for (const name of ["core", "worker"] as const) {
    const its = kills.filter((kill) => kill.name === name);
    const sum = (of: "running" | "sending") => its.reduce((total, kill) => total + kill[of], 0);
    console.log(
      `  ${its.length} kills of ${name}: ${sum("running")} jobs running, ${sum("sending")} answers being sent`,
    );
  }
  console.log(`  ${asked} messages, ${messages} messages of the bot, drained in ${(drainMs / 1_000).toFixed(1)} s`);
  console.log(`  left: ${JSON.stringify(left)}; logged: ${JSON.stringify(Object.fromEntries(complaints))}`);
  for (const [name, found] of Object.entries({ lost, duplicates, orphans }))
    for (const sentence of found.slice(0, SHOWN)) console.log(`  ✗ ${name}: ${sentence}`);
}
