// One message at a time: from the platform's update to the job's row, and from the job's end to the platform's API.
import { z } from "zod";
import { integer } from "../../src/shared/rows.ts";
import { idleMoment, stamp, type Workshop } from "../board/workshop.ts";
import { percentile } from "../report.ts";
import { eventually, House } from "./house.ts";
import { openTelegram } from "./on_telegram.ts";
import { openWhatsApp, peopleFor } from "./on_whatsapp.ts";
import type { Platform } from "./platform.ts";
import type { Measured, Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import { answerTo, sayTask } from "./task.ts";

const WARM_UP = 5;
const WITHIN_MS = 20_000;
const SENT = "deliveries WHERE state = 'sent'";

/** Both in ms. */
type Times = { readonly toRow: number; readonly toApi: number };
const Moments = z.object({ created_at: integer, at: integer });

/** The slower of the channels counts. */
export async function latency(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const telegram = await measure(workshop, openTelegram(1), sizes.latency);
  const whatsapp = await measure(workshop, openWhatsApp(peopleFor(sizes.latency + WARM_UP)), sizes.latency);
  const measured = (which: keyof Times): Measured => {
    const [one, other] = [telegram, whatsapp].map((times) => times.map((time) => time[which]));
    const [t95, w95] = [percentile(one ?? [], 95), percentile(other ?? [], 95)];
    const [t50, w50] = [percentile(one ?? [], 50), percentile(other ?? [], 50)];
    const peers = { telegram: t95, telegram_p50: t50, whatsapp: w95, whatsapp_p50: w50 };
    return { value: Math.max(t95, w95), peers };
  };
  return { update_to_row_p95_ms: measured("toRow"), result_to_api_p95_ms: measured("toApi") };
}

async function measure(workshop: Workshop, opened: Platform, count: number): Promise<Times[]> {
  await using platform = opened;
  await using house = new House(workshop.home(), platform);
  await house.core.start();
  await house.letIn(platform);
  await house.worker.start();
  const times: Times[] = [];
  for (let index = 0; index < count + WARM_UP; index += 1) {
    const one = await askOnce(house, platform, index);
    if (index >= WARM_UP) times.push(one);
    await idleMoment();
  }
  return times;
}

async function askOnce(house: House, platform: Platform, index: number): Promise<Times> {
  const name = `t${index}`;
  const phone = platform.phones.at(-1 - (index % platform.phones.length));
  const before = platform.saidAt().length;
  const sent = house.count(SENT);
  const saidAt = stamp();
  phone?.say(sayTask({ name, ms: 0 }));
  // Whoever looked at the phone meanwhile would keep the platform, which is in this process, from answering.
  await eventually(() => house.count(SENT) > sent && platform.isIdle(), WITHIN_MS);
  if (phone?.seen().some(({ text }) => text === answerTo(name)) !== true) throw new Error(`${name} was not answered.`);
  const { created_at, at } = house.board.read((tx) =>
    Moments.parse(
      tx.get(
        `SELECT created_at, at FROM jobs JOIN job_events ON job_id = jobs.id AND kind = 'job-completed'
         WHERE json_extract(input_context, '$.prompt') = ?`,
        sayTask({ name, ms: 0 }),
      ),
    ),
  );
  const calledAt = platform.saidAt()[before] ?? Number.NaN;
  return { toRow: created_at - saidAt, toApi: calledAt - at };
}
