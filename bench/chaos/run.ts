// The whole run: a house under load, kills and stops, a last start, and the verdict.
import { checkDatabase } from "../../src/shared/db.ts";
import { pause } from "../../src/shared/stop.ts";
import { Door } from "./door.ts";
import { Follower } from "./follower.ts";
import { openHouse, type House } from "./house.ts";
import { Killer, type Kill, type Stop } from "./killer.ts";
import { readLedger } from "./ledger.ts";
import { observe, type Observer } from "./observer.ts";
import { readRecords } from "./records.ts";
import type { Sizes } from "./sizes.ts";
import { Strangers } from "./strangers.ts";
import { judge, linesOf, type Findings } from "./verdict.ts";

export type Result = {
  readonly kills: readonly Kill[];
  readonly stops: readonly Stop[];
  readonly acknowledged: number;
  readonly unsure: number;
  readonly refusals: ReadonlyMap<number, number>;
  readonly findings: Findings;
  readonly problems: readonly string[];
  /** Jobs that had not ended when the last start's time was up. */
  readonly stuck: number;
  readonly drainMs: number;
  readonly orphans: number;
  readonly sandboxes: number;
  readonly openSandboxRows: number;
  readonly mismatches: number;
  readonly disorders: number;
  readonly jobs: number;
  /** How the attempts ended. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Results of attempts that were lost meanwhile, which the board refused. */
  readonly lateResults: number;
  readonly errors: ReadonlyMap<string, number>;
  readonly uncleanExits: number;
};

const LOOK_MS = 50;
/** The sandboxes of the dead are looked for every ten seconds. */
const REAPED_WITHIN_MS = 45_000;
const TOLD_WITHIN_MS = 10_000;
const IN_THE_MAKING = 3;
const END_GRACE_MS = 10_000;
/** From here on a share of the jobs tells its output in pieces. */
const DELTAS_FROM = 0.5;

export async function runChaos(sizes: Sizes, say: (text: string) => void): Promise<Result> {
  await using house = openHouse(sizes);
  await house.core.start();
  await Promise.all(house.workers.map((worker) => worker.start()));
  using observer = observe(house.database);
  const token = (await Bun.file(`${house.home}/data/token`).text()).trim();
  const port = () => (house.core.isReady ? house.core.port : null);
  const follower = new Follower(token, port);
  const unfollow = new AbortController();
  const following = follower.follow(unfollow.signal);
  const storm = await rage(house, observer, sizes, token, say);
  const ending = await end(house, observer, follower, sizes, say);
  unfollow.abort();
  await following;
  return { ...storm, ...ending, ...conclude(house, observer, follower, storm), disorders: follower.disorders };
}

type Storm = Pick<Result, "kills" | "stops" | "acknowledged" | "unsure" | "refusals"> & {
  readonly firstDeltaSeq: number;
};

/** Load and kills, until there was enough of both. Ends with everything killed at once. */
async function rage(
  house: House,
  observer: Observer,
  sizes: Sizes,
  token: string,
  say: (text: string) => void,
): Promise<Storm> {
  let ready = 0;
  let firstDeltaSeq = Infinity;
  const shared = {
    ledger: house.ledger,
    hasRoom: () => ready < sizes.backlog,
    hasDeltas: () => {
      if (firstDeltaSeq === Infinity && killer.kills.length >= sizes.kills * DELTAS_FROM)
        firstDeltaSeq = observer.newestSeq();
      return firstDeltaSeq < Infinity;
    },
  };
  const door = new Door({ ...shared, token, port: () => (house.core.isReady ? house.core.port : null) });
  const strangers = new Strangers({ ...shared, database: house.database });
  const acknowledged = () => door.acknowledged + strangers.acknowledged;
  const slots = [house.core, ...house.workers];
  const isEnough = () => acknowledged() >= sizes.jobs;
  const killer: Killer = new Killer({ slots, observer, inFlight: () => door.inFlight, sizes, isEnough });
  const looking = setInterval(() => (ready = observer.ready()), LOOK_MS);
  const telling = setInterval(() => {
    const { kills, stops } = killer;
    say(
      `${kills.length} kills (${share(kills)} % with a job), ${stops.length} stops, ${acknowledged()} jobs acknowledged, ` +
        `${ready} ready, ${observer.running()} running, ${house.provider.alive().length} sandboxes`,
    );
  }, 5_000);
  const enough = new AbortController();
  const sending = [door.keepSending(enough.signal), strangers.keepWriting(enough.signal)];
  try {
    await filled(() => ready, sizes.backlog / 2);
    await killer.rage();
    // The last kill meets sandboxes that are being made, and nobody dies after it who would have them looked for again.
    house.tire(true);
    await waitUntil(() => house.provider.creating() >= IN_THE_MAKING, TOLD_WITHIN_MS);
    await Promise.all(slots.map((slot) => slot.kill()));
    house.tire(false);
  } finally {
    enough.abort();
    await Promise.all(sending);
    clearInterval(looking);
    clearInterval(telling);
  }
  const { kills, stops } = killer;
  const unsure = door.unsure + strangers.unsure;
  return { kills, stops, acknowledged: acknowledged(), unsure, refusals: door.refusals, firstDeltaSeq };
}

