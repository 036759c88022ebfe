// Sandpiper as a systemd user unit, with systemd's programs on the test's own PATH.
import { expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { whatIsMissing } from "../../src/cli/service/systemd.ts";
import { starter, unitFile, unitName, unitText, writeUnit } from "../../src/cli/service/unit.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { run } from "./command.ts";
import { fakeSystemd, type FakeSystemd } from "./systemd.ts";

const ROOT = join(import.meta.dir, "../..");
const UNIT = unitName(ROOT);
const UID = String(process.getuid?.());
const INSTALLED = [
  "systemctl --user daemon-reload",
  `systemctl --user enable --now ${UNIT}`,
  `loginctl enable-linger ${UID}`,
];
const HOSTILE = [
  "two  words ",
  "100% %h %%",
  `quote"s and 'these'`,
  "back\\slash \\n \\",
  "$HOME ${PATH} $$",
  "; && = # -x",
  "größe 表",
];

const unitOf = (systemd: FakeSystemd) => join(systemd.units, UNIT);

test("install writes the unit, starts it and lets it linger", async () => {
  using systemd = fakeSystemd();
  const { code, out } = await systemd.service("install");
  expect(code).toBe(0);
  expect(out).toContain(unitOf(systemd));
  expect(out).toContain("goes on after logout");
  expect(systemd.orders()).toEqual(INSTALLED);
  expect(statSync(unitOf(systemd)).mode & 0o777).toBe(0o644);
  expect(readdirSync(systemd.units)).toEqual([UNIT]);
  const lines = readFileSync(unitOf(systemd), "utf8").split("\n");
  for (const line of [
    `WorkingDirectory=${ROOT}/`,
    "Environment=SANDPIPER_OPEN=0",
    "Restart=on-failure",
    "RestartSec=5",
    "KillMode=mixed",
    "TimeoutStopSec=30",
    "StandardOutput=null",
    "WantedBy=default.target",
  ])
    expect(lines).toContain(line);
});

test("installed twice it is installed once", async () => {
  using systemd = fakeSystemd();
  await systemd.service("install");
  const before = statSync(unitOf(systemd));
  systemd.orders();
  expect((await systemd.service("install")).code).toBe(0);
  expect(systemd.orders()).toEqual(INSTALLED.slice(0, 2));
  expect(statSync(unitOf(systemd)).ino).toBe(before.ino);
});

test("a unit that is out of date is written anew, and what runs is started again", async () => {
  using systemd = fakeSystemd();
  await systemd.service("install");
  writeFileSync(unitOf(systemd), "[Service]\nExecStart=/gone/node\n");
  systemd.orders();
  expect((await systemd.service("install")).code).toBe(0);
  expect(systemd.orders()).toEqual([...INSTALLED.slice(0, 2), `systemctl --user restart ${UNIT}`]);
  expect(readFileSync(unitOf(systemd), "utf8")).toContain("scripts/run.mjs");
});

test("nothing of a key gets into the unit, and what only the shell has is named without its value", async () => {
  using systemd = fakeSystemd();
  const secrets = { E2B_API_KEY: "e2b_1234", SANDPIPER_TELEGRAM_TOKEN: "1:telegram", SANDPIPER_OPEN: "0" };
  const said = await systemd.serviceWith(secrets, "install");
  expect(said.code).toBe(0);
  expect(said.err).toContain("SANDPIPER_TELEGRAM_TOKEN");
  expect(said.err).toContain("E2B_API_KEY");
  expect(said.err).not.toContain("SANDPIPER_OPEN");
  for (const text of [said.out, said.err, readFileSync(unitOf(systemd), "utf8")])
    expect(text).not.toMatch(/e2b_1234|1:telegram/);
});

test("a Sandpiper that was started by hand stays the only one", async () => {
  using systemd = fakeSystemd();
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ app: "sandpiper" }) });
  mkdirSync(join(systemd.path, "home/data"));
  writeFileSync(join(systemd.path, "home/data/server.json"), JSON.stringify({ port: server.port, pid: process.pid }));
  const { code, out } = await systemd.service("install");
  expect(code).toBe(0);
  expect(out).toContain("started by hand");
  expect(out).toContain(`systemctl --user start ${UNIT}`);
  expect(systemd.is("enabled")).toBe(true);
  expect(systemd.is("active")).toBe(false);
});

test("where lingering is refused the service runs, and it is said what to run", async () => {
  using systemd = fakeSystemd();
  systemd.set("refuse-linger");
  const { code, out } = await systemd.service("install");
  expect(code).toBe(0);
  expect(out).toContain("Interactive authentication required");
  expect(out).toContain(`sudo loginctl enable-linger ${UID}`);
  expect(systemd.is("active")).toBe(true);
});

test("what systemd refuses is told in its own words", async () => {
  using systemd = fakeSystemd();
  systemd.set("refuse-enable");
  const { code, err } = await systemd.service("install");
  expect(code).toBe(1);
  expect(err).toContain(`Unit ${UNIT} is masked`);
});

