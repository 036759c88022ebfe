// The chaos of one channel as rows, told with all that a reader needs to judge it.
import type { Workshop } from "../board/workshop.ts";
import { PEOPLE, runChaos, type Result } from "./chaos.ts";
import { openTelegram } from "./on_telegram.ts";
import { openWhatsApp, peopleFor } from "./on_whatsapp.ts";
import type { Platform } from "./platform.ts";
import type { Measurements } from "../sections.ts";
import type { ChaosSizes, Sizes } from "./sizes.ts";

const SHOWN = 8;
/** As far away as a platform is: few kills meet a message in doubt where the answer comes at once. */
const ANSWER_MS = 40;

export const stormOnTelegram = (workshop: Workshop, { chaos }: Sizes): Promise<Measurements> =>
  storm(workshop, (answerMs) => openTelegram(PEOPLE, answerMs), chaos);

export const stormOnWhatsApp = (workshop: Workshop, { chaos }: Sizes): Promise<Measurements> =>
  storm(workshop, (answerMs) => openWhatsApp(peopleFor(chaos.messages), answerMs), chaos);

/** Once with a platform that answers at once, and once with one that does not. Lost and doubled are those of both. */
async function storm(
  workshop: Workshop,
  open: (answerMs: number) => Platform,
  sizes: ChaosSizes,
): Promise<Measurements> {
  const near = await endure(workshop, open(0), sizes);
  const far = await endure(workshop, open(ANSWER_MS), sizes);
  const [lost, duplicates] = [near.lost.length + far.lost.length, near.duplicates.length + far.duplicates.length];
  // A proof of the contrary is one in any case; without it a void run says nothing.
  if ((near.isVoid || far.isVoid) && lost + duplicates === 0) return {};
  const running = near.runningWhenKilled + far.runningWhenKilled;
  const peers = { messages: near.asked + far.asked, kills: near.kills.length + far.kills.length };
  return {
    [`chaos_lost_${near.name}`]: { value: lost, peers: { ...peers, running_when_killed: running } },
    [`chaos_duplicates_${near.name}`]: { value: duplicates, peers },
    [`chaos_orphans_pct_${near.name}`]: {
      value: shareOf(near),
      peers: {
        orphans: near.orphans.length,
        bot_messages: near.messages,
        [`pct_at_${ANSWER_MS}_ms`]: shareOf(far),
        [`orphans_at_${ANSWER_MS}_ms`]: far.orphans.length,
      },
    },
  };
}

const shareOf = ({ orphans, messages }: Result): number => (orphans.length / Math.max(1, messages)) * 100;

async function endure(workshop: Workshop, opened: Platform, sizes: ChaosSizes) {
  await using platform = opened;
  const result = await runChaos(workshop, platform, sizes, (text) => console.log(`  ${text}`));
  tell(result);
  const isVoid = result.runningWhenKilled < sizes.runningWhenKilled;
  if (isVoid) console.log(`  VOID: only ${result.runningWhenKilled} jobs ran when their worker was killed.`);
  return { ...result, name: platform.name, isVoid };
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
