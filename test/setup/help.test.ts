// Who asks what the start does is told, and nothing is begun.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../shared/temporary.ts";

const DOOR = join(import.meta.dir, "../../scripts/run.mjs");

test.each(["--help", "-h"])("start %s says what it does and where the settings are, and ends", (flag) => {
  using home = temporaryFolder();
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, DOOR, "start", flag], {
    env: { PATH: process.env["PATH"] ?? "", SANDPIPER_HOME: home.path },
    timeout: 3_000,
  });
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  expect(stdout.toString()).toStartWith("Usage: npm start\n");
  expect(stdout.toString()).toContain("docs/settings.md");
  expect(readdirSync(home.path)).toEqual([]);
});
