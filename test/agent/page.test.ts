// The agent on the page: words and code as they are written, who spoke, and a yes that is given there.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { PATIENCE_MS } from "../e2e/sandpiper.ts";
import { violationsOf } from "../web/axe.ts";
import { launchBrowser, noBrowserReason, openPage, overflowOf, type OpenPage } from "../web/browser.ts";
import { call, openHouse, python, turns, type House } from "./house.ts";

setDefaultTimeout(2 * PATIENCE_MS);

let house: House;
let browser: Browser;
let opened: OpenPage;

beforeAll(async () => {
  if (noBrowserReason !== "") return;
  [house, browser] = await Promise.all([openHouse("anthropic"), launchBrowser()]);
  opened = await openPage(browser, house.sandpiper.link, { width: 360 });
});
afterAll(async () => {
  await browser?.close();
  await house?.[Symbol.asyncDispose]();
});

async function ask(text: string): Promise<void> {
  await opened.page.locator("textarea").fill(text);
  await opened.page.keyboard.press("Enter");
}

describe.skipIf(noBrowserReason !== "")("the page", () => {
  test("shows words and code while they are written, and who spoke at the end", async () => {
    const { page } = opened;
    let goOn = (): void => undefined;
    const written = new Promise<void>((resolve) => (goOn = resolve));
    const code = `print("a long program")\n${"# and more of it\n".repeat(20)}`;
    const slow = { text: "I begin by looking. ", ...python(code, "Looking"), delayMs: 40 };
    let asked = 0;
    house.begin(async () => {
      asked += 1;
      if (asked === 1) return slow;
      await written;
      return { text: "That is all." };
    });
    await ask("write a long program");
    const turn = page.locator("article.turn").last();
    await turn.getByText("I begin by looking.").waitFor();
    await turn.locator("figure.code").getByText("a long program").waitFor();
    goOn();
    await turn.getByText("That is all.").waitFor();
    await turn.locator(".facts").getByText("anthropic:claude").waitFor();
  });

  test("asks for a yes, and goes on with it", async () => {
    const { page } = opened;
    house.begin(turns([call("connect", { hosts: ["example.com"], why: "to look" }), { text: "It went on." }]));
    await ask("look at the world");
    const card = page.locator(".approval-card").last();
    await card.getByText("Connect the sandbox to example.com").waitFor();
    expect(await overflowOf(page)).toBe(0);
    expect(await violationsOf(page)).toEqual([]);
    await card.getByRole("button", { name: "Allow once" }).click();
    await card.getByText("You said yes.").waitFor();
    await page.locator("p", { hasText: "It went on." }).waitFor();
    await page.reload();
    await page.locator(".approval-card").getByText("You said yes.").waitFor();
    expect(await page.locator(".approval-card").getByRole("button").count()).toBe(0);
  });

  test("takes a no", async () => {
    const { page } = opened;
    house.begin(turns([call("connect", { hosts: ["example.org"], why: "to look" }), { text: "never" }]));
    await ask("look again");
    const card = page.locator(".approval-card").last();
    await card.getByRole("button", { name: "No" }).click();
    await card.getByText("You said no.").waitFor();
    expect(house.rows("SELECT count(*) AS n FROM job_run WHERE finished_at IS NULL")).toEqual([{ n: 0 }]);
  });
});
