// Processes that are killed at the worst moment: what is lost (nothing), done twice (nothing), left over (nothing).
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { sql } from "./command.ts";
import { allGone, descendantsOf } from "./processes.ts";
import { makeHome, PATIENCE_MS, startSandpiper } from "./sandpiper.ts";
import { begin, expectDoneOnce, expectWorks, killAndAwaitSuccessor } from "./slow_job.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const homes: string[] = [];
afterEach(() => homes.splice(0).forEach((home) => rmSync(home, { recursive: true, force: true })));

function newHome(): string {
  const home = makeHome();
  homes.push(home);
  return home;
}

describe("kill -9 in the middle of a job", () => {
  test("of each process in turn: the others go on and nothing is lost", async () => {
    await using one = await startSandpiper();

    const first = await begin(one);
    await killAndAwaitSuccessor(one, "worker/worker.ts");
    await expectDoneOnce(one, first);
    const attempts = (await one.follow(first)).filter(({ kind }) => kind === "job-started");
    expect(attempts.map((event) => event["attempt"])).toEqual([1, 2]);

    const second = await begin(one);
    const rooms = descendantsOf(one.child("sandboxd/server.ts").pid);
    expect(rooms.length).toBeGreaterThan(0);
    await killAndAwaitSuccessor(one, "sandboxd/server.ts");
    await expectDoneOnce(one, second);
    const retried = (await one.follow(second)).filter(({ kind }) => kind === "job-retrying");
    expect(retried).toMatchObject([{ attempt: 1, error: { code: "sandbox" } }]);
    await allGone(rooms, PATIENCE_MS);
    // At once: the new one may not listen yet.
    await expectWorks(one);

    const third = await begin(one);
    await killAndAwaitSuccessor(one, "core/server.ts");
    await expectDoneOnce(one, third);
    const page = await one.fetch("/");
    expect(page.headers.get("content-type")).toContain("text/html");
    await expectWorks(one);

    const left = await sql(one.home, "SELECT id FROM jobs WHERE status IN ('pending', 'running')");
    expect(left).toEqual([]);
    expect(await sql(one.home, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  test("of core and worker at once: the job is done once", async () => {
    await using one = await startSandpiper();
    const id = await begin(one);
    await Promise.all(["core/server.ts", "worker/worker.ts"].map((file) => killAndAwaitSuccessor(one, file)));
    await expectDoneOnce(one, id);
  });

  test("of main: no process is left, and the next start does the job", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    const id = await begin(first);
    const family = descendantsOf(first.pid);
    expect(family.filter(({ command }) => command.includes("bwrap")).length).toBeGreaterThan(0);
    first.signal("SIGKILL");
    await first.exited;
    await allGone(family, 10_000);
    await using second = await startSandpiper({}, home);
    await expectDoneOnce(second, id);
  });

  test("of all processes at once: the next start does the job", async () => {
    const home = newHome();
    const first = await startSandpiper({}, home);
    const id = await begin(first);
    const family = descendantsOf(first.pid);
    for (const pid of [first.pid, ...family.map((one) => one.pid)]) killIfThere(pid);
    await first.exited;
    await allGone(family, 10_000);
    await using second = await startSandpiper({}, home);
    await expectDoneOnce(second, id);
  });
});

/** The room's processes go with the first of them. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
