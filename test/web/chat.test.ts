// The page as a person uses it, in a real Chromium.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { dropFiles, launchBrowser, noBrowserReason, openTab } from "./browser.ts";
import { ask, begin, finish, openDesk } from "./harness.ts";

describe.skipIf(noBrowserReason !== "")(`the chat page ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("a question is answered with text, chart, file, code, duration and cost", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    await ask(page, "Plot the rainfall by month");
    const job = await core.nextJob();
    expect(job.prompt).toBe("Plot the rainfall by month");
    begin(job);
    await page.locator(".step-running", { hasText: "Run the program" }).waitFor();
    job.emit({ kind: "output-delta", stream: "stdout", text: "<b>48</b> months\n" });
    await page.locator(".output", { hasText: "<b>48</b> months" }).waitFor();
    finish(job);
    await page.locator(".prose strong", { hasText: "most" }).waitFor();
    const chart = page.locator(".picture img");
    await page.locator(".picture-frame:not(.picture-waiting)").waitFor();
    expect(await chart.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight])).toEqual([
      960, 560,
    ]);
    expect(await chart.getAttribute("alt")).toBe("rainfall by month, as a line");
    expect(await page.locator(".card").innerText()).toContain("Table · 3.8 kB");
    expect(await page.locator(".facts").innerText()).toMatch(/s · \$0\.0031$/);
    await page.getByText("Show code").click();
    expect(await page.locator(".code code").innerText()).toContain("print('hello')");
    await page.getByLabel("Show rainfall.png larger").click();
    await page.locator(".large img").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".large").waitFor({ state: "detached" });
    expect(page.url()).toBe(`${core.url}/c/${job.conversationId}`);
    expect(await page.locator("[aria-live=polite]").innerText()).toStartWith("Answer ready, 2 files.");
    expect(problems).toEqual([]);
  }, 20_000);

  test("the thread follows what comes until the reader scrolls up", async () => {
    await using desk = await openDesk(browser, { width: 360, height: 640 });
    const { page, core } = desk;
    const belowEnd = (): Promise<number> =>
      page.locator(".scroller").evaluate((at) => Math.round(at.scrollHeight - at.scrollTop - at.clientHeight));
    await ask(page, "Plot");
    const job = await core.nextJob();
    begin(job);
    for (let line = 0; line < 60; line += 1) job.emit({ kind: "output-delta", stream: "stdout", text: `${line}\n` });
    finish(job);
    await page.locator(".picture-frame:not(.picture-waiting)").waitFor();
    await page.locator(".facts").waitFor();
    await page.waitForFunction(() => new Promise((resolve) => requestAnimationFrame(() => resolve(true))));
    expect(await belowEnd()).toBe(0);
    await page.locator(".scroller").hover();
    await page.mouse.wheel(0, -300);
    await page.getByLabel("Jump to the latest").waitFor();
    const next = core.createJob("From another program", [], job.conversationId);
    finish(next, "More.");
    await page.locator(".prose", { hasText: "More." }).waitFor();
    expect(await belowEnd()).toBeGreaterThan(300);
    await page.getByLabel("Jump to the latest").click();
    expect(await belowEnd()).toBe(0);
  }, 20_000);

  test("a file that came out can be saved under its own name", async () => {
    await using desk = await openDesk(browser);
    await ask(desk.page, "Plot");
    finish(await desk.core.nextJob());
    const saved = desk.page.waitForEvent("download");
    await desk.page.getByLabel("Download rainfall.csv").click();
    expect((await saved).suggestedFilename()).toBe("rainfall.csv");
  }, 20_000);

  test("an example runs with one click", async () => {
    await using desk = await openDesk(browser);
    await desk.page.locator(".example", { hasText: "Rainfall in Seattle" }).click();
    const job = await desk.core.nextJob();
    expect(job.files.map((file) => file.name)).toEqual(["seattle-weather.csv"]);
    expect(job.prompt).toBe("Plot the monthly rainfall as a line chart");
    await desk.page.locator(".chip", { hasText: "48 kB" }).waitFor();
    // What was clicked is gone: the next thing is to write.
    await desk.page.locator("#composer-text:focus").waitFor();
  }, 20_000);

  test("files are attached by drop and by button, one is taken off, the others are sent", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    await dropFiles(page, { "one.csv": "a,b\n1,2\n", "two.csv": "c\n3\n" });
    await page.locator(".chip", { hasText: "two.csv" }).waitFor();
    expect(await page.locator(".drop").count()).toBe(0);
    await page.setInputFiles("input[type=file]", {
      name: "three.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("3"),
    });
    await page.getByLabel("Remove two.csv").click();
    expect(await page.locator(".composer .chip-name").allInnerTexts()).toEqual(["one.csv", "three.txt"]);
    await page.getByRole("button", { name: "Send" }).click();
    const job = await core.nextJob();
    expect(job.files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ["one.csv", 8],
      ["three.txt", 1],
    ]);
    expect(await page.locator(".composer .chip").count()).toBe(0);
    expect(problems).toEqual([]);
  }, 20_000);

  test("a file over the limit is refused with its size and the limit", async () => {
    await using desk = await openDesk(browser, { maxUploadBytes: 2 ** 20 });
    const { page } = desk;
    await page.setInputFiles("input[type=file]", {
      name: "big.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.alloc(2 ** 20 + 1),
    });
    expect(await page.locator(".composer-refusal").innerText()).toContain(
      "“big.bin” is 1.0 MB; a file may have up to 1 MB",
    );
    expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  }, 20_000);

  test("a drag that leaves the window takes its overlay along", async () => {
    await using desk = await openDesk(browser);
    const { page } = desk;
    const dataTransfer = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["x"], "x.csv"));
      return transfer;
    });
    await page.dispatchEvent("body", "dragover", { dataTransfer });
    await page.locator(".drop").waitFor();
    // No dragleave, no drop: some browsers send neither when the drag ends outside.
    await page.locator(".drop").waitFor({ state: "detached" });
  }, 20_000);

  test("Enter sends, Shift+Enter does not, nor does Enter while characters are composed", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    const box = page.locator("#composer-text");
    await box.fill("first line");
    await box.press("Shift+Enter");
    await box.pressSequentially("second line");
    await box.evaluate((at) =>
      at.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }),
      ),
    );
    expect(core.calls).not.toContain("POST /api/messages");
    await box.press("Enter");
    expect((await core.nextJob()).prompt).toBe("first line\nsecond line");
  }, 20_000);

  test("Stop asks core to cancel, and the end is shown calmly", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "Count to infinity");
    const job = await core.nextJob();
    begin(job);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Stopping…" }).waitFor();
    expect(core.cancelled).toEqual([job.id]);
    job.fail({ code: "cancelled", message: "Stopped." });
    await page.getByText("Stopped at your request.").waitFor();
    expect(await page.locator(".error-card").count()).toBe(0);
    expect(await page.getByRole("button", { name: /^Stop/ }).count()).toBe(0);
  }, 20_000);

  test("an error says what happened, hides its traceback, and the same job is tried again", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await page.locator(".example").first().click();
    const job = await core.nextJob();
    begin(job);
    job.fail({ code: "code", message: "There is no column “rain”.", detail: "KeyError: 'rain'" });
    const card = page.locator(".error-card");
    await card.getByText("There is no column “rain”.").waitFor();
    expect(await card.getByText("KeyError").isVisible()).toBe(false);
    await card.getByText("Details").click();
    expect(await card.getByText("KeyError").isVisible()).toBe(true);
    await card.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Waiting for its turn…").waitFor();
    expect(core.retried).toEqual([job.id]);
    expect(await card.count()).toBe(0);
    finish(job, "This time.");
    await page.locator(".prose", { hasText: "This time." }).waitFor();
    expect(await page.locator(".turn").count()).toBe(1);
  }, 20_000);

  test("a message that core does not take stays on the page and can be sent again", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    core.refusal = { status: 503, message: "The disk is full. Make room, then try again." };
    await ask(page, "Keep this");
    await page.locator(".error-card", { hasText: "The disk is full." }).waitFor();
    core.refusal = null;
    await page.getByRole("button", { name: "Try again" }).click();
    const job = await core.nextJob();
    expect(job.prompt).toBe("Keep this");
    finish(job, "Kept.");
    await page.locator(".prose", { hasText: "Kept." }).waitFor();
    expect(await page.locator(".turn").count()).toBe(1);
  }, 20_000);

  test("what is written in one conversation waits there, also over a reload", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    finish(await core.nextJob());
    await page.locator(".picture img").waitFor();
    const box = page.locator("#composer-text");
    await box.fill("half a thought");
    await page.getByRole("button", { name: "New chat" }).click();
    expect(await box.inputValue()).toBe("");
    await page.goBack();
    await page.locator(".picture img").waitFor();
    expect(await box.inputValue()).toBe("half a thought");
    await page.reload();
    await page.locator(".picture img").waitFor();
    expect(await box.inputValue()).toBe("half a thought");
  }, 20_000);

  test("two tabs show the same conversation as it happens", async () => {
    await using desk = await openDesk(browser);
    const { page, core, context } = desk;
    await ask(page, "One");
    const job = await core.nextJob();
    begin(job);
    job.emit({ kind: "output-delta", stream: "stdout", text: "before the second tab\n" });
    await page.locator(".output").waitFor();
    const second = await openTab(context, page.url());
    await second.page.locator(".output", { hasText: "before the second tab" }).waitFor();
    await ask(second.page, "Two");
    finish(await core.nextJob(), "Answer to two.");
    finish(job, "Answer to one.");
    for (const tab of [page, second.page]) {
      await tab.locator(".prose", { hasText: "Answer to one." }).waitFor();
      await tab.locator(".prose", { hasText: "Answer to two." }).waitFor();
      expect(await tab.locator(".bubble").allInnerTexts()).toEqual(["One", "Two"]);
    }
    expect([...desk.problems, ...second.problems]).toEqual([]);
  }, 20_000);

  test("a conversation is deleted only after a question", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "Delete me");
    finish(await core.nextJob());
    await page.locator(".conversation").hover();
    await page.getByLabel("Delete Delete me").click();
    await page.getByRole("button", { name: "Keep it" }).click();
    expect(await page.locator(".conversation").count()).toBe(1);
    await page.getByLabel("Delete Delete me").click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.locator(".empty").waitFor();
    expect(await page.locator(".conversation").count()).toBe(0);
  }, 20_000);
});
