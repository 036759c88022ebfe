// Rooms in cgroups, where this machine hands some out: each has its limits, and none is left over.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Cgroups } from "../../src/sandboxd/cgroups.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { startServer, until, WAYS } from "./harness.ts";

const LIMIT = (1.25 * 512 + 128) * 2 ** 20;
const read = (path: string): string => readFileSync(path, "utf8").trim();
const isRoot = process.getuid?.() === 0;
const isV2 = existsSync("/sys/fs/cgroup/cgroup.controllers");
const own = read("/proc/self/cgroup");
const isOfManager = own.includes(`/user@${process.getuid?.()}.service/`);

/** Version 1 root may divide as it likes; version 2 systemd does on request, here for as long as we may run. */
function mayHave(): boolean {
  if (!isV2) return isRoot && /^\d+:memory:/m.test(own);
  const whose = isRoot && !isOfManager ? "--system" : "--user";
  if (!isRoot && !isOfManager) return false;
  const command = ["systemd-run", whose, "--scope", "--quiet", "--property=Delegate=yes", "true"];
  return Bun.which("systemd-run") !== null && Bun.spawnSync(command, { timeout: 5_000 }).success;
}

const roomsIn = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith("room-")) : [];
const folderOf = (pid: number): string =>
  /(?:^|\0)SANDPIPER_CGROUP=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? "";
const commandsIn = (room: string): string[] =>
  read(join(room, "cgroup.procs"))
    .split("\n")
    .filter(Boolean)
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));

describe.skipIf(!mayHave()).each(WAYS)("rooms in cgroups, %s", (_name, way) => {
  test("each have their limits, hold all that runs in them, and leave nothing behind", async () => {
    const server = await startServer({ ...way, SANDPIPER_MEMORY_MB: "512" });
    const sandbox = await server.create();
    await sandbox.runCode("import subprocess\nsubprocess.Popen(['setsid', 'sleep', '600'])");
    const folder = folderOf(server.pid);
    const ours = () => roomsIn(folder).filter((name) => name.startsWith(`room-${server.pid}-`));
    const rooms = ours().map((name) => join(folder, name));
    expect(rooms.length).toBeGreaterThan(0);
    for (const room of rooms)
      if (isV2) {
        const limits = ["memory.max", "memory.swap.max", "pids.max"].map((name) => read(join(room, name)));
        expect(limits).toEqual([String(LIMIT), "0", "256"]);
      } else expect(read(join(room, "memory.limit_in_bytes"))).toBe(String(LIMIT));
    // Version 2: systemd has nobody beside us there, and we are not among the rooms.
    if (isV2) expect(dirname(join("/sys/fs/cgroup", read(`/proc/${server.pid}/cgroup`).slice(3)))).toBe(folder);
    const commands = rooms.flatMap(commandsIn);
    expect(commands.filter((command) => command.startsWith("sleep 600")).length).toBe(1);
    await sandbox.kill();
    await server[Symbol.asyncDispose]();
    await until(async () => ours().length === 0, 5_000);
  });
});

test("of another server that is alive stay, and those of one that is dead go", async () => {
  using folder = temporaryFolder();
  const dead = Bun.spawn(["true"]);
  await dead.exited;
  const names = [`room-${process.pid}-1`, `room-${dead.pid}-1`];
  for (const name of names) mkdirSync(join(folder.path, name));
  Cgroups.find(folder.path);
  expect(readdirSync(folder.path)).toEqual(names.slice(0, 1));
});

// Version 1 knows no scopes.
if (isV2)
  describe.skipIf(!mayHave())("the scope of a sandboxd", () => {
    test("is gone with it, also when it was killed", async () => {
      const server = await startServer();
      await server.create();
      const folder = folderOf(server.pid);
      expect(roomsIn(folder).length).toBeGreaterThan(0);
      server.kill("SIGKILL");
      await until(async () => !existsSync(folder), 5_000);
    });
  });
