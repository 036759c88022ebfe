// Every scenario of the tests on every wire.
import { openHouse, WIRES } from "../../test/agent/house.ts";
import { SCENARIOS } from "../../test/agent/scenarios.ts";
import { houseSettings } from "../../test/agent/settings.ts";
import type { Measured } from "../sections.ts";

export async function scenarios(): Promise<{ readonly scenarios_as_specified_pct: Measured }> {
  let [right, all] = [0, 0];
  for (const wire of WIRES) {
    await using shared = await openHouse(wire, houseSettings(wire));
    for (const { name, settings, play } of SCENARIOS) {
      all += 1;
      try {
        if (settings === undefined) await play(shared);
        else {
          await using house = await openHouse(wire, { ...houseSettings(wire), ...settings });
          await play(house);
        }
        right += 1;
      } catch (error) {
        console.error(`${wire}: ${name}:`, error);
      }
    }
    if (shared.llm.refusals.length > 0) throw new Error(`${wire} refused requests: ${shared.llm.refusals.join("; ")}`);
  }
  const peers = { scenarios: SCENARIOS.length, wires: WIRES.length, right };
  return { scenarios_as_specified_pct: { value: (right / all) * 100, peers } };
}
