// Thousands of messages at WhatsApp's webhook, out of order and each twice: what is lost, and how long an answer takes.
import { text } from "../../src/shared/rows.ts";
import type { Tx } from "../../src/shared/db.ts";
import type { Workshop } from "../board/workshop.ts";
import { percentile } from "../report.ts";
import { eventually, House } from "./house.ts";
import { openWhatsApp } from "./on_whatsapp.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";

const BATCH = { perChange: 3, perEntry: 2, perPost: 2 };
const COPIES = 2;
const CONNECTIONS = 16;
const WITHIN_MS = 120_000;

export async function webhooks(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  await using platform = openWhatsApp(1);
  await using house = new House(workshop.home(), platform);
  await house.core.start();
  await house.letIn(platform);
  const { fake } = platform;
  const [owner] = platform.phones;
  if (owner === undefined) throw new Error("Nobody is there.");
  await fake.webhooks.idle(WITHIN_MS);
  const before = fake.webhooks.attempts.length;
  fake.webhooks.hold();
  const ids = Array.from({ length: sizes.webhooks }, (_, index) => owner.say(`message ${index} of many`));
  fake.webhooks.release({ ...BATCH, copies: COPIES, isShuffled: true, connections: CONNECTIONS });
  await fake.webhooks.idle(WITHIN_MS);
  // Nobody does the jobs: they only have to be there.
  const isThere = () => house.count("arrivals WHERE state = 'waiting'") === 0;
  await eventually(isThere, WITHIN_MS).catch((error: unknown) => console.error(error));
  const { arrived, asked } = house.board.read((tx) => ({
    arrived: new Set(column(tx, "SELECT event_id AS value FROM arrivals")),
    asked: column(tx, "SELECT asked_by AS value FROM replies JOIN jobs ON jobs.id = job_id"),
  }));
  const jobs = new Set(asked);
  const lost = ids.filter((id) => !arrived.has(`m:${id}`) || !jobs.has(id));
  const attempts = fake.webhooks.attempts.slice(before);
  const times = attempts.map(({ ms }) => ms);
  const peers = {
    messages: ids.length,
    jobs: asked.length,
    jobs_too_many: asked.length - jobs.size,
    posts: attempts.length,
    refused: attempts.filter(({ status }) => status !== 200).length,
  };
  return {
    webhooks_2000_lost: { value: lost.length, peers },
    webhook_p99_ms: {
      value: percentile(times, 99),
      peers: { p50: percentile(times, 50), p95: percentile(times, 95), max: Math.max(...times) },
    },
  };
}

const column = (tx: Tx, sql: string): string[] => tx.all(sql).map((row) => text.parse(row["value"]));
