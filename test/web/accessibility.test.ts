// axe finds nothing, nothing is wider than the window, and the keyboard is enough.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { violationsOf } from "./axe.ts";
import { launchBrowser, noBrowserReason, openPage, overflowOf, type Theme } from "./browser.ts";
import { FakeCore } from "./fake_core.ts";
import { ask, begin, finish, openDesk, webFolder } from "./harness.ts";

const LONG = "a-very-long-name-without-any-place-to-break-it-".repeat(4);

async function fillThread(page: Page, core: FakeCore): Promise<void> {
  await ask(page, `Plot ${LONG}`);
  const job = await core.nextJob();
  begin(job);
  job.bring(`${LONG}.csv`, "text/csv", new Uint8Array(10));
  job.emit({ kind: "output-delta", stream: "stderr", text: `${LONG}\n` });
  finish(
    job,
    `## Result\n\n| ${"column | ".repeat(9)}\n|${"---|".repeat(9)}\n| ${"1234567 | ".repeat(9)}\n\n\`${LONG}\`\n\n\`\`\`python\nx = 1\n\`\`\``,
  );
  await page.locator(".picture-frame:not(.picture-waiting)").waitFor();
  await page.locator(".prose table").waitFor();
  await ask(page, "Once more");
  const second = await core.nextJob();
  begin(second);
  second.fail({ code: "code", message: `It broke: ${LONG}`, detail: `Traceback\n${LONG}${LONG}` });
  await page.locator(".error-card summary").click();
  await ask(page, "And again");
  begin(await core.nextJob());
  await page.locator(".step-running").waitFor();
}

describe.skipIf(noBrowserReason !== "")(`access and layout ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  for (const [theme, width] of [
    ["light", 360],
    ["light", 1280],
    ["dark", 360],
    ["dark", 1280],
  ] satisfies [Theme, number][]) {
    test(`axe finds nothing in a full thread at ${width} px, ${theme}`, async () => {
      await using desk = await openDesk(browser, { width, theme });
      await fillThread(desk.page, desk.core);
      expect(await violationsOf(desk.page)).toEqual([]);
      expect(desk.problems).toEqual([]);
    }, 40_000);
  }

  test("axe finds nothing on the empty page, in both themes", async () => {
    await using desk = await openDesk(browser, { notice: "No key is set: answers come from the built-in planner." });
    expect(await violationsOf(desk.page)).toEqual([]);
    await desk.page.emulateMedia({ colorScheme: "dark" });
    expect(await violationsOf(desk.page)).toEqual([]);
  }, 40_000);

  test("axe finds nothing on the page for strangers and in the drawer", async () => {
    await using core = new FakeCore({ webFolder });
    await using visit = await openPage(browser, core.url);
    await visit.page.getByText("not paired").waitFor();
    expect(await violationsOf(visit.page)).toEqual([]);
    await using desk = await openDesk(browser, { width: 360 });
    await desk.page.getByLabel("Show conversations").click();
    await desk.page.locator(".drawer[open]").waitFor();
    expect(await violationsOf(desk.page)).toEqual([]);
  }, 40_000);

  test("nothing is wider than the window at 320, 360, 768 and 1440 px", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    const overflows = async (): Promise<number[]> => {
      const found: number[] = [];
      for (const width of [320, 360, 768, 1440]) {
        await page.setViewportSize({ width, height: 800 });
        found.push(await overflowOf(page));
      }
      return found;
    };
    expect(await overflows()).toEqual([0, 0, 0, 0]);
    await fillThread(page, core);
    expect(await overflows()).toEqual([0, 0, 0, 0]);
    await page.setViewportSize({ width: 320, height: 800 });
    expect(await page.locator(".thread").evaluate((thread) => thread.scrollWidth - thread.clientWidth)).toBe(0);
  }, 20_000);

  test("everything that can be touched on a phone is large enough", async () => {
    await using desk = await openDesk(browser, { width: 360 });
    const { page, core } = desk;
    await fillThread(page, core);
    await page.setInputFiles("input[type=file]", { name: "a.csv", mimeType: "text/csv", buffer: Buffer.from("a") });
    await page.getByLabel("Show conversations").click();
    const small = await page
      .locator("button:visible, summary:visible, .conversation a:visible, .theme-picker label:visible")
      .evaluateAll((all) =>
        all
          .map((at) => ({ name: at.getAttribute("class") ?? at.tagName, box: at.getBoundingClientRect() }))
          .filter(({ box }) => box.height < 44 || box.width < 44)
          .map(({ name, box }) => `${name} ${Math.round(box.width)} × ${Math.round(box.height)}`),
      );
    expect(small).toEqual([]);
  }, 20_000);

  test("the main way is walked by keyboard alone", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await page.keyboard.type("Plot");
    await page.keyboard.press("Enter");
    finish(await core.nextJob());
    await page.locator(".picture-frame:not(.picture-waiting)").waitFor();
    await page.getByLabel("Show rainfall.png larger").focus();
    await page.keyboard.press("Enter");
    await page.locator(".large[open]").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".large").waitFor({ state: "detached" });
    await page.keyboard.press("Control+Shift+O");
    await page.locator(".examples").waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("composer-text");
  }, 20_000);

  test("the chosen theme is remembered and there before the first paint", async () => {
    await using desk = await openDesk(browser);
    const { page } = desk;
    const background = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.getByLabel("Dark theme").check();
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload({ waitUntil: "commit" });
    await page.waitForFunction(() => document.body !== null);
    expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
    await page.locator(".examples").waitFor();
    expect(await background()).toBe(dark);
  }, 20_000);
});
