// Rooms in cgroups, where this machine's root may make some: each has its limit, and none is left over.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, until, WAYS } from "./harness.ts";

const own = /^\d+:memory:(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
const FOLDER = own === undefined ? "" : join("/sys/fs/cgroup/memory", own, "sandpiper");
const canTell = process.getuid?.() === 0 && existsSync(join(FOLDER, ".."));

const roomsOf = (pid: number): string[] =>
  existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.startsWith(`room-${pid}-`)) : [];

describe.skipIf(!canTell).each(WAYS)("rooms in cgroups, %s", (_name, way) => {
  test("each have their limit, hold all that runs in them, and leave nothing behind", async () => {
    const server = await startServer({ ...way, SANDPIPER_MEMORY_MB: "512" });
    const sandbox = await server.create();
    await sandbox.runCode("import subprocess\nsubprocess.Popen(['setsid', 'sleep', '600'])");
    const rooms = roomsOf(server.pid).map((name) => join(FOLDER, name));
    expect(rooms.length).toBeGreaterThan(0);
    for (const room of rooms)
      expect(Number(readFileSync(join(room, "memory.limit_in_bytes"), "utf8"))).toBe((1.25 * 512 + 128) * 2 ** 20);
    const inside = rooms.flatMap((room) => readFileSync(join(room, "cgroup.procs"), "utf8").trim().split("\n"));
    const commands = inside.filter(Boolean).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    expect(commands.filter((command) => command.replaceAll("\0", " ").includes("sleep 600")).length).toBe(1);
    await sandbox.kill();
    await server[Symbol.asyncDispose]();
    await until(async () => roomsOf(server.pid).length === 0, 5_000);
  });
});
