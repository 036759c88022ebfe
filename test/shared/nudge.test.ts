// The wake-up between two processes: a hint that comes back by itself.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectNudge, listenForNudges } from "../../src/shared/nudge.ts";
import { temporaryFolder } from "./temporary.ts";

const nobody = () => undefined;

/** Counts calls and lets a test wait for the next. */
function bell() {
  let next = Promise.withResolvers<void>();
  let count = 0;
  return {
    ring: () => {
      count += 1;
      next.resolve();
      next = Promise.withResolvers();
    },
    next: () => next.promise,
    count: () => count,
  };
}

test("both ends wake each other, and a fresh connection is itself a wake-up", async () => {
  using folder = temporaryFolder();
  const [atCore, atWorker, stop] = [bell(), bell(), new AbortController()];
  const core = listenForNudges(folder.path, atCore.ring, nobody);
  const connected = atWorker.next();
  const worker = connectNudge(folder.path, "1-a", atWorker.ring, stop.signal);
  await connected;
  const woken = atWorker.next();
  core.send();
  await woken;
  const told = atCore.next();
  worker.send();
  await told;
  expect([core.isConnected(), worker.isConnected()]).toEqual([true, true]);
  stop.abort();
  worker.close();
  core.close();
});

test("a worker that comes first finds core when it is there, and again after core was gone", async () => {
  using folder = temporaryFolder();
  const [atWorker, stop] = [bell(), new AbortController()];
  // What a core that was killed leaves behind, or worse.
  writeFileSync(join(folder.path, "nudge.sock"), "");
  const first = atWorker.next();
  const worker = connectNudge(folder.path, "1-a", atWorker.ring, stop.signal);
  worker.send();
  expect(worker.isConnected()).toBe(false);
  let core = listenForNudges(folder.path, () => undefined, nobody);
  await first;
  const second = atWorker.next();
  core.close();
  core = listenForNudges(folder.path, () => undefined, nobody);
  await second;
  expect(worker.isConnected()).toBe(true);
  stop.abort();
  worker.close();
  core.close();
});

test("nobody at the other end is no failure", () => {
  using folder = temporaryFolder();
  const core = listenForNudges(folder.path, () => undefined, nobody);
  core.send();
  expect(core.isConnected()).toBe(false);
  core.close();
});

test("a path that is too long for a socket is reached from the folder we stand in", async () => {
  using folder = temporaryFolder();
  const deep = join(folder.path, ...Array.from({ length: 6 }, () => "x".repeat(30)));
  const nudge = join(import.meta.dir, "../../src/shared/nudge.ts");
  const source = `
    import { mkdirSync } from "node:fs";
    import { connectNudge, listenForNudges } from ${JSON.stringify(nudge)};
    mkdirSync(process.argv[1], { recursive: true });
    process.chdir(process.argv[1]);
    mkdirSync("data");
    const core = listenForNudges(process.cwd() + "/data", () => undefined, () => undefined);
    const stop = new AbortController();
    connectNudge(process.cwd() + "/data", "1-a", () => { console.log("woken"); process.exit(0); }, stop.signal);`;
  const child = Bun.spawn([process.execPath, "-e", source, deep], { stdout: "pipe", stderr: "inherit" });
  expect(await new Response(child.stdout).text()).toBe("woken\n");
});
