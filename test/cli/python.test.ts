// Names are checked, and the place, before anything is asked of an index.
import { describe, expect, test } from "bun:test";
import { temporaryFolder } from "../shared/temporary.ts";
import { MAIN, run, sandpiper } from "./command.ts";

describe("python", () => {
  test.each([
    ["no action", [], "Say add, remove or list."],
    ["no name", ["add"], "Which package is to be added?"],
    ["an address", ["add", "git+https://example.org/x"], "is no name of a package"],
    ["a path", ["add", "../x"], "is no name of a package"],
    ["a range of versions", ["add", "x>=1"], "is no name of a package"],
    ["an extra", ["add", "x[y]"], "is no name of a package"],
    ["a second line", ["add", "x\n--index-url=http://example.org"], "is no name of a package"],
    ["an option for pip", ["add", "--index-url", "x"], "--index-url"],
    ["an option for pip behind --", ["add", "--", "--pre"], "is no name of a package"],
    ["a version to remove", ["remove", "x==1"], "is no name of a package"],
    ["too many", ["add", ...Array.from({ length: 21 }, (_, index) => `x${index}`)], "At most 20 packages"],
  ])("answers %s with a sentence", async (_name, args, sentence) => {
    using folder = temporaryFolder();
    const { code, out, err } = await sandpiper(folder.path, "python", ...args);
    expect(err).toContain(sentence);
    expect([code, out]).toEqual([2, ""]);
  });

  test.each([
    ["a Python of one's own", { SANDPIPER_PYTHON: "/opt/python3" }, "your own Python, /opt/python3"],
    ["E2B's cloud", { E2B_API_KEY: "e2b_0" }, "E2B's cloud"],
  ])("leaves %s alone", async (_name, environment, sentence) => {
    using folder = temporaryFolder();
    const argv = [process.execPath, "--no-env-file", MAIN, "python", "add", "x", "--yes"];
    const { code, err } = await run(argv, {
      HOME: folder.path,
      SANDPIPER_HOME: folder.path,
      INIT_CWD: folder.path,
      ...environment,
    });
    expect(err).toContain(sentence);
    expect(code).toBe(1);
  });
});
