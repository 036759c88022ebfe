// The whole agent on each wire: a real Sandpiper, a real sandbox, and a model that is a script.
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PATIENCE_MS } from "../e2e/sandpiper.ts";
import { openHouse, WIRES, type House } from "./house.ts";
import { SCENARIOS } from "./scenarios.ts";
import { houseSettings } from "./settings.ts";

setDefaultTimeout(2 * PATIENCE_MS);

for (const wire of WIRES)
  describe(`on the wire “${wire}”`, () => {
    let shared: Promise<House> | null = null;
    const open = () => (shared ??= openHouse(wire, houseSettings(wire)));
    afterAll(async () => await (await shared)?.[Symbol.asyncDispose]());

    for (const { name, settings, play } of SCENARIOS)
      test(name, async () => {
        if (settings === undefined) {
          await play(await open());
        } else {
          await using house = await openHouse(wire, { ...houseSettings(wire), ...settings });
          await play(house);
        }
      });

    test("no request was one that the platform would have refused", async () => {
      expect((await open()).llm.refusals).toEqual([]);
    });
  });
