import { describe, expect, test } from "bun:test";
import { agentCommand, pythonInside, roomArguments, type RoomOptions } from "../../../src/sandboxd/room/argv.ts";

const OPTIONS: RoomOptions = {
  python: { executable: "/usr/bin/python3", site: null, base: null },
  links: { bin: "usr/bin", lib: "usr/lib", lib64: null },
  etc: ["/etc/alternatives"],
  files: [{ path: "/etc/passwd", fd: 6 }],
  hidden: [],
  masked: ["/proc/keys"],
  rootBytes: 32,
  homeBytes: 512,
  tmpBytes: 256,
  shmBytes: 64,
  statusFd: 5,
  profile: "code",
  init: "agent",
  seccompFd: 7,
};

const pairs = (args: readonly string[], flag: string): string[] =>
  args.flatMap((one, index) => (one === flag ? [args.slice(index + 1, index + 3).join(" ")] : []));

describe("the arguments of a room", () => {
  test("are these, in this order, for Debian's Python", () => {
    expect(roomArguments(OPTIONS).join(" ").replaceAll(" --", "\n--").split("\n")).toMatchSnapshot();
  });

  test("name everything of the host read-only, and nothing but /usr, /etc parts, Python and /dev/null", () => {
    const python = { executable: "/home/u/py/bin/python3", site: "/home/u/site", base: "/home/u/py" };
    const args = roomArguments({ ...OPTIONS, python });
    expect(pairs(args, "--ro-bind")).toEqual([
      "/usr /usr",
      "/lib64 /lib64",
      "/etc/alternatives /etc/alternatives",
      "/home/u/py /opt/python/base",
      "/home/u/site /opt/python/site",
      "/dev/null /proc/keys",
    ]);
    for (const flag of ["--bind", "--dev-bind", "--share-net", "--bind-try"]) expect(args).not.toContain(flag);
  });

  test("give each place that can be written a size, and close /etc and /opt once they are full", () => {
    const args = roomArguments(OPTIONS);
    const tmpfs = args.flatMap((one, index) => (one === "--tmpfs" ? [args.slice(index - 2, index + 2).join(" ")] : []));
    expect(tmpfs).toEqual([
      "--size 32 --tmpfs /",
      "--size 4194304 --tmpfs /etc",
      "--size 4194304 --tmpfs /opt",
      "--size 64 --tmpfs /dev/shm",
      "--size 256 --tmpfs /tmp",
      "--size 512 --tmpfs /home/user",
    ]);
    expect(args.lastIndexOf("--remount-ro")).toBeGreaterThan(args.lastIndexOf("--tmpfs"));
  });

  test("let a browser make user namespaces of its own, and differ in nothing else", () => {
    const code = roomArguments(OPTIONS);
    const browser = roomArguments({ ...OPTIONS, profile: "browser" });
    expect(browser).toEqual(code.filter((one) => one !== "--disable-userns"));
    expect(browser).toHaveLength(code.length - 1);
  });

  test("find a Python of its own folder where that folder is bound", () => {
    expect(pythonInside({ executable: "/home/u/py/bin/python3.13", site: null, base: "/home/u/py" })).toBe(
      "/opt/python/base/bin/python3.13",
    );
    expect(agentCommand(OPTIONS.python)).toEqual(["/usr/bin/python3", "-s", "-m", "sandpiper.agent"]);
  });
});
