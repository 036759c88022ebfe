// The main job as a newcomer meets it: second start, first and later charts, what it costs when idle, what it weighs.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { usageOf } from "./processes.ts";
import { atMost, median, printResults, type Row } from "./report.ts";

const ROOT = join(import.meta.dir, "..");
const isQuick = process.argv.includes("--quick");
const STARTS = isQuick ? 3 : 7;
const COLD = isQuick ? 3 : 5;
const WARM = isQuick ? 8 : 30;
const IDLE_MS = isQuick ? 10_000 : 60_000;
const SETTLE_MS = 8_000;

const home = mkdtempSync(join(tmpdir(), "sandpiper-bench-"));
const environment = { ...process.env, SANDPIPER_HOME: home, SANDPIPER_PORT: "0", SANDPIPER_OPEN: "0" };

type Server = { readonly process: Bun.Subprocess; readonly readyMs: number };

/** From `npm start` to its printed link. */
async function startServer(): Promise<Server> {
  const startedAt = performance.now();
  const child = Bun.spawn(["npm", "start", "--silent"], {
    cwd: ROOT,
    env: environment,
    stdout: "pipe",
    stderr: "ignore",
  });
  const reader = child.stdout.getReader();
  let text = "";
  while (!text.includes("#pair=")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`npm start ended early: ${text}`);
    text += new TextDecoder().decode(value);
  }
  void drain(reader);
  return { process: child, readyMs: performance.now() - startedAt };
}

async function drain(reader: { read: () => Promise<{ done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}

async function stopServer(server: Server): Promise<void> {
  server.process.kill("SIGTERM");
  await server.process.exited;
  // npm goes before what it started; the file goes last.
  for (let tries = 0; existsSync(join(home, "data/server.json")) && tries < 200; tries += 1) await Bun.sleep(50);
}

/** 2,000 days of sales in three regions, other numbers each time. */
function randomCsv(): string {
  const rows = Array.from({ length: 2_000 }, (_, day) => {
    const date = new Date(Date.UTC(2020, 0, 1 + day)).toISOString().slice(0, 10);
    return `${date},${["north", "south", "west"][day % 3] ?? ""},${(Math.random() * 1_000).toFixed(2)}`;
  });
  return ["date,region,sales", ...rows, ""].join("\n");
}

/** `ask` with nothing running: starts everything, and ends with the PNG on disk. */
async function coldChart(): Promise<number> {
  const out = mkdtempSync(join(tmpdir(), "sandpiper-bench-out-"));
  const csv = join(out, "sales.csv");
  await Bun.write(csv, randomCsv());
  const startedAt = performance.now();
  const child = Bun.spawn(["npm", "run", "--silent", "ask", "--", "Graph this CSV file", csv, "--out", out], {
    cwd: ROOT,
    env: environment,
    stdio: ["ignore", "ignore", "ignore"],
  });
  while (!existsSync(join(out, "graph.png")) && child.exitCode === null) await Bun.sleep(5);
  const took = performance.now() - startedAt;
  if ((await child.exited) !== 0) throw new Error("ask failed");
  rmSync(out, { recursive: true });
  return took;
}

const ServerFile = z.object({ port: z.number() });
const Receipt = z.object({ job_id: z.string() });

/** A message to the running server; done when the picture is on disk. */
async function warmChart(): Promise<number> {
  const { port } = ServerFile.parse(JSON.parse(readFileSync(join(home, "data/server.json"), "utf8")));
  const token = readFileSync(join(home, "data/token"), "utf8").trim();
  const form = new FormData();
  form.set("text", "Graph this CSV file");
  form.set("files", new File([randomCsv()], "sales.csv"));
  const startedAt = performance.now();
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${port}/api/messages`, { method: "POST", body: form, headers });
  const { job_id } = Receipt.parse(await response.json());
  const folder = join(home, "storage/outputs", job_id);
  const hasPicture = () =>
    existsSync(folder) && readdirSync(folder).some((name) => existsSync(join(folder, name, "graph.png")));
  for (const deadline = startedAt + 30_000; !hasPicture(); await Bun.sleep(2)) {
    if (performance.now() > deadline) throw new Error("no chart within 30 s");
  }
  return performance.now() - startedAt;
}

async function idle(server: Server): Promise<{ pssMb: number; cpuPct: number }> {
  await Bun.sleep(SETTLE_MS);
  const before = usageOf(server.process.pid);
  await Bun.sleep(IDLE_MS);
  const after = usageOf(server.process.pid);
  const cpuMs = (list: typeof before) => list.reduce((sum, one) => sum + one.cpuMs, 0);
  for (const one of after) console.log(`  ${one.pssMb.toFixed(1).padStart(6)} MB  ${one.command.slice(0, 100)}`);
  return {
    pssMb: after.reduce((sum, one) => sum + one.pssMb, 0),
    cpuPct: ((cpuMs(after) - cpuMs(before)) / IDLE_MS) * 100,
  };
}

/** Everything that the project folder gains by set-up and what it came with, but Python and Bun. */
async function installMb(): Promise<number> {
  const tools = existsSync(join(ROOT, ".tools"))
    ? [...new Bun.Glob(".tools/bwrap*").scanSync({ cwd: ROOT, dot: true, onlyFiles: false })]
    : [];
  const tracked = (await Bun.$`git ls-files -z`.cwd(ROOT).text())
    .split("\0")
    .filter((name) => name !== "" && existsSync(join(ROOT, name)));
  const trackedBytes = tracked.reduce((sum, name) => sum + Bun.file(join(ROOT, name)).size, 0);
  const made = ["node_modules", "dist", ...tools].filter((name) => existsSync(join(ROOT, name)));
  const madeKb = (await Bun.$`du -sk ${made}`.cwd(ROOT).text())
    .trim()
    .split("\n")
    .reduce((sum, line) => sum + Number.parseInt(line, 10), 0);
  return madeKb / 1024 + trackedBytes / 2 ** 20;
}

async function main(): Promise<void> {
  console.log(`starts ${STARTS}, cold ${COLD}, warm ${WARM}, idle ${IDLE_MS / 1000} s${isQuick ? " (quick)" : ""}`);
  const rows: Row[] = [];
  await stopServer(await startServer());
  const starts: number[] = [];
  for (let index = 0; index < STARTS; index += 1) {
    const server = await startServer();
    starts.push(server.readyMs);
    await stopServer(server);
  }
  rows.push(atMost("second_start_ready_ms", median(starts), "ms", 1_000));
  const cold: number[] = [];
  for (let index = 0; index < COLD; index += 1) cold.push(await coldChart());
  rows.push(atMost("csv_to_chart_cold_ms", median(cold), "ms", 5_000));
  const server = await startServer();
  await warmChart();
  const warm: number[] = [];
  for (let index = 0; index < WARM; index += 1) warm.push(await warmChart());
  rows.push(atMost("csv_to_chart_warm_p50_ms", median(warm), "ms", 1_500));
  const { pssMb, cpuPct } = await idle(server);
  rows.push(atMost("idle_pss_mb", pssMb, "MB", 350), atMost("idle_cpu_pct", cpuPct, "%", 2));
  await stopServer(server);
  rows.push(atMost("install_mb", await installMb(), "MB", 250));
  console.log(
    `starts ${starts.map(Math.round).join(" ")} · cold ${cold.map(Math.round).join(" ")} · warm ${warm.map(Math.round).join(" ")}`,
  );
  printResults("main", rows);
}

try {
  await main();
} finally {
  rmSync(home, { recursive: true, force: true });
}