/** Percent of the kills that met a process with a job in its hands. */
export const share = (kills: readonly Kill[]): number =>
  kills.length === 0 ? 0 : Math.round((kills.filter((kill) => kill.held > 0).length / kills.length) * 100);

/** Nobody is killed before there is something to lose. */
async function filled(ready: () => number, wanted: number): Promise<void> {
  while (ready() < wanted) await Bun.sleep(LOOK_MS);
}

type Ending = Pick<Result, "stuck" | "drainMs" | "orphans" | "sandboxes" | "uncleanExits">;

/** Everything is started once more and has to clean up: jobs first, then sandboxes; then it is ended as usual. */
async function end(
  house: House,
  observer: Observer,
  follower: Follower,
  sizes: Sizes,
  say: (text: string) => void,
): Promise<Ending> {
  const slots = [house.core, ...house.workers];
  const startedAt = performance.now();
  say(`everything is dead; ${observer.open()} jobs are open, ${house.provider.alive().length} sandboxes alive`);
  await Promise.all(slots.map((slot) => slot.start()));
  await waitUntil(() => observer.open() === 0, sizes.drainMs);
  const drainMs = performance.now() - startedAt;
  const stuck = observer.open();
  const isReaped = () => house.provider.alive().length + house.provider.creating() === 0;
  await waitUntil(isReaped, REAPED_WITHIN_MS);
  await waitUntil(() => follower.cursor === observer.newestSeq(), TOLD_WITHIN_MS);
  const orphans = house.provider.alive().length;
  const codes = await Promise.all(slots.map((slot) => slot.end(END_GRACE_MS)));
  const uncleanExits = codes.filter((code) => code !== 0).length;
  return { stuck, drainMs, orphans, sandboxes: house.provider.created(), uncleanExits };
}

async function waitUntil(condition: () => boolean, withinMs: number): Promise<void> {
  const giveUp = AbortSignal.timeout(withinMs);
  while (!condition() && !giveUp.aborted) await pause(LOOK_MS, giveUp);
}

function conclude(house: House, observer: Observer, follower: Follower, storm: Storm) {
  const mismatches = observer.mismatches() + storm.kills.reduce((sum, kill) => sum + kill.mismatches, 0);
  const problems = checkDatabase(house.database);
  const records = readRecords(house.database);
  const ledger = readLedger(house.ledger);
  const { firstDeltaSeq, unsure } = storm;
  const outcomes = new Map<string, number>();
  for (const { id } of records.jobs)
    for (const { outcome } of records.attemptsOf(id)) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  return {
    findings: judge({ records, ledger, seen: follower.seen, firstDeltaSeq, unsure }),
    mismatches,
    problems,
    outcomes,
    jobs: records.jobs.length,
    openSandboxRows: records.openSandboxes,
    lateResults: linesOf(ledger, "said").filter(({ outcome }) => outcome === "job-lost").length,
    errors: house.errors,
  };
}
