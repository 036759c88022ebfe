// The way into a scope, with a cgroup tree of plain folders and a systemd-run that writes down what was asked of it. The real
// ones are met by cgroups.test.ts, where they are.
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inScope } from "../../src/sandboxd/launch.ts";
import { temporaryFolder } from "../shared/temporary.ts";

// Nobody of this machine, who might linger.
const UID = 61_234;
const MANAGER = `/user.slice/user-${UID}.slice/user@${UID}.service`;
const SERVICE = `${MANAGER}/app.slice/sandpiper-1.service`;

/** With a mount namespace of its own in which the folders lie where the kernel's would, and as this user. */
const STAGE = `
mount --bind "$1/tree" /sys/fs/cgroup
mount --bind "$1/own" /proc/$$/cgroup
shift
exec unshare --user --map-user=${UID} --map-group=${UID} "$@"`;
const AS_ROOT_OF_NOTHING = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];

const SYSTEMD_RUN = `#!/bin/sh
if [ "$1" = --help ]; then cat "$FAKE/help"; exit; fi
echo "runtime $XDG_RUNTIME_DIR" >>"$FAKE/asked"
while case $1 in -*) true ;; *) false ;; esac; do echo "$1" >>"$FAKE/asked"; shift; done
[ ! -e "$FAKE/refuses" ] && exec "$@"
`;
const TELL = `echo "$$|$SANDPIPER_CGROUP|$XDG_RUNTIME_DIR"`;

type Wanted = {
  readonly own: string;
  readonly refuses?: boolean;
  readonly hasMemory?: boolean;
  readonly help?: string;
};

async function run({ own, refuses = false, hasMemory = true, help = "" }: Wanted) {
  using folder = temporaryFolder();
  const at = (...parts: string[]) => join(folder.path, ...parts);
  const control = join("tree", own, "cgroup.subtree_control");
  for (const one of ["bin", join("tree", own)]) mkdirSync(at(one), { recursive: true });
  writeFileSync(at("tree/cgroup.controllers"), "");
  writeFileSync(at("tree", own, "cgroup.procs"), "");
  writeFileSync(at("own"), `0::${own}\n`);
  writeFileSync(at("help"), help);
  if (refuses) writeFileSync(at("refuses"), "");
  // What cannot be written stands for what the kernel refuses.
  if (!hasMemory) mkdirSync(at(control));
  writeFileSync(at("bin/systemd-run"), SYSTEMD_RUN);
  chmodSync(at("bin/systemd-run"), 0o755);
  const { argv } = inScope({ argv: ["/bin/sh", "-c", TELL], env: {} }, UID);
  const child = Bun.spawn([...AS_ROOT_OF_NOTHING, "/bin/sh", "-c", STAGE, "stage", folder.path, ...argv], {
    env: { PATH: `${at("bin")}:${process.env["PATH"] ?? ""}`, FAKE: folder.path },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [pid, cgroup, runtime] = (await new Response(child.stdout).text()).trim().split("|");
  const told = (path: string) => (existsSync(at(path)) ? readFileSync(at(path), "utf8").trim().split("\n") : []);
  return {
    isSame: Number(pid) === child.pid,
    cgroup,
    runtime,
    asked: told("asked"),
    inLeaf: Number(told(join("tree", own, "server/cgroup.procs"))[0] ?? 0) === child.pid,
    controllers: hasMemory ? told(control) : [],
  };
}

describe("the scope that sandboxd runs in", () => {
  test("is delegated, ends after the service that asked for it, and has us in a leaf beside the rooms", async () => {
    const { isSame, cgroup, runtime, asked, inLeaf, controllers } = await run({ own: SERVICE });
    expect(cgroup).toBe(`/sys/fs/cgroup${SERVICE}`);
    expect({ isSame, inLeaf, controllers, runtime }).toEqual({
      isSame: true,
      inLeaf: true,
      controllers: ["+pids"],
      runtime: "",
    });
    const once = [
      `runtime /run/user/${UID}`,
      ..."--user --scope --quiet --collect --description=Sandpiper --property=Delegate=yes".split(" "),
      "--property=Before=sandpiper-1.service",
    ];
    // Once to see whether it is given.
    expect(asked).toEqual([...once, ...once]);
  });

  test("is asked for with the command as it is, where systemd would put variables in", async () => {
    const { asked } = await run({ own: `${MANAGER}/app.slice/a.scope`, help: "  --expand-environment=BOOL  x\n" });
    expect(asked).toContain("--expand-environment=no");
    expect(asked.join(" ")).not.toContain("Before");
  });

  test("is not had where systemd refuses it, and sandboxd runs all the same", async () => {
    const { isSame, cgroup, asked } = await run({ own: SERVICE, refuses: true });
    expect({ isSame, cgroup, times: asked.filter((one) => one === "--scope").length }).toEqual({
      isSame: true,
      cgroup: "",
      times: 1,
    });
  });

  test("is no place for rooms where memory cannot be limited", async () => {
    const { isSame, cgroup } = await run({ own: SERVICE, hasMemory: false });
    expect({ isSame, cgroup }).toEqual({ isSame: true, cgroup: "" });
  });

  test("is not asked for where it would end before us: with the session of a user who does not linger", async () => {
    const { isSame, cgroup, asked } = await run({ own: `/user.slice/user-${UID}.slice/session-1.scope` });
    expect({ isSame, cgroup, asked }).toEqual({ isSame: true, cgroup: "", asked: [] });
  });
});
