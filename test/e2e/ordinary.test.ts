// The main job as an ordinary user: root drops to a throw-away uid and asks from a copy of the project.
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../src/shared/config.ts";

/** No account of any distribution has this number. */
const UID = "64124";
const COPIED = ["src", "node_modules", "examples", "dist", "package.json", "bunfig.toml", "tsconfig.json"];

const folder = mkdtempSync(join(tmpdir(), "sandpiper-ordinary-"));
// A large Python on a busy disk takes its time.
afterAll(() => rmSync(folder, { recursive: true, force: true }), 120_000);

/** Hard links where the disk allows it: node_modules is large. */
function copy(from: string, to: string): void {
  const linked = Bun.spawnSync(["cp", "-alL", from, to], { stdio: ["ignore", "ignore", "ignore"] });
  if (linked.exitCode !== 0) Bun.spawnSync(["cp", "-aL", from, to]);
}

const Setup = z.looseObject({ python: z.looseObject({ executable: z.string(), site: z.string().nullable() }) });

function makeProject(): string {
  chmodSync(folder, 0o755);
  const project = join(folder, "project");
  mkdirSync(join(project, ".tools"), { recursive: true });
  for (const part of COPIED) if (existsSync(join(ROOT, part))) copy(join(ROOT, part), join(project, part));
  copy(process.execPath, join(project, ".tools/bun"));
  const setup = Setup.parse(JSON.parse(readFileSync(join(ROOT, ".tools/setup.json"), "utf8")));
  const { site } = setup.python;
  if (site !== null) copy(site, join(project, ".tools/site"));
  const python = { ...setup.python, site: site === null ? null : join(project, ".tools/site") };
  writeFileSync(join(project, ".tools/setup.json"), JSON.stringify({ ...setup, python }));
  // Not the parts: their files are the project's own, by hard links.
  Bun.spawnSync(["chown", `${UID}:${UID}`, project]);
  return project;
}

const Answer = z.object({
  status: z.literal("completed"),
  artifacts: z.array(z.object({ name: z.string(), bytes: z.number() })),
});

const Probe = z.object({ ok: z.literal(true), forks: z.boolean() });

/** Whether that user has a yard, and rooms that are forked. */
function forksRooms(bun: readonly string[], project: string): boolean {
  const { python } = Setup.parse(JSON.parse(readFileSync(join(project, ".tools/setup.json"), "utf8")));
  const site = python.site === null ? [] : ["--site", python.site];
  const flags = ["--python", python.executable, ...site, "--forks"];
  const probe = Bun.spawnSync([...bun, "src/sandboxd/probe.ts", ...flags], { cwd: project });
  return Probe.parse(JSON.parse(probe.stdout.toString())).forks;
}

test.skipIf(process.getuid?.() !== 0)(
  "an ordinary user gets the chart too, from a room whose user is that one and no other",
  async () => {
    const project = makeProject();
    const drop = ["setpriv", "--reuid", UID, "--regid", UID, "--clear-groups", "env", "-i", `HOME=${project}`];
    const command = [
      "PATH=/usr/bin:/bin",
      join(project, ".tools/bun"),
      "src/cli/main.ts",
      "ask",
      "Graph this CSV file",
    ];
    const child = Bun.spawn(
      [...drop, ...command, "examples/seattle_weather.csv", "--json", "--out", join(project, "out")],
      {
        cwd: project,
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect({ code: await child.exited, stderr }).toEqual({ code: 0, stderr: "" });
    const graph = Answer.parse(JSON.parse(stdout)).artifacts.find((artifact) => artifact.name === "graph.png");
    expect(graph?.bytes).toBeGreaterThan(5_000);
    expect(Bun.spawnSync(["find", join(project, "data"), "-not", "-uid", UID]).stdout.toString()).toBe("");
    expect(forksRooms([...drop, "PATH=/usr/bin:/bin", join(project, ".tools/bun")], project)).toBe(true);
  },
  60_000,
);
