// The page in a real browser against the real server, from the pairing link to the saved picture.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { z } from "zod";
import { dropFiles, launchBrowser, noBrowserReason, openPage, openTab, type OpenPage } from "../web/browser.ts";
import { factsOf } from "./picture.ts";
import { Bars } from "./random_table.ts";
import { PATIENCE_MS, startSandpiper, type Sandpiper } from "./sandpiper.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const CSV = "town,people\nAarau,10\nBern,20\nAarau,35\nChur,7\nBern,1\n";

let sandpiper: Sandpiper;
let browser: Browser;
/** The one browser that the printed link let in; the tests follow each other in it. */
let paired: OpenPage;

beforeAll(async () => {
  if (noBrowserReason !== "") return;
  [sandpiper, browser] = await Promise.all([startSandpiper(), launchBrowser()]);
  paired = await openPage(browser, sandpiper.link);
  paired.context.setDefaultTimeout(PATIENCE_MS);
});
afterAll(async () => {
  await browser?.close();
  await sandpiper?.[Symbol.asyncDispose]();
});

const lastTurn = (page: Page): Locator => page.locator("article.turn").last();

/** The picture of the latest answer, once the browser has decoded it. */
async function chartOf(page: Page): Promise<{ readonly width: number; readonly height: number }> {
  await page.locator('article.turn[data-status="completed"]').last().waitFor();
  const image = lastTurn(page).locator("figure img").first();
  await image.waitFor();
  const size: unknown = await image.evaluate(async (element) => {
    if (!(element instanceof HTMLImageElement)) return null;
    await element.decode();
    return { width: element.naturalWidth, height: element.naturalHeight };
  });
  return z.object({ width: z.number(), height: z.number() }).parse(size);
}

async function newChat(page: Page): Promise<void> {
  await page.goto(new URL("/", page.url()).href);
  await page.locator("button.example").first().waitFor();
}

