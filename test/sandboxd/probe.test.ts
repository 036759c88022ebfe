import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../src/shared/config.ts";
import { explain, LAYERS } from "../../src/sandboxd/probe_troubles.ts";
import { findTools } from "../../src/sandboxd/tools.ts";

const nothing = (): string => "";
const off = (path: string): string => (path.endsWith("unprivileged_userns_clone") ? "0\n" : "");

async function runProbe(...args: string[]): Promise<{ code: number; report: unknown }> {
  const child = Bun.spawn([process.execPath, "src/sandboxd/probe.ts", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await new Response(child.stdout).text();
  return { code: await child.exited, report: JSON.parse(text) };
}

describe("the probe of this machine", () => {
  test("makes a real room and names the versions in it", async () => {
    const { executable, site } = findTools({ root: ROOT, bwrap: "", python: "" }).python;
    const { code, report } = await runProbe("--python", executable, ...(site === null ? [] : ["--site", site]));
    expect(JSON.stringify(report)).toMatch(
      /^\{"ok":true,"versions":\{"python":"3.*"pandas":"\d+\..*"matplotlib":"\d+\./,
    );
    expect(code).toBe(0);
  });

  test("imports what it is told to, and says what cannot be", async () => {
    const { executable } = findTools({ root: ROOT, bwrap: "", python: "" }).python;
    const found = await runProbe("--python", executable, "--import", "json", "--import", "xml.dom");
    expect(found.report).toMatchObject({ ok: true, versions: { json: "2.0.9" } });
    const missing = await runProbe("--python", executable, "--import", "no_such_module");
    expect(missing.report).toMatchObject({ ok: false, layer: "packages" });
    expect(JSON.stringify(missing.report)).toContain("no_such_module");
  });

  test("names bubblewrap when it is missing, Python when it is not there", async () => {
    const missing = await runProbe("--bwrap", "/nowhere/bwrap");
    expect(missing).toMatchObject({
      code: 1,
      report: { ok: false, layer: "bubblewrap", fix: "sudo apt-get install -y bubblewrap" },
    });
    const noPython = await runProbe("--python", "/usr/bin/python-that-is-not-there");
    expect(noPython.report).toMatchObject({ ok: false, layer: "python" });
  });

  test("names the filter of system calls when bubblewrap cannot lay it around a room", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bwrap-"));
    chmodSync(folder, 0o755);
    const program =
      '#!/bin/sh\ncase "$*" in *--seccomp*) echo "bwrap: prctl(PR_SET_SECCOMP): Invalid argument" >&2; exit 1;; esac\necho 0.8\n';
    writeFileSync(join(folder, "bwrap"), program, { mode: 0o755 });
    const { code, report } = await runProbe("--bwrap", join(folder, "bwrap"));
    rmSync(folder, { recursive: true });
    expect(report).toMatchObject({ ok: false, layer: "seccomp" });
    expect(JSON.stringify(report)).toContain("CONFIG_SECCOMP_FILTER");
    expect(JSON.stringify(report)).toContain("(bwrap: prctl(PR_SET_SECCOMP): Invalid argument)");
    expect(code).toBe(1);
  });

  test("has a sentence and an act for every layer", () => {
    for (const layer of LAYERS) {
      const { message, fix } = explain(layer, "it said", nothing);
      expect(message.length).toBeGreaterThan(20);
      expect(fix.length).toBeGreaterThan(5);
    }
  });

  test("tells limits, Ubuntu's AppArmor, a switched-off kernel, containers and chroots apart", () => {
    const full =
      "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)";
    expect(explain("net", full, nothing).fix).toBe("sudo sysctl -w user.max_net_namespaces=15000");
    expect(explain("user-namespaces", full, nothing).fix).toBe("sudo sysctl -w user.max_user_namespaces=15000");
    expect(explain("net", "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", nothing).message).toContain(
      "AppArmor",
    );
    expect(explain("user-namespaces", "bwrap: setting up uid map: Permission denied", nothing).fix).toContain(
      "apparmor_parser",
    );
    expect(explain("user-namespaces", "bwrap: No permissions", off).fix).toContain("unprivileged_userns_clone=1");
    expect(
      explain("proc", "bwrap: Can't mount proc on /newroot/proc: Operation not permitted", nothing).message,
    ).toContain("container");
    expect(
      explain("user-namespaces", "bwrap: No permissions to create new namespace, likely because", nothing).message,
    ).toContain("chroot");
  });
});
