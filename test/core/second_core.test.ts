// Two cores in one folder would answer the same people twice.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { startCore } from "./server.ts";

const ROOT = join(import.meta.dir, "../..");

/** A core that is started by hand, as a person would who forgot the first. */
async function startAnother(home: string): Promise<{ readonly code: number; readonly said: string }> {
  const child = Bun.spawn([process.execPath, "--no-env-file", join(ROOT, "src/core/server.ts")], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", SANDPIPER_HOME: home, SANDPIPER_PORT: "0" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, said: out + err };
}

test("a second core in the same folder says that there is one, ends, and leaves the first alone", async () => {
  await using first = await startCore();
  const second = await startAnother(first.home);
  expect(second.code).toBe(1);
  expect(second.said).toContain("Sandpiper is running already in this folder.");
  expect((await first.call("/api/session")).status).toBe(200);
}, 30_000);

test("a core that was killed leaves the folder free for the next", async () => {
  await using first = await startCore();
  await first.kill("SIGKILL");
  await using next = await startCore({}, first.home);
  expect((await next.call("/api/session")).status).toBe(200);
}, 30_000);