test("status ends with 0 for what runs and with 3 for what does not", async () => {
  using systemd = fakeSystemd();
  expect((await systemd.service("status")).out).toContain("Not installed");
  await systemd.service("install");
  const running = await systemd.service("status");
  expect(running.code).toBe(0);
  expect(running.out).toMatch(/^State: active since 2026-11-2\d \d\d:\d\d\n/);
  expect(running.out).toContain("Logs: bun run logs");
  const { code, out } = await systemd.service("status", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    unit: UNIT,
    file: unitOf(systemd),
    installed: true,
    enabled: true,
    active: true,
    state: "active",
    since: "2026-11-22T10:00:00.000Z",
    linger: true,
    logs: "bun run logs",
    problem: null,
  });
  systemd.set("active", false);
  systemd.set("failed");
  const failed = await systemd.service("status", "--json");
  expect(failed.code).toBe(3);
  expect(JSON.parse(failed.out)).toMatchObject({ installed: true, active: false, state: "failed", since: null });
  expect((await systemd.service("status")).out).toContain(`journalctl --user -u ${UNIT}`);
});

test("remove stops the service, takes the unit and leaves the data", async () => {
  using systemd = fakeSystemd();
  mkdirSync(join(systemd.path, "home/data"));
  writeFileSync(join(systemd.path, "home/data/jobs.db"), "board");
  await systemd.service("install");
  systemd.orders();
  expect((await systemd.service("remove")).code).toBe(0);
  expect(systemd.orders()).toEqual([`systemctl --user disable --now ${UNIT}`, "systemctl --user daemon-reload"]);
  expect(readdirSync(systemd.units)).toEqual([]);
  expect(readFileSync(join(systemd.path, "home/data/jobs.db"), "utf8")).toBe("board");
  const again = await systemd.service("remove");
  expect(again).toEqual({ code: 0, out: "There is no service of this folder, so nothing was removed.\n", err: "" });
  expect(systemd.orders()).toEqual([]);
});

test("a service whose unit was deleted while it ran is stopped all the same", async () => {
  using systemd = fakeSystemd();
  systemd.set("active");
  expect((await systemd.service("remove")).code).toBe(0);
  expect(systemd.is("active")).toBe(false);
});

test("without a user manager nothing is written, and one sentence says what helps", async () => {
  using systemd = fakeSystemd();
  systemd.set("no-manager");
  for (const action of ["install", "remove"]) {
    const { code, err } = await systemd.service(action);
    expect(code).toBe(1);
    expect(err.trim().split("\n").length).toBe(1);
  }
  expect(existsSync(systemd.units)).toBe(false);
  const { code, out } = await systemd.service("status", "--json");
  expect(code).toBe(3);
  expect(JSON.parse(out)).toMatchObject({ installed: false, active: false, state: "unknown" });
  expect(out).not.toContain('"problem":null');
});

test("without systemctl the sentence says that, and nothing breaks", async () => {
  using systemd = fakeSystemd();
  const { code, err } = await systemd.serviceWith({ PATH: systemd.path }, "install");
  expect(code).toBe(1);
  expect(err).toContain("there is no systemctl here");
});

test("every way to have no user manager has a help of its own", () => {
  const facts = {
    platform: "linux",
    hasSystemctl: true,
    isBooted: true,
    hasRuntimeFolder: true,
    uid: "1000",
    said: "Connection refused",
  };
  expect(whatIsMissing(facts)).toContain("sudo systemctl start user@1000.service");
  expect(whatIsMissing({ ...facts, hasRuntimeFolder: false })).toContain("XDG_RUNTIME_DIR=/run/user/1000");
  expect(whatIsMissing({ ...facts, uid: "0" })).toContain("You are root");
  expect(whatIsMissing({ ...facts, isBooted: false })).toContain("in a container");
  expect(whatIsMissing({ ...facts, hasSystemctl: false })).toContain("no systemctl");
  expect(whatIsMissing({ ...facts, platform: "darwin" })).toContain("macOS does not have");
});

test("a wrong word is answered with the right ones", async () => {
  using systemd = fakeSystemd();
  for (const args of [[], ["start"], ["install", "--now"]]) {
    const { code, err } = await systemd.service(...args);
    expect(code).toBe(2);
    expect(err).toContain("service remove");
  }
  expect(systemd.orders()).toEqual([]);
});

test("XDG_CONFIG_HOME is obeyed if it is absolute, and each folder has a unit of its own", async () => {
  using systemd = fakeSystemd();
  const configHome = join(systemd.path, "elsewhere");
  // The fake looks for units where the manager of this home does.
  const { err } = await systemd.serviceWith({ XDG_CONFIG_HOME: configHome }, "install");
  expect(err).toContain(`Unit file ${UNIT} does not exist`);
  expect(existsSync(join(configHome, "systemd/user", UNIT))).toBe(true);
  expect(unitFile("/a", "relative")).toBe(unitFile("/a"));
  expect(unitName("/a")).toMatch(/^sandpiper-[\da-f]{8}\.service$/);
  expect(unitName("/a")).not.toBe(unitName("/b"));
});

