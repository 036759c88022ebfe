// The board under kill -9, in small: what is lost (nothing), done twice (nothing), left over (nothing).
import { expect, setDefaultTimeout, test } from "bun:test";
import { toRows, whyVoid } from "../../bench/chaos/rows.ts";
import { runChaos } from "../../bench/chaos/run.ts";
import { SMALL } from "../../bench/chaos/sizes.ts";

setDefaultTimeout(120_000);

test("core and workers that are killed and stopped at random lose no job and do none twice", async () => {
  const result = await runChaos(SMALL, () => undefined);
  expect(whyVoid(result)).toEqual([]);
  expect(Object.values(result.findings).flat()).toEqual([]);
  expect(result.problems).toEqual([]);
  const missed = toRows(result, SMALL).filter((row) => !row.met);
  expect(missed).toEqual([]);
});
