// What the loop adds to a model that answers at once: to each step, and to the first word.
import { call, openHouse, turns } from "../../test/agent/house.ts";
import { median, percentile } from "../report.ts";
import type { Measured } from "../sections.ts";
import type { Sizes } from "./sizes.ts";

const STEPS = 10;

/** A step: a question to the model, reserved and settled durably, and a tool that does next to nothing. */
export async function loopOverhead({ timed }: Sizes): Promise<{ readonly loop_overhead_ms_per_step: Measured }> {
  await using house = await openHouse("chat", {
    SANDPIPER_MODEL_STEPS: "50",
    SANDPIPER_DAY_USD: "1000",
    SANDPIPER_MONTH_USD: "1000",
  });
  const took = async (steps: number): Promise<number> => {
    house.begin(
      turns([...Array.from({ length: steps }, () => call("find_earlier", { words: "nothing" })), { text: "Done." }]),
    );
    const { durationMs } = await house.say({ text: "go", isNew: true });
    return durationMs ?? Number.NaN;
  };
  await took(STEPS);
  const [short, long]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < timed; turn += 1) {
    short.push(await took(1));
    long.push(await took(1 + STEPS));
  }
  const value = (median(long) - median(short)) / STEPS;
  return { loop_overhead_ms_per_step: { value, peers: { one_step_ms: median(short), eleven_steps_ms: median(long) } } };
}

/** From the moment when the model's server hands out its first words to that when a follower of the job has them. */
export async function firstToken({ tokens }: Sizes): Promise<{ readonly first_token_added_p95_ms: Measured }> {
  await using house = await openHouse("chat", { SANDPIPER_DAY_USD: "1000", SANDPIPER_MONTH_USD: "1000" });
  const added: number[] = [];
  for (let turn = 0; turn < tokens; turn += 1) {
    let spokenAt = 0;
    house.begin(() => {
      spokenAt = performance.now();
      return { text: "The first words, and then some more of them." };
    });
    const id = await house.send({ text: "speak", isNew: true });
    await house.sandpiper.follow(id, (event) => event.kind === "text-delta" || event.kind === "job-completed");
    added.push(performance.now() - spokenAt);
    await house.end(id);
  }
  return { first_token_added_p95_ms: { value: percentile(added, 95), peers: { p50: median(added) } } };
}
