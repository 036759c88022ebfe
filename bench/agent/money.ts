// Limits under eight jobs at once with retries and kills, the ledger beside the bill, and sandboxes whose Sandpiper is dead.
import type { Script } from "../../fakes/llm/script.ts";
import { openHouse, type House } from "../../test/agent/house.ts";
import { openCloud } from "../../test/e2e/cloud.ts";
import { descendantsOf } from "../../test/e2e/processes.ts";
import { startSandpiper } from "../../test/e2e/sandpiper.ts";
import { priceOf } from "../../src/worker/agent/prices.ts";
import type { Measured } from "../sections.ts";
import type { Sizes } from "./sizes.ts";

const MODEL = { provider: "openai", model: "gpt-5-mini" };
const WIDE = { SANDPIPER_JOB_USD: "1000", SANDPIPER_DAY_USD: "1000", SANDPIPER_MONTH_USD: "1000" };

/** Answers of random cost, some after a 429, some that break off. */
function spender(seed: number): Script {
  const random = generator(seed);
  return (asked, index) => {
    if (asked.schema !== null) return { text: '{"file":"","plan":null}' };
    const chance = random();
    if (chance < 0.15) return { fault: { kind: "status", status: 429, headers: { "retry-after-ms": "3" } } };
    if (chance < 0.2) return { text: "broken ".repeat(20), fault: { kind: "cut", clean: true } };
    // No two answers take the same, so that each row of the ledger has its request.
    const usage = { inputTokens: 1_000 + index, cachedTokens: 0, outputTokens: Math.floor(random() * 4_000) };
    return { text: "words", usage, delayMs: Math.floor(random() * 3) };
  };
}

export async function overshoot({ spends }: Sizes): Promise<{ readonly budget_overshoot_reservations: Measured }> {
  const limit = 0.2;
  await using house = await openHouse("responses", {
    ...WIDE,
    SANDPIPER_DAY_USD: String(limit),
    SANDPIPER_CONCURRENCY: "8",
  });
  house.begin(spender(7));
  const ids: string[] = [];
  for (let sent = 0; sent < spends; sent += 1) {
    ids.push(await house.send({ text: `request ${sent}`, isNew: true }));
    if (sent === Math.floor(spends / 3) || sent === Math.floor((spends * 2) / 3)) await killWorker(house);
  }
  for (const id of ids) await house.end(id);
  const [row] = house.rows(
    "SELECT sum(coalesce(cost_micro_usd, reserved_micro_usd)) AS spent, max(reserved_micro_usd) AS largest FROM spend",
  );
  const refused = house.rows("SELECT count(*) AS n FROM approvals WHERE kind = 'spend'")[0]?.["n"];
  const [spent, largest] = [Number(row?.["spent"]), Number(row?.["largest"])];
  if (Number(refused) === 0) throw new Error("The limit was never reached.");
  return {
    budget_overshoot_reservations: {
      value: Math.max(0, Math.ceil((spent - limit * 1e6) / largest)),
      peers: { spent_usd: spent / 1e6, limit_usd: limit, refused: Number(refused), requests: spends },
    },
  };
}

export async function ledger({ runs, kills }: Sizes): Promise<{ readonly ledger_difference_microusd: Measured }> {
  await using house = await openHouse("responses", { ...WIDE, SANDPIPER_CONCURRENCY: "4" });
  house.begin(spender(11));
  const ids: string[] = [];
  const every = Math.floor(runs / (kills + 1));
  for (let run = 1; run <= runs; run += 1) {
    ids.push(await house.send({ text: `run ${run}`, isNew: true }));
    // Not so many wait that they would all run after the last kill.
    if (run % 8 === 0) await house.end(ids[ids.length - 8] ?? "");
    if (run % every === 0) await killWorker(house);
  }
  for (const id of ids) await house.end(id);
  await settled(house);
  return {
    ledger_difference_microusd: {
      value: differenceOf(house),
      peers: { runs, kills, requests: house.llm.requests.length },
    },
  };
}

/** The one that runs, as soon as one does. */
async function killWorker({ sandpiper }: House): Promise<void> {
  for (;;) {
    const worker = descendantsOf(sandpiper.pid).find(({ command }) => command.includes("src/worker/worker.ts"));
    if (worker !== undefined) return void process.kill(worker.pid, "SIGKILL");
    await Bun.sleep(20);
  }
}

/** What a dead worker left open is closed within seconds. */
async function settled(house: House): Promise<void> {
  const open = () => Number(house.rows("SELECT count(*) AS n FROM spend WHERE ended_at IS NULL")[0]?.["n"]);
  for (const giveUpAt = performance.now() + 60_000; open() > 0; await Bun.sleep(200))
    if (performance.now() > giveUpAt) throw new Error(`${open()} rows of the ledger stay open.`);
}

/** Three accounts of the same money: each call's price by what the server counted, the ledger's rows, and the jobs' own figures. */
function differenceOf(house: House): number {
  const bill = new Map(
    house.llm.requests.flatMap(({ usage }) =>
      usage === null ? [] : [[usage.inputTokens, priceOf({ ...MODEL, ...usage }).microUsd] as const],
    ),
  );
  let difference = 0;
  for (const row of house.rows(
    "SELECT cost_micro_usd, reserved_micro_usd, is_estimate, json_extract(units, '$.inputTokens') AS input FROM spend WHERE kind = 'model'",
  )) {
    const [cost, reserved] = [Number(row["cost_micro_usd"]), Number(row["reserved_micro_usd"])];
    // Where nobody could count, all that was set aside is spent; where the server refused, nothing.
    const due = row["is_estimate"] === 1 ? reserved : row["input"] === null ? 0 : bill.get(Number(row["input"]));
    if (due === undefined) throw new Error(`The ledger has a call that the server never had: ${JSON.stringify(row)}`);
    difference += Math.abs(cost - due);
  }
  const jobs = house.rows(
    "SELECT cost_micro_usd AS told, (SELECT coalesce(sum(cost_micro_usd), 0) FROM spend WHERE spend.job_id = job_run.job_id) AS spent FROM job_run",
  );
  return jobs.reduce((sum, { told, spent }) => sum + Math.abs(Number(told) - Number(spent)), difference);
}

/** E2B's list price of its default machine, in micro-dollars a second. */
const SECOND = 30.25;
const AFFORDED_S = 12;

/** From the moment when the money is used up to that when the sandbox is gone; nobody is left to end it. */
export async function pastBudget({ abandoned }: Sizes): Promise<{ readonly sandbox_past_budget_s: Measured }> {
  await using cloud = await openCloud();
  const late: number[] = [];
  for (let turn = 0; turn < abandoned; turn += 1) {
    const budget = String((AFFORDED_S * SECOND + 5) / 1e6);
    const one = await startSandpiper({
      ...cloud.settings,
      SANDPIPER_SANDBOX: "e2b",
      ...WIDE,
      SANDPIPER_DAY_USD: budget,
    });
    await one.send({ code: "import time\ntime.sleep(600)" });
    while ((await cloud.sandboxes()).length === 0) await Bun.sleep(20);
    const startedAt = performance.now();
    process.kill(one.child("worker/worker.ts").pid, "SIGKILL");
    one.signal("SIGKILL");
    while ((await cloud.sandboxes()).length > 0) await Bun.sleep(50);
    late.push((performance.now() - startedAt) / 1_000 - AFFORDED_S);
    await one[Symbol.asyncDispose]();
  }
  return {
    sandbox_past_budget_s: {
      value: Math.max(0, ...late),
      peers: { latest_s: Math.max(...late), earliest_s: Math.min(...late) },
    },
  };
}

function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}
