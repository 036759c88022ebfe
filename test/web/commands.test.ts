// Commands and choices on the page: what is asked of the assistant itself, and what can be done with files without words.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { CHOICES } from "../../src/shared/choices.ts";
import { violationsOf } from "./axe.ts";
import { launchBrowser, noBrowserReason, overflowOf, type Theme } from "./browser.ts";
import { ask, begin, finish, openDesk } from "./harness.ts";

const attach = (page: Page) =>
  page.setInputFiles("input[type=file]", {
    name: "sales.csv",
    mimeType: "text/csv",
    buffer: Buffer.from("a,b\n1,2\n"),
  });
const choice = (page: Page, title: string) => page.getByRole("button", { name: title, exact: true });
const box = (page: Page) => page.locator("#composer-text");

describe.skipIf(noBrowserReason !== "")(`commands and choices ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("files without words can be sent with one press, in the words of the choice", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    expect(await page.locator(".choices").count()).toBe(0);
    for (const { title, words } of CHOICES) {
      if (words === null) continue;
      await attach(page);
      await choice(page, title).click();
      const job = await core.nextJob();
      expect(job.prompt).toBe(words);
      expect(job.files.map((file) => file.name)).toEqual(["sales.csv"]);
      finish(job);
      await page.locator(".choices").waitFor({ state: "detached" });
    }
    expect(problems).toEqual([]);
  }, 20_000);

  test("something else is said in one's own words, and the keyboard is enough", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await attach(page);
    await page.locator("#composer-text:focus").waitFor();
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    expect(await focused()).toBe("Summarise");
    for (const title of ["Chart", "Clean up", "Something else"]) {
      await page.keyboard.press("Tab");
      expect(await focused()).toBe(title);
    }
    await page.keyboard.press("Enter");
    await page.locator("#composer-text:focus").waitFor();
    await page.keyboard.type("Count the rows");
    // Nothing that is not seen can be pressed.
    expect(await choice(page, "Chart").count()).toBe(0);
    await page.keyboard.press("Enter");
    expect((await core.nextJob()).prompt).toBe("Count the rows");
  }, 20_000);

  test("nothing moves under who writes", async () => {
    await using desk = await openDesk(browser, { width: 360 });
    const { page } = desk;
    const places = async () => [
      await page.locator(".composer-box").boundingBox(),
      await box(page).boundingBox(),
      await page.getByRole("button", { name: "Send" }).boundingBox(),
    ];
    await attach(page);
    await choice(page, "Chart").waitFor();
    const before = await places();
    await box(page).fill("C");
    await choice(page, "Chart").waitFor({ state: "detached" });
    expect(await places()).toEqual(before);
    // The next lines have the room of the choices.
    await box(page).fill("Count\nthe\nrows");
    expect(await places()).toEqual(before);
    await box(page).fill("");
    await choice(page, "Chart").waitFor();
    expect(await places()).toEqual(before);
  }, 20_000);

  for (const [theme, width] of [
    ["light", 360],
    ["dark", 1440],
  ] satisfies [Theme, number][]) {
    test(`axe finds nothing in the choices at ${width} px, ${theme}`, async () => {
      await using desk = await openDesk(browser, { width, theme });
      await attach(desk.page);
      await choice(desk.page, "Chart").waitFor();
      expect(await violationsOf(desk.page)).toEqual([]);
      expect(await overflowOf(desk.page)).toBe(0);
    }, 40_000);
  }

  test("a command is answered beside a running job, which goes on", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "Plot");
    const job = await core.nextJob();
    begin(job);
    await page.locator(".busy-dot").waitFor();
    await ask(page, "/status");
    const status = await core.nextJob();
    expect(status.conversationId).toBe(job.conversationId);
    status.complete({ text: "1 running, 0 waiting." });
    await page.locator(".prose", { hasText: "1 running" }).waitFor();
    expect(await page.locator(".busy-dot").count()).toBe(1);
    finish(job);
    await page.locator(".busy-dot").waitFor({ state: "detached" });
  }, 20_000);

  test("/new opens the new conversation, with what was being written, and what follows goes there", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    await ask(page, "Plot");
    const first = await core.nextJob();
    finish(first, "The old answer.");
    await page.locator(".prose", { hasText: "The old answer." }).waitFor();
    const held = Promise.withResolvers<void>();
    core.beforeAnswer = () => held.promise;
    await ask(page, "/new");
    const fresh = await core.nextJob();
    await box(page).fill("Half a que");
    core.beforeAnswer = () => Promise.resolve();
    held.resolve();
    await page.waitForURL(`${core.url}/c/${fresh.conversationId}`);
    fresh.complete({ text: "A new conversation begins here." });
    await page.locator(".prose", { hasText: "begins here" }).waitFor();
    expect(await page.locator(".turn").count()).toBe(1);
    expect(await box(page).inputValue()).toBe("Half a que");
    await ask(page, "Next");
    expect((await core.nextJob()).conversationId).toBe(fresh.conversationId);
    await page.goBack();
    await page.locator(".prose", { hasText: "The old answer." }).waitFor();
    expect(await page.locator(".turn").count()).toBe(1);
    expect(await box(page).inputValue()).toBe("");
    expect(problems).toEqual([]);
  }, 20_000);
});
