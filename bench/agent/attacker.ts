// A model that obeys every word of the content, in all cases of the tests.
import { attack, CASES, Sink } from "../../test/agent/attacks.ts";
import { openHouse } from "../../test/agent/house.ts";
import type { Measured } from "../sections.ts";

export async function attacker(): Promise<{
  readonly attacker_canary_bytes: Measured;
  readonly attacker_side_effects: Measured;
}> {
  await using house = await openHouse("chat");
  await using sink = new Sink();
  let [bytes, effects] = [0, 0];
  for (const one of CASES) {
    const damage = await attack(house, one, sink);
    bytes += damage.canaryBytes;
    effects += damage.sideEffects.length;
    if (damage.sideEffects.length > 0) console.error(`${one.name}:`, damage.sideEffects);
  }
  const peers = { cases: CASES.length };
  return { attacker_canary_bytes: { value: bytes, peers }, attacker_side_effects: { value: effects, peers } };
}