test("a folder with a line end in its name is refused, because systemd would read another line", () => {
  for (const name of ["a\nExecStart=/bin/sh", "a\rb", "a\u0000b", "a\u001bb"]) {
    expect(() => unitText(`/srv/${name}`, "/usr/bin/node")).toThrow("Rename the folder");
    expect(() => unitText("/srv/sandpiper", `/srv/${name}`)).toThrow("Rename the folder");
  }
});

test("it is installed from a folder with a hostile name", async () => {
  using systemd = fakeSystemd();
  // Bun itself runs nothing in a folder with a backslash.
  const root = join(systemd.path, HOSTILE.join("").replaceAll("\\", ""));
  mkdirSync(root);
  for (const one of ["src", "package.json"]) cpSync(join(ROOT, one), join(root, one), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  expect((await systemd.serviceOf(join(root, "src/cli/main.ts"), "install")).code).toBe(0);
  expect(systemd.is("active")).toBe(true);
  expect(readFileSync(join(systemd.units, unitName(root)), "utf8")).toContain("WorkingDirectory=");
  expect((await systemd.serviceOf(join(root, "src/cli/main.ts"), "status")).code).toBe(0);
});

const ANALYZE = Bun.which("systemd-analyze");

test.skipIf(ANALYZE === null)("systemd understands the unit as it is meant, however the folder is named", async () => {
  using folder = temporaryFolder();
  for (const name of ["plain", ...HOSTILE, HOSTILE.join("")]) {
    const root = join(folder.path, name);
    const program = join(root, "bun");
    mkdirSync(root);
    writeFileSync(program, "");
    chmodSync(program, 0o755);
    const file = join(folder.path, "units", unitName(root));
    writeUnit(file, unitText(root, program));
    const { out, err } = await run([ANALYZE ?? "", "--user", "verify", file], {
      PATH: process.env["PATH"] ?? "",
      HOME: folder.path,
      XDG_RUNTIME_DIR: folder.path,
      SYSTEMD_LOG_LEVEL: "debug",
      SYSTEMD_LOG_TARGET: "console",
    });
    // The machine's own units are read as well, and may have faults: only ours counts.
    const complaints = `${out}${err}`.split("\n").filter((line) => /\.service:\d+: |: Command .* not /.test(line));
    expect(complaints.filter((line) => line.includes(unitName(root)))).toEqual([]);
    const dump = out.split("\n").map((line) => line.replace(/^\t+/, ""));
    expect(dump).toContain(`WorkingDirectory: ${root}`);
    expect(dump).toContain(`Description: Sandpiper (${root})`);
    expect(dump.filter((line) => line.startsWith("Command Line: "))).toContainEqual(expect.stringContaining("start"));
  }
});

test("the command line of the unit starts the door of this folder, however it is named", async () => {
  using folder = temporaryFolder();
  for (const name of ["plain", ...HOSTILE, HOSTILE.join("")]) {
    const root = join(folder.path, name);
    mkdirSync(root);
    writeFileSync(join(root, "bun"), `#!/bin/sh\nprintf '%s\\n' "$0" "$@"\n`);
    chmodSync(join(root, "bun"), 0o755);
    const line = /^ExecStart=(.*)$/m.exec(unitText(root, join(root, "bun")))?.[1] ?? "";
    const { out } = await run(wordsOf(line), {});
    expect(out.split("\n")).toEqual([join(root, "bun"), join(root, "scripts/run.mjs"), "start", ""]);
  }
});

/** As systemd.service(5) reads a command line of quoted words. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([, word = ""]) =>
    word
      .replace(/\\(.)/g, "$1")
      .replace(/%(.)/g, (_whole, next: string) => (next === "%" ? "%" : "[specifier]"))
      .replace(/\$(.)/g, (_whole, next: string) => (next === "$" ? "$" : "[variable]")),
  );
}

test("the program is named so that it is found again after a restart", () => {
  using folder = temporaryFolder();
  const at = (...parts: string[]) => join(folder.path, ...parts);
  const node = (name: string, body: string) => {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), `#!/bin/sh\n${body}\n`);
    chmodSync(at(name), 0o755);
  };
  expect(starter(at("nothing"))).toBe(process.execPath);
  node("broken/node", "exit 1");
  expect(starter(at("broken"))).toBe(process.execPath);
  node("shim/node", `echo ${at("real/node")}`);
  node("real/node", `echo ${at("real/node")}`);
  expect(starter(at("shim"))).toBe(at("real/node"));
  // Bun puts one like this on PATH for scripts where there is no Node.
  mkdirSync(at("bun-node"));
  symlinkSync(process.execPath, at("bun-node/node"));
  expect(starter(at("bun-node"))).toBe(process.execPath);
});
