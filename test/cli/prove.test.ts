// What `prove` says and leaves behind. That its attacks notice a weakness is tested in test/security.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ATTACKS, keep } from "../../src/cli/prove.ts";
import { loadConfig, ROOT } from "../../src/shared/config.ts";
import { proveIn, Report } from "../security/planted.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { sandpiper } from "./command.ts";

setDefaultTimeout(120_000);

describe("prove", () => {
  test.each([
    [["--group", "magic"], "There is no group “magic”. There are: files, secrets,"],
    [["--way", "sideways"], "There is no way “sideways”. There are: forked, plain."],
    [["--name", "no such words"], "No attack has “no such words” in its name."],
    [["--nmae", "x"], "--nmae"],
  ])("answers %p with a sentence", async (args, sentence) => {
    using folder = temporaryFolder();
    const { code, out, err } = await sandpiper(folder.path, "prove", ...args);
    expect(err).toContain(sentence);
    expect([code, out]).toEqual([2, ""]);
  });

  test("knows many attacks, each by a name of its own, in every group", () => {
    const all = Object.values(ATTACKS).flat();
    expect(all.length).toBeGreaterThan(150);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const [group, attacks] of Object.entries(ATTACKS)) {
      expect(attacks.length).toBeGreaterThan(5);
      expect(attacks.every((one) => one.group === group)).toBe(true);
    }
  });

  test.each(["forked", "plain"])("finds that a group holds, %s, and leaves nothing of a part", async (way) => {
    using home = temporaryFolder();
    const { code, report, complaint } = await proveIn(ROOT, home.path, "--group", "processes", "--way", way);
    expect(report.attacks.filter(({ held }) => !held)).toEqual([]);
    expect(report.attacks.map(({ name }) => name)).toEqual(ATTACKS.processes.map(({ name }) => name));
    expect([code, report.tier, complaint]).toEqual([0, way === "plain" ? "plain" : "forked", ""]);
    expect(existsSync(join(home.path, "data"))).toBe(false);
  });

  test("keeps what a whole run found in the form that programs read", async () => {
    using home = temporaryFolder();
    const config = loadConfig({ SANDPIPER_HOME: home.path });
    const one = { group: "files", name: "n", layer: "l", tried: true, outcome: "o", held: true } as const;
    await keep(config, { at: new Date(0).toISOString(), tier: "forked", attacks: [one] });
    const kept: unknown = await Bun.file(join(home.path, "data/proof.json")).json();
    expect(Report.parse(kept)).toEqual({ at: "1970-01-01T00:00:00.000Z", tier: "forked", attacks: [one] });
  });
});
