// The committed pages say what src/shared/settings.ts says.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { ROOT, loadConfig } from "../../src/shared/config.ts";
import { SETTINGS } from "../../src/shared/settings.ts";
import { exampleFile, settingsPage } from "../../scripts/settings_page.ts";

const read = (file: string) => readFileSync(`${ROOT}/${file}`, "utf8");
const internal = SETTINGS.filter((setting) => "internal" in setting);
const people = SETTINGS.filter((setting) => !("internal" in setting));

describe("docs/settings.md", () => {
  test("is what scripts/settings_page.ts writes", () => expect(read("docs/settings.md")).toBe(settingsPage()));

  test("has one row for each setting of people and none of the others", () => {
    for (const { env } of people) expect(settingsPage().split(`| \`${env}\``)).toHaveLength(2);
    for (const { env } of internal) expect(settingsPage()).not.toContain(env);
  });

  test("marks keys as secrets", () => {
    const row = settingsPage()
      .split("\n")
      .find((line) => line.includes("`E2B_API_KEY` "));
    expect(row).toContain("**Secret.**");
  });
});

describe(".env.example", () => {
  test("is what scripts/settings_page.ts writes", () => expect(read(".env.example")).toBe(exampleFile()));

  test("changes nothing when it is copied as it is", () => expect(parseEnv(exampleFile())).toEqual({}));

  test("gives the defaults when every line is taken in", () => {
    const lines = exampleFile().replaceAll(/^# (?=[A-Z0-9_]+=)/gm, "");
    const taken = parseEnv(lines);
    expect(Object.keys(taken).toSorted()).toEqual(people.map(({ env }) => env).toSorted());
    expect(loadConfig(taken, "/project")).toEqual(loadConfig({}, "/project"));
  });
});
