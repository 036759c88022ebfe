// Makes the pictures of the README from the real thing: a server of its own, an example, Chromium.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../src/main.ts";
import { launchBrowser, openPage, type Theme } from "../test/web/browser.ts";

const FOLDER = join(import.meta.dir, "../docs/images");
const WIDTHS = process.argv.includes("--all") ? [360, 768, 1440] : [1440];
const THEMES: readonly Theme[] = process.argv.includes("--all") ? ["light", "dark"] : ["light"];
const folder = process.argv.includes("--all") ? mkdtempSync(join(tmpdir(), "sandpiper-screenshots-")) : FOLDER;

const home = mkdtempSync(join(tmpdir(), "sandpiper-pictures-"));
const running = await start(
  { ...process.env, SANDPIPER_HOME: home, SANDPIPER_PORT: "0" },
  new AbortController().signal,
);
const browser = await launchBrowser();
try {
  mkdirSync(folder, { recursive: true });
  await using opened = await openPage(browser, running.link, { width: 1440, height: 900 });
  const { page } = opened;
  const shoot = async (name: string) => {
    for (const theme of THEMES) {
      for (const width of WIDTHS) {
        await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
        await page.setViewportSize({ width, height: 960 });
        const suffix = WIDTHS.length > 1 ? `-${width}-${theme}` : "";
        await page.screenshot({ path: join(folder, `${name}${suffix}.png`), animations: "disabled" });
      }
    }
  };
  const example = page.getByRole("button", { name: /Seattle/ });
  await example.waitFor();
  await shoot("empty");
  await example.click();
  // The chart is there before the answer; the picture is of the answer.
  await page.getByText(/^I drew/).waitFor({ timeout: 20_000 });
  await page.waitForFunction(() =>
    [...document.querySelectorAll("main img")].every(
      (image) => image instanceof HTMLImageElement && image.naturalWidth > 0,
    ),
  );
  await page.getByText(/^I drew/).scrollIntoViewIfNeeded();
  await shoot("chart");
  console.log(folder);
} finally {
  await browser.close();
  await running.stop();
  rmSync(home, { recursive: true, force: true });
}
