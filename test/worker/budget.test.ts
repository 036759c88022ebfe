// What one job may still spend, in words for people and numbers for whoever asks them.
import { describe, expect, test } from "bun:test";
import { decideApproval, requestApproval, useApproval } from "../../src/shared/approvals.ts";
import type { Claim } from "../../src/shared/claims.ts";
import type { Clock } from "../../src/shared/clock.ts";
import { loadConfig } from "../../src/shared/config.ts";
import type { JobEventBody } from "../../src/shared/types.ts";
import type { Model } from "../../src/worker/agent/model.ts";
import { createCharging } from "../../src/worker/agent/charging.ts";
import { createBudget, OverBudget } from "../../src/worker/budget.ts";
import { claimOne } from "../shared/claiming.ts";
import { addJob, rejectionOf, temporaryBoard } from "../shared/temporary.ts";

const NOON = Date.UTC(2026, 4, 15, 12);
const clock: Clock = { now: () => NOON, monotonic: () => 0 };
const SETTINGS = { SANDPIPER_JOB_USD: "0.5", SANDPIPER_DAY_USD: "2", SANDPIPER_MONTH_USD: "20" };

function purse(settings: Record<string, string> = {}) {
  const place = temporaryBoard();
  const config = loadConfig({ SANDPIPER_HOME: place.folder, ...SETTINGS, ...settings });
  const told: JobEventBody[] = [];
  const open = (claim: Claim) =>
    createBudget(place.board, config, claim, clock, { emit: (body) => void told.push(body) });
  const begin = async (id: string): Promise<Claim> => {
    await addJob(place.board, id);
    return claimOne(place);
  };
  return { ...place, told, open, begin };
}

const call = (microUsd: number) => ({ kind: "model", provider: "openai", subject: "m", microUsd }) as const;

describe("a budget", () => {
  test("says what it refuses, why, and what raises it", async () => {
    using place = purse();
    const budget = place.open(await place.begin("a"));
    await budget.reserve(call(400_000));
    expect(budget.remainingMicroUsd()).toBe(100_000);
    const refusal = await rejectionOf(budget.reserve(call(100_001)));
    expect(refusal).toBeInstanceOf(OverBudget);
    expect(refusal).toMatchObject({
      code: "budget",
      scope: "job",
      limitMicroUsd: 500_000,
      message:
        "This request's budget of $0.50 has no room for this ($0.40 spent or set aside), so nothing more was begun. SANDPIPER_JOB_USD in .env raises it.",
    });
    expect(budget.remainingMicroUsd()).toBe(100_000);
  });

  test.each([
    ["SANDPIPER_JOB_USD", "This request's budget is $0.00"],
    ["SANDPIPER_DAY_USD", "Today's budget is $0.00"],
    ["SANDPIPER_MONTH_USD", "This month's budget is $0.00"],
  ])("of nothing by %s refuses what costs, and not what is free", async (setting, words) => {
    using place = purse({ [setting]: "0" });
    const budget = place.open(await place.begin("a"));
    const refusal = await rejectionOf(budget.reserve(call(1)));
    expect(String(refusal)).toContain(words);
    expect(String(refusal)).toContain(setting);
    await (await budget.reserve(call(0))).settle({ costMicroUsd: 0, isEstimate: false, units: {} });
  });

  test("that comes near its end is told once", async () => {
    using place = purse();
    const budget = place.open(await place.begin("a"));
    const first = await budget.reserve(call(400_000));
    await first.settle({ costMicroUsd: 0, isEstimate: false, units: {} });
    await budget.reserve(call(450_000));
    expect(place.told).toEqual([{ kind: "budget-warned", scope: "job", spentUsd: 0.4, limitUsd: 0.5 }]);
  });

  test("grows by what a person allowed, for the job that goes on with it", async () => {
    using place = purse();
    const asker = await place.begin("a");
    await place.open(asker).reserve(call(500_000));
    const wish = { kind: "spend", title: "More?", subject: { scope: "job", microUsd: 500_000 } };
    const { id, sha256 } = await requestApproval(place.board, asker, wish, NOON);
    await decideApproval(place.board, id, sha256, "approved", NOON);
    const next = await claimOne(place);
    for (const _ of ["its first attempt", "its second"]) await useApproval(place.board, id, next.jobId, NOON);
    expect(place.open(next).remainingMicroUsd()).toBe(1_000_000);
    expect(place.open(asker).remainingMicroUsd()).toBe(0);
  });
});

test("a model whose server counts nothing costs what was reserved", async () => {
  using place = purse();
  const claim = await place.begin("a");
  const unused = () => {
    throw new Error("It is not asked here.");
  };
  const model: Model = { name: "m", provider: "openai", model: "gpt-5-mini", url: null, ask: unused };
  const charge = await createCharging(place.open(claim))(model, {
    instructions: "",
    messages: [{ role: "user", text: "hello" }],
    tools: [],
    mayCall: false,
  });
  const reserved = place.value("SELECT reserved_micro_usd FROM spend");
  await charge.settle({ inputTokens: 0, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0 });
  expect(place.rows("SELECT cost_micro_usd, is_estimate FROM spend")).toEqual([
    { cost_micro_usd: reserved, is_estimate: 1 },
  ]);
});
