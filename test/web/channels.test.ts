// The channels: how they are, the link for a phone, and that the dialog is for everybody.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { readPicture } from "../shared/qr_reader.ts";
import { violationsOf } from "./axe.ts";
import { launchBrowser, noBrowserReason, overflowOf, type Theme } from "./browser.ts";
import { manifest, openDesk, type Desk } from "./harness.ts";

const LINK = "https://t.me/sandpiper_at_home_bot?start=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4";
const LONG = "a-very-long-reason-without-any-place-to-break-it-".repeat(4);

const TELEGRAM = { name: "telegram", state: "up", detail: "" } as const;
const WHATSAPP = { name: "whatsapp", state: "refused", detail: `WhatsApp says: ${LONG}` } as const;

async function openChannels(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Channels" }).click();
  await page.getByRole("dialog", { name: "Channels" }).waitFor();
}

async function connect(desk: Desk): Promise<void> {
  await desk.page.getByRole("button", { name: "Connect my phone: Telegram" }).click();
  await desk.page.getByRole("img", { name: "QR code of the link to Telegram" }).waitFor();
}

describe.skipIf(noBrowserReason !== "")(`channels ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("where none is set up, two sentences say how", async () => {
    await using desk = await openDesk(browser);
    await openChannels(desk.page);
    const words = await desk.page.getByText("@BotFather").textContent();
    expect(words).toContain("SANDPIPER_TELEGRAM_TOKEN");
    expect(words).toEndWith("docs/telegram.md.");
    expect(desk.problems).toEqual([]);
  }, 20_000);

  test("the state of each is told in words, and follows what happens", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    core.channels.all = [{ ...TELEGRAM, state: "starting" }, WHATSAPP];
    await openChannels(page);
    const states = page.locator(".panel-state");
    await states.getByText("Connecting …").waitFor();
    expect(await states.allTextContents()).toEqual(["Connecting …", "Refused"]);
    await page.getByText(WHATSAPP.detail).waitFor();
    for (const name of ["Telegram", "WhatsApp"])
      expect(await page.getByRole("button", { name: `Connect my phone: ${name}` }).isDisabled()).toBe(true);
    core.channels.all = [{ ...TELEGRAM, state: "down", detail: "Telegram cannot be reached from here." }];
    await states.getByText("Not reached, trying again").waitFor();
    await page.getByText("Telegram cannot be reached from here.").waitFor();
    core.channels.all = [TELEGRAM];
    await states.getByText("Connected").waitFor();
    expect(await page.locator(".channel-detail").count()).toBe(0);
  }, 20_000);

  test("the link is a QR code that a phone reads, a text, and on the clipboard", async () => {
    for (const theme of ["light", "dark"] satisfies Theme[]) {
      await using desk = await openDesk(browser, { theme });
      const { page, core } = desk;
      core.channels.all = [TELEGRAM];
      core.channels.links = [LINK, `${LINK}2`];
      await desk.context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await openChannels(page);
      await connect(desk);
      expect(readPicture(await page.locator(".qr-code").screenshot())).toBe(LINK);
      await page.getByText("It works once, within an hour").waitFor();
      expect(await page.getByRole("link", { name: LINK }).getAttribute("href")).toBe(LINK);
      await page.getByRole("button", { name: "Copy the link" }).click();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(LINK);
      await page.getByRole("button", { name: "Make another link: Telegram" }).click();
      await page.getByRole("link", { name: `${LINK}2` }).waitFor();
      expect(readPicture(await page.locator(".qr-code").screenshot())).toBe(`${LINK}2`);
      expect(desk.problems).toEqual([]);
    }
  }, 40_000);

  test("what is no link is words to copy, without a code", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    core.channels.all = [{ ...WHATSAPP, state: "up", detail: "" }];
    core.channels.links = ["Write this to the bot: /start abc"];
    await openChannels(page);
    await page.getByRole("button", { name: "Connect my phone: WhatsApp" }).click();
    await page.getByText("Write this to the bot: /start abc").waitFor();
    await page.getByText("Meta’s terms forbid personal use").waitFor();
    expect(await page.locator(".qr-code, .channel-link a").count()).toBe(0);
    await page.getByRole("button", { name: "Copy the words" }).waitFor();
  }, 20_000);

  test("a link that is refused, and a core that is gone, are sentences", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    core.channels.all = [TELEGRAM];
    await openChannels(page);
    const button = page.getByRole("button", { name: "Connect my phone: Telegram" });
    await button.waitFor();
    await page.route("**/api/channels/telegram/link", (route) =>
      route.fulfill({
        status: 404,
        body: JSON.stringify({ error: { code: "not_found", message: "telegram is not reached yet." } }),
      }),
    );
    await button.click();
    await page.getByText("telegram is not reached yet.").waitFor();
    await page.route("**/api/channels", (route) => route.abort());
    await page.getByText("Sandpiper does not answer.").waitFor();
    await page.unroute("**/api/channels");
    await page.getByText("Sandpiper does not answer.").waitFor({ state: "detached" });
  }, 20_000);

  test("the keyboard opens it, stays in it, and goes back to where it was", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    core.channels.all = [TELEGRAM];
    core.channels.links = [LINK];
    await page.getByRole("button", { name: "Channels" }).focus();
    await page.keyboard.press("Enter");
    const button = page.getByRole("button", { name: "Connect my phone: Telegram" });
    await button.waitFor();
    const visited = new Set<string>();
    for (let presses = 0; presses < 8; presses += 1) {
      await page.keyboard.press("Tab");
      visited.add(
        await page.evaluate(() => {
          const at = document.activeElement;
          if (at === null || at === document.body) return "the browser";
          return at.closest("dialog") === null ? "the page below" : (at.getAttribute("aria-label") ?? "");
        }),
      );
    }
    expect(visited).toContain("Close");
    expect(visited).toContain("Connect my phone: Telegram");
    expect(visited).not.toContain("the page below");
    await button.press("Enter");
    await page.locator(".qr-code").waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
      "Make another link: Telegram",
    );
    await page.keyboard.press("Escape");
    await page.locator(".panel").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("panel-open");
  }, 20_000);

  test("the dialog is loaded when it is asked for, and says so when it cannot be", async () => {
    await using desk = await openDesk(browser);
    const { page } = desk;
    const scripts: string[] = [];
    page.on("request", (request) => void (request.url().endsWith(".js") && scripts.push(request.url())));
    expect(await page.locator("dialog.panel").count()).toBe(0);
    await page.route("**/assets/*.js", (route) => route.abort());
    await page.getByRole("button", { name: "Channels" }).click();
    await page.getByText("This did not load.").waitFor();
    expect(scripts.length).toBeGreaterThan(0);
    expect(Object.keys(manifest.files)).toContain(new URL(scripts[0] ?? "").pathname);
  }, 20_000);

  for (const theme of ["light", "dark"] satisfies Theme[]) {
    test(`axe finds nothing, and nothing is too wide or too small to touch, ${theme}`, async () => {
      for (const width of [360, 768, 1440]) {
        await using desk = await openDesk(browser, { width, theme });
        const { page, core } = desk;
        if (width === 360) await page.getByLabel("Show conversations").click();
        await openChannels(page);
        await page.getByText("@BotFather").waitFor();
        expect(await violationsOf(page)).toEqual([]);
        await page.keyboard.press("Escape");
        core.channels.all = [TELEGRAM, WHATSAPP, { ...TELEGRAM, name: "pager", state: "down" }];
        core.channels.links = [LINK];
        await openChannels(page);
        await connect(desk);
        expect(await violationsOf(page)).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
        const dialog = page.locator("dialog.panel");
        expect(await dialog.evaluate((at) => at.scrollWidth - at.clientWidth)).toBe(0);
        expect(readPicture(await page.locator(".qr-code").screenshot())).toBe(LINK);
        if (width === 360) {
          const heights = await dialog
            .locator("button")
            .evaluateAll((all) => all.map((at) => at.getBoundingClientRect().height));
          expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
        }
        expect(desk.problems).toEqual([]);
      }
    }, 60_000);
  }
});