describe.skipIf(noBrowserReason !== "")("the page", () => {
  test("is opened by the printed link, whose token leaves the address", async () => {
    await paired.page.locator("button.example").first().waitFor();
    expect(paired.page.url()).not.toContain("pair");
    expect(await paired.page.locator("button.example").count()).toBeGreaterThanOrEqual(3);
  });

  test("draws an example at one click", async () => {
    await paired.page.locator("button.example").first().click();
    const { width, height } = await chartOf(paired.page);
    expect(width).toBeGreaterThanOrEqual(600);
    expect(height).toBeGreaterThanOrEqual(400);
  });

  test("shows the same after a reload", async () => {
    const { page } = paired;
    const text = async (): Promise<string> => (await lastTurn(page).innerText()).replaceAll(/\s+/g, " ");
    const before = { url: page.url(), text: await text(), chart: await chartOf(page) };
    await page.reload();
    expect({ url: page.url(), chart: await chartOf(page), text: await text() }).toEqual(before);
  });

  test("takes a file that was chosen, and what it draws is in the file", async () => {
    const { page } = paired;
    await newChat(page);
    const [chooser] = await Promise.all([
      page.waitForEvent("filechooser"),
      page.getByRole("button", { name: "Attach files" }).click(),
    ]);
    await chooser.setFiles({ name: "städte & co.csv", mimeType: "text/csv", buffer: Buffer.from(CSV) });
    await page.getByRole("textbox", { name: "Message" }).fill("Graph this CSV file");
    await page.getByRole("button", { name: "Send" }).click();
    expect((await chartOf(page)).width).toBeGreaterThanOrEqual(600);
    expect(await lastTurn(page).innerText()).toContain("städte & co.csv");
    const jobs = z.object({
      jobs: z.array(z.object({ artifacts: z.array(z.object({ data: z.unknown().optional() })) })),
    });
    const latest = jobs.parse(await (await sandpiper.fetch("/api/jobs?limit=1")).json()).jobs[0];
    expect(Bars.parse(latest?.artifacts[0]?.data).elements.map(({ label, value }) => [label, value])).toEqual([
      ["Aarau", 45],
      ["Bern", 21],
      ["Chur", 7],
    ]);
  });

  test("saves the picture under its name", async () => {
    const { page } = paired;
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      lastTurn(page)
        .getByRole("button", { name: /^Download/ })
        .first()
        .click(),
    ]);
    expect(download.suggestedFilename()).toEndWith(".png");
    const saved = join(sandpiper.home, "saved.png");
    await download.saveAs(saved);
    expect((await factsOf(saved)).colours).toBeGreaterThan(5);
  });

  test("takes a file that was dropped", async () => {
    const { page } = paired;
    await newChat(page);
    await dropFiles(page, { "dropped.csv": CSV });
    await page.getByRole("textbox", { name: "Message" }).fill("Graph this CSV file");
    await page.keyboard.press("Enter");
    expect((await chartOf(page)).width).toBeGreaterThanOrEqual(600);
    expect(await lastTurn(page).innerText()).toContain("dropped.csv");
  });

  test("goes on about the same file without sending it again", async () => {
    const { page } = paired;
    await page.getByRole("textbox", { name: "Message" }).fill("Now as a pie chart");
    await page.keyboard.press("Enter");
    await page.locator("article.turn").nth(1).waitFor();
    expect((await chartOf(page)).width).toBeGreaterThanOrEqual(600);
  });

  test("is in step with a second tab, both ways", async () => {
    const { page, context } = paired;
    const second = await openTab(context, page.url());
    const count = await page.locator("article.turn").count();
    await second.page
      .locator("article.turn")
      .nth(count - 1)
      .waitFor();
    await second.page.getByRole("textbox", { name: "Message" }).fill("Summarise this file");
    await second.page.keyboard.press("Enter");
    for (const tab of [page, second.page]) {
      await tab.locator('article.turn[data-status="completed"]').nth(count).waitFor();
      expect(await lastTurn(tab).locator("table").count()).toBeGreaterThan(0);
    }
    const texts = await Promise.all([page, second.page].map((tab) => lastTurn(tab).innerText()));
    expect(texts[0]).toBe(texts[1] ?? "");
    await second.page.close();
    expect(second.problems).toEqual([]);
  });

  test("shows a failure as a sentence", async () => {
    const { page } = paired;
    await newChat(page);
    await dropFiles(page, { "empty.csv": "" });
    await page.getByRole("textbox", { name: "Message" }).fill("Graph this");
    await page.keyboard.press("Enter");
    await page.locator('article.turn[data-status="failed"]').waitFor();
    expect(await lastTurn(page).innerText()).toMatch(/empty\.csv.* empty/);
  });

  test("shows hostile names and values as text", async () => {
    const { page } = paired;
    await newChat(page);
    const evil = "<img src=x onerror=alert(1)>";
    await dropFiles(page, {
      [`${evil}.csv`]: `${evil},people\n"<script>alert(2)</script>",10\nb,20\n[x](javascript:alert(3)),2\n`,
    });
    await page.getByRole("textbox", { name: "Message" }).fill("Summarise this file");
    await page.keyboard.press("Enter");
    await page.locator('article.turn[data-status="completed"]').waitFor();
    expect(await lastTurn(page).innerText()).toContain("<script>alert(2)</script>");
    expect(await lastTurn(page).locator("script, img[src='x'], a[href^='javascript']").count()).toBe(0);
  });

  test("has said nothing on the console and asked no other host", () => {
    expect(paired.problems).toEqual([]);
  });

  test("comes back by itself when core was killed, and goes on in the same conversation", async () => {
    const { page } = paired;
    const text = await lastTurn(page).innerText();
    process.kill(sandpiper.child("core/server.ts").pid, "SIGKILL");
    await sandpiper.follow(await sendWhenBack());
    await page.getByRole("textbox", { name: "Message" }).fill("Convert this to JSON");
    await page.keyboard.press("Enter");
    await page.locator('article.turn[data-status="completed"]').nth(1).waitFor();
    expect(await page.locator("article.turn").first().innerText()).toBe(text);
    // What the browser says about a server that is gone is no fault of the page.
    const lost = /ERR_CONNECTION|WebSocket|ERR_EMPTY_RESPONSE|ERR_SOCKET/;
    expect(paired.problems.filter((problem) => !lost.test(problem))).toEqual([]);
  });

  test("is refused to whoever uses the link a second time", async () => {
    await using stranger = await openPage(browser, sandpiper.link);
    await stranger.page.getByRole("heading", { name: "This browser is not paired yet" }).waitFor();
    expect(await stranger.page.getByRole("alert").first().innerText()).toContain("used already");
    // The refusal itself is on the console, and nothing else.
    expect(stranger.problems.filter((problem) => !problem.includes("401"))).toEqual([]);
  });
});

/** A message by a program, once core answers again. */
async function sendWhenBack(): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await sandpiper.send({ code: "print(6 * 7)" });
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await Bun.sleep(50);
  }
}
