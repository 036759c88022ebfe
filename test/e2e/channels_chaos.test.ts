// Two channels under kill -9, in small: what people asked for is on their phones once, and nothing unfinished is.
import { expect, setDefaultTimeout, test } from "bun:test";
import { Workshop } from "../../bench/board/workshop.ts";
import { PEOPLE, runChaos } from "../../bench/channels/chaos.ts";
import { openTelegram } from "../../bench/channels/on_telegram.ts";
import { openWhatsApp } from "../../bench/channels/on_whatsapp.ts";
import type { Platform } from "../../bench/channels/platform.ts";
import { SMALL } from "../../bench/channels/sizes.ts";

setDefaultTimeout(120_000);

/** A kill between a message and the note of its id leaves it behind: at most one a kill here, where 1 % is less than one. */
async function endure(opened: Platform): Promise<number> {
  await using workshop = new Workshop();
  await using platform = opened;
  const result = await runChaos(workshop, platform, SMALL, () => undefined);
  expect(result.left).toEqual({ notHandedOver: 0, arrivals: 0, jobs: 0, deliveries: 0 });
  expect(result.lost).toEqual([]);
  expect(result.duplicates).toEqual([]);
  expect(result.asked).toBe(SMALL.messages);
  return result.orphans.length;
}

test("core and worker that are killed lose no message of a chat and answer none twice", async () => {
  const [onTelegram, onWhatsApp] = await Promise.all([endure(openTelegram(PEOPLE)), endure(openWhatsApp(PEOPLE))]);
  expect(onTelegram).toBeLessThanOrEqual(SMALL.kills);
  expect(onWhatsApp).toBe(0);
});
