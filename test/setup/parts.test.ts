// The pure parts of set-up: what is chosen, what is understood.
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { candidates, isAtLeast, npmEnvironment, packageName } from "../../scripts/setup/bun.mjs";
import { readDotEnv, usesLocalRoom } from "../../scripts/setup/context.mjs";
import { fromSystem, lastLine, saysUnreachable } from "../../scripts/setup/failure.mjs";
import { candidatePaths } from "../../scripts/setup/python.mjs";
import { treeDigest, writeAtomically } from "../../scripts/setup/stamp.mjs";
import { readCoverage, readTotals, totalsLine } from "../../scripts/setup/totals.mjs";
import { temporaryFolder } from "../shared/temporary.ts";

describe("a version", () => {
  test.each([
    ["1.4.5", true],
    ["1.4.10", true],
    ["2.0.0\n", true],
    ["1.4.5-canary.1", true],
    ["1.4.4", false],
    ["1.3.99", false],
    ["0.9.9", false],
    ["", false],
    ["Bun's postinstall script was not run", false],
  ])("%j is enough for 1.4.5: %p", (version, isEnough) => expect(isAtLeast(version, "1.4.5")).toBe(isEnough));
});

describe("Bun", () => {
  const context = {
    tools: "/p/.tools",
    home: "/home/ada",
    settings: { PATH: "/p/node_modules/.bin::/opt/bin:/usr/bin" },
  };

  test("is looked for in the project, then on PATH, then where its installer puts it", () => {
    const [own, ...others] = candidates(context);
    expect(own).toStartWith("/p/.tools/bun-1.4.5/");
    expect(others).toEqual(["/opt/bin/bun", "/usr/bin/bun", "/home/ada/.bun/bin/bun"]);
  });

  test("has one package for each kind of machine, and none for others", () => {
    expect(packageName("linux", "x64", false)).toBe("@oven/bun-linux-x64");
    expect(packageName("linux", "arm64", true)).toBe("@oven/bun-linux-aarch64-musl");
    expect(packageName("darwin", "arm64", false)).toBe("@oven/bun-darwin-aarch64");
    expect(packageName("linux", "riscv64", false)).toBeNull();
    expect(packageName("win32", "x64", false)).toBeNull();
  });

  test("is installed without what npm says about the project, but with the user's registry", () => {
    const given = {
      npm_package_name: "x",
      npm_config_prefix: "/p",
      npm_config_omit: "dev",
      npm_lifecycle_event: "start",
      npm_config_registry: "http://r",
      PATH: "/bin",
    };
    expect(npmEnvironment(given)).toEqual({ npm_config_registry: "http://r", PATH: "/bin" });
  });
});

describe("the settings", () => {
  test("of .env are read with quotes, comments and export", () => {
    const text = `# A=1\nE2B_API_KEY=e2b_1 # mine\nexport SANDPIPER_SANDBOX="local"\nB='x # y'\nEMPTY=\nno line\r\nC = 3\r\n`;
    expect(readDotEnv(text)).toEqual({ E2B_API_KEY: "e2b_1", SANDPIPER_SANDBOX: "local", B: "x # y", C: "3" });
  });

  test("decide where the code runs as the product itself does", () => {
    expect(usesLocalRoom({})).toBe(true);
    expect(usesLocalRoom({ E2B_API_KEY: "k" })).toBe(false);
    expect(usesLocalRoom({ E2B_API_KEY: " " })).toBe(true);
    expect(usesLocalRoom({ E2B_API_KEY: "k", SANDPIPER_SANDBOX: "local" })).toBe(true);
    expect(usesLocalRoom({ SANDPIPER_SANDBOX: "e2b" })).toBe(false);
  });
});

test("the system's Python comes before others on PATH", () => {
  const paths = candidatePaths({ PATH: "/root/.pyenv/shims:relative:/opt/bin" });
  expect(paths.indexOf("/usr/bin/python3")).toBeLessThan(paths.indexOf("/root/.pyenv/shims/python3"));
  expect(paths.at(-1)).toBe("/opt/bin/python3");
  expect(paths).not.toContain("relative/python3");
});

describe("the totals", () => {
  test("the lines of all files together are read out of the table", () => {
    expect(readCoverage("File | % Funcs | % Lines |\nAll files      |   91.00 |   92.50 |\n")).toBe(92.5);
    expect(readCoverage(" 5 pass\n 0 fail\n")).toBeNull();
  });

  const summary = "a.test.ts:\n(pass) 9 fail\n\n 12 pass\n 1 skip\n 2 todo\n 3 fail\n 4 expect() calls\nRan 18 tests";

  test("are Bun's own", () => {
    expect(readTotals(summary, 1)).toEqual({ passed: 12, failed: 3, skipped: 3 });
    expect(readTotals("\u001b[32m 5 pass\u001b[0m\n\u001b[2m 0 fail\u001b[0m\n", 0)).toEqual({
      passed: 5,
      failed: 0,
      skipped: 0,
    });
  });

  test("count a run that broke off, and an error outside a test, as failures", () => {
    expect(readTotals("", 137).failed).toBe(1);
    expect(readTotals(" 5 pass\n 0 fail\n 1 error\n", 1).failed).toBe(1);
    expect(readTotals(" 5 pass\n 0 fail\n 2 errors\n", 1).failed).toBe(2);
  });

  test("name what was skipped only when something was", () => {
    expect(totalsLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(totalsLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
  });
});

describe("a foreign program's output", () => {
  test("is cut down to the line that says what failed", () => {
    expect(lastLine("one\nERROR: no such wheel\nnotice: a new pip is there\n\n")).toBe("ERROR: no such wheel");
    expect(lastLine("plain\nwords\n")).toBe("words");
    expect(lastLine("")).toBe("");
    expect(lastLine(`error ${"x".repeat(500)}`)).toHaveLength(201);
  });

  test.each([
    "npm error code ECONNREFUSED",
    "error: ConnectionRefused downloading tarball zod@4.6.7",
    "error: DNSResolveFailed downloading tarball",
    "Failed to establish a new connection: NewConnectionError",
    "E: Unable to connect to deb.debian.org",
  ])("tells an unreachable server: %s", (line) => expect(saysUnreachable(line)).toBe(true));

  test("of another kind is not taken for it", () =>
    expect(saysUnreachable("404 Not Found: no such package")).toBe(false));
});

test("a folder that cannot be written is a sentence; a bug stays a bug", () => {
  const denied = Object.assign(new Error("EACCES"), { code: "EACCES", path: "/p/.tools" });
  expect(fromSystem(denied).message).toBe("/p/.tools cannot be written by this user.");
  expect(() => fromSystem(new TypeError("x is not a function"))).toThrow(TypeError);
});

describe("a stamp of a folder", () => {
  test("changes with a byte, a name and a new file, and with nothing else", () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, "view"));
    writeFileSync(join(folder.path, "view/a.ts"), "1");
    const first = treeDigest(folder.path);
    writeFileSync(join(folder.path, "view/a.ts"), "1");
    expect(treeDigest(folder.path)).toBe(first);
    writeFileSync(join(folder.path, "view/a.ts"), "2");
    const second = treeDigest(folder.path);
    writeFileSync(join(folder.path, "view/b.ts"), "");
    expect(new Set([first, second, treeDigest(folder.path)]).size).toBe(3);
  });

  test("is written with the folders that it needs", async () => {
    using folder = temporaryFolder();
    writeAtomically(join(folder.path, "a/b.stamp"), "x");
    expect(await Bun.file(join(folder.path, "a/b.stamp")).text()).toBe("x");
  });
});
