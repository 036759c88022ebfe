// What every test of the page needs: the built page, a fake core that serves it, a paired browser.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { buildWeb } from "../../scripts/build_web.ts";
import { isAlive } from "../../src/shared/alive.ts";
import { openPage, type OpenOptions, type OpenPage } from "./browser.ts";
import { FakeCore, type FakeCoreOptions, type FakeJob } from "./fake_core.ts";
import { chartPng } from "./picture.ts";

// The test runner has no hook for its end: each run sweeps up after those that are over.
const builds = join(tmpdir(), "sandpiper-web-builds");
mkdirSync(builds, { recursive: true });
for (const pid of readdirSync(builds)) {
  if (!isAlive(Number.parseInt(pid, 10))) rmSync(join(builds, pid), { recursive: true, force: true });
}

export const webFolder = join(builds, String(process.pid));
export const manifest = await buildWeb(webFolder);

export type Desk = AsyncDisposable & OpenPage & { readonly core: FakeCore };

/** A fake core and a paired page in front of it. */
export async function openDesk(
  browser: Browser,
  options: OpenOptions & Omit<FakeCoreOptions, "webFolder"> = {},
): Promise<Desk> {
  const core = new FakeCore({ ...options, webFolder });
  const opened = await openPage(browser, core.pairingLink, options);
  await opened.page.locator("#composer-text").waitFor();
  return {
    ...opened,
    core,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await core[Symbol.asyncDispose]();
    },
  };
}

export async function ask(page: Page, text: string): Promise<void> {
  await page.locator("#composer-text").fill(text);
  await page.locator("#composer-text").press("Enter");
}

/** The first steps of any job, up to the running program. */
export function begin(job: FakeJob): void {
  job.emit({ kind: "job-started", attempt: 1 });
  job.emit({ kind: "step-started", step: "sandbox", title: "Open a sealed sandbox" });
  job.emit({ kind: "step-finished", step: "sandbox", title: "Open a sealed sandbox", durationMs: 180 });
  job.emit({ kind: "code-written", understood: "rainfall by month, as a line", code: "print('hello')\n" });
  job.emit({ kind: "step-started", step: "run", title: "Run the program" });
}

export function finish(job: FakeJob, text = "It rains **most** in November."): void {
  job.emit({ kind: "step-finished", step: "run", title: "Run the program", durationMs: 1_200 });
  job.bring("rainfall.png", "image/png", chartPng());
  job.bring("rainfall.csv", "text/csv", new Uint8Array(3_811));
  job.complete({ text, stdout: "48 months\n" }, 0.0031);
}
