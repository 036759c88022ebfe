// Jobs and messages that wait, fail, or begin anew, as a person sees them and steers them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { z } from "zod";
import { launchBrowser, noBrowserReason } from "./browser.ts";
import type { FakeCore } from "./fake_core.ts";
import { ask, begin, finish, openDesk } from "./harness.ts";

const AXE = readFileSync(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir), "utf8");
const error = { code: "unavailable", message: "The sandbox server went away." };
const Results = z.object({ violations: z.array(z.object({ id: z.string() })) });

async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return Results.parse(await page.evaluate("axe.run()")).violations.map((violation) => violation.id);
}

/** Core takes messages but does not answer, until the function that this returns is called. */
function holdAnswers(core: FakeCore): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  core.beforeAnswer = () => promise;
  return resolve;
}

describe.skipIf(noBrowserReason !== "")(`a job that waits ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("behind another says so, until that one has ended; Stop means the one that runs", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    await ask(page, "One");
    const first = await core.nextJob();
    begin(first);
    await ask(page, "Two");
    const second = await core.nextJob();
    const line = page.getByText("Waits for the one before it");
    await line.waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Stopping…" }).waitFor();
    expect(core.cancelled).toEqual([first.id]);
    finish(first);
    await page.getByText("Waiting for its turn…").waitFor();
    expect(await line.count()).toBe(0);
    begin(second);
    finish(second, "Both.");
    await page.locator(".prose", { hasText: "Both." }).waitFor();
    expect(problems).toEqual([]);
  }, 20_000);

  test("behind another can be taken back", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    begin(await core.nextJob());
    await ask(page, "Two");
    const second = await core.nextJob();
    await page.getByRole("button", { name: "Cancel" }).click();
    second.fail({ code: "cancelled", message: "You stopped this before it began." });
    await page.getByText("Stopped at your request.").waitFor();
    expect(core.cancelled).toEqual([second.id]);
  }, 20_000);

  test("for its time says when, also one that another program made, and can be started now", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    const first = await core.nextJob();
    finish(first);
    await page.locator(".facts").waitFor();
    const later = core.createJob("From a program", [], first.conversationId);
    core.schedule(later, Date.now() + 3 * 86_400_000);
    await page.getByText(/^Starts on \w+, \w+ \d+, \d+:\d\d/).waitFor();
    // Nothing is at work: the message box is for the next message.
    expect(await page.getByRole("button", { name: "Stop" }).count()).toBe(0);
    await page.reload();
    await page.getByText(/^Starts on /).waitFor();
    await page.getByRole("button", { name: "Start now" }).click();
    await page.getByText("Waiting for its turn…").waitFor();
    expect(core.retried).toEqual([later.id]);
  }, 20_000);

  test("for its next attempt says which, when and why, and begins it with nothing of the last", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    core.maxAttempts = 5;
    await ask(page, "One");
    const job = await core.nextJob();
    begin(job);
    job.emit({ kind: "output-delta", stream: "stdout", text: "of the first attempt\n" });
    await page.locator(".output").waitFor();
    job.emit({ kind: "job-retrying", attempt: 1, error, retryAt: Date.now() + 30_000 });
    await page.getByText(/^Trying again in \d+ s \(2 of 5\): The sandbox server went away\.$/).waitFor();
    expect(await page.locator(".output, .step").count()).toBe(0);
    await page.reload();
    await page.getByText(/\(2 of 5\): The sandbox server went away\.$/).waitFor();
    job.emit({ kind: "job-started", attempt: 2 });
    await page.getByText("Working…").waitFor();
    expect(await page.locator(".output").count()).toBe(0);
    job.emit({ kind: "output-delta", stream: "stdout", text: "of the second\n" });
    job.emit({ kind: "job-requeued" });
    await page.getByText("Waiting for its turn…").waitFor();
    expect(await page.locator(".output").count()).toBe(0);
    expect(problems).toEqual([]);
  }, 20_000);

  test("for its next attempt can be tried now", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    const job = await core.nextJob();
    begin(job);
    job.emit({ kind: "job-retrying", attempt: 1, error, retryAt: Date.now() + 1_000_000 });
    await page.getByText(/^Trying again in 17 min/).waitFor();
    await page.getByRole("button", { name: "Try now" }).click();
    await page.getByText("Waiting for its turn…").waitFor();
    expect(core.retried).toEqual([job.id]);
  }, 20_000);
});

describe.skipIf(noBrowserReason !== "")(`a job that runs or has run ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("shows how far it is, to eyes and to readers, and nothing moves for it", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    const job = await core.nextJob();
    begin(job);
    const card = page.locator(".steps-live");
    await page.locator(".step-running").waitFor();
    const height = async (): Promise<number | undefined> => (await card.boundingBox())?.height;
    const before = await height();
    expect(await page.getByRole("progressbar").count()).toBe(0);
    job.emit({ kind: "progress-changed", fraction: 0.17 });
    const bar = page.getByRole("progressbar", { name: "Progress" });
    await bar.waitFor();
    expect(await bar.getAttribute("value")).toBe("17");
    expect(await height()).toBe(before);
    expect(await violationsOf(page)).toEqual([]);
    job.emit({ kind: "progress-changed", fraction: 0.97 });
    await page.locator("progress[value='97']").waitFor();
    finish(job);
    await page.locator(".prose").waitFor();
    expect(await bar.count()).toBe(0);
  }, 20_000);

  test("and failed shows its earlier attempts folded, and a refusal to run it again", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    const job = await core.nextJob();
    begin(job);
    const attempts = [
      { attempt: 1, code: "unavailable", message: "The first went away." },
      { attempt: 2, code: "unavailable", message: "The second, too." },
    ];
    job.fail({ code: "unavailable", message: "The third as well.", attempts });
    const card = page.locator(".error-card");
    await card.getByText("The third as well.").waitFor();
    expect(await card.getByText("The first went away.").isVisible()).toBe(false);
    await card.getByText("2 earlier attempts failed, too").click();
    expect(await card.locator(".attempts li").allInnerTexts()).toEqual([
      "Attempt 1 The first went away.",
      "Attempt 2 The second, too.",
    ]);
    expect(await violationsOf(page)).toEqual([]);
    core.refusal = { status: 409, message: "It runs already." };
    await card.getByRole("button", { name: "Try again" }).click();
    await card.getByRole("alert").getByText("It runs already.").waitFor();
    core.refusal = null;
    await card.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Waiting for its turn…").waitFor();
    expect(core.retried).toEqual([job.id, job.id]);
  }, 20_000);

  test("and was stopped can be run again", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    const job = await core.nextJob();
    begin(job);
    job.fail({ code: "cancelled", message: "You stopped this." });
    await page.locator(".stopped-card").getByRole("button", { name: "Try again" }).click();
    await page.getByText("Waiting for its turn…").waitFor();
    expect(core.retried).toEqual([job.id]);
  }, 20_000);

  test("and was deleted leaves the page", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    const first = await core.nextJob();
    finish(first);
    await ask(page, "Two");
    const second = await core.nextJob();
    begin(second);
    await page.locator(".step-running").waitFor();
    second.emit({ kind: "job-deleted" });
    await page.locator(".bubble", { hasText: "Two" }).waitFor({ state: "detached" });
    expect(await page.locator(".bubble").allInnerTexts()).toEqual(["One"]);
    expect(await page.getByRole("button", { name: "Stop" }).count()).toBe(0);
  }, 20_000);

  test("is one job however often its message had to be sent", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    core.refusal = { status: 503, message: "The disk is full." };
    await ask(page, "One");
    await page.locator(".error-card", { hasText: "The disk is full." }).waitFor();
    core.refusal = null;
    await page.getByRole("button", { name: "Try again" }).click();
    await core.nextJob();
    await ask(page, "Two");
    await core.nextJob();
    const [first, again, next] = core.keys;
    expect(first).toMatch(/^[\da-f-]{36}$/);
    expect(again).toBe(first ?? "");
    expect(next).not.toBe(first);
  }, 20_000);
});

describe.skipIf(noBrowserReason !== "")(`a message on its way ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("to a new conversation leaves the next one as it is being written: words, caret and files", async () => {
    await using desk = await openDesk(browser, { maxUploadBytes: 1_000 });
    const { page, core, problems } = desk;
    const letGo = holdAnswers(core);
    await ask(page, "One");
    const job = await core.nextJob();
    await page.setInputFiles("input[type=file]", [
      { name: "small.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n") },
      { name: "big.csv", mimeType: "text/csv", buffer: Buffer.alloc(1_001) },
    ]);
    const box = page.locator("#composer-text");
    await box.fill("half thought");
    await box.evaluate((at: HTMLTextAreaElement) => at.setSelectionRange(4, 4));
    letGo();
    await page.waitForURL(`**/c/${job.conversationId}`);
    await page.keyboard.type(" a");
    expect(await box.inputValue()).toBe("half a thought");
    expect(await page.locator(".composer .chip-name").allInnerTexts()).toEqual(["small.csv"]);
    expect(await page.locator(".composer-refusal").innerText()).toContain("“big.csv” is");
    await page.getByRole("button", { name: "New chat" }).click();
    await page.locator(".examples").waitFor();
    expect(await box.inputValue()).toBe("");
    expect(await page.locator(".composer .chip").count()).toBe(0);
    await page.reload();
    await page.locator(".examples").waitFor();
    expect(await box.inputValue()).toBe("");
    await page.goto(`${core.url}/c/${job.conversationId}`);
    await page.locator(".bubble").waitFor();
    expect(await box.inputValue()).toBe("half a thought");
    expect(problems).toEqual([]);
  }, 20_000);

  test("to a new conversation is followed there by the next ones, in order, also by the same words twice", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    const letGo = holdAnswers(core);
    const texts = ["One", "Two", "Two"];
    for (const text of texts) await ask(page, text);
    const first = await core.nextJob();
    expect(await page.locator(".bubble").allInnerTexts()).toEqual(texts);
    expect(core.keys).toHaveLength(1);
    letGo();
    const jobs = [first, await core.nextJob(), await core.nextJob()];
    expect(jobs.map((job) => job.prompt)).toEqual(texts);
    expect(new Set(jobs.map((job) => job.conversationId)).size).toBe(1);
    for (const job of jobs) {
      begin(job);
      finish(job, `Answer of ${job.id}.`);
      await page.locator(".prose", { hasText: `Answer of ${job.id}.` }).waitFor();
    }
    expect(await page.locator(".bubble").allInnerTexts()).toEqual(texts);
    expect(await page.locator(".prose").allInnerTexts()).toEqual(jobs.map((job) => `Answer of ${job.id}.`));
    expect(await page.locator(".conversation").count()).toBe(1);
    expect(problems).toEqual([]);
  }, 20_000);

  test("and refused leaves it to the next one to make the conversation; tried again, it joins that", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    core.refusal = { status: 503, message: "The disk is full." };
    core.beforeAnswer = () => {
      core.refusal = null;
      return held;
    };
    await ask(page, "One");
    await ask(page, "Two");
    await page.locator(".bubble", { hasText: "Two" }).waitFor();
    letGo();
    const second = await core.nextJob();
    expect(second.prompt).toBe("Two");
    await page.waitForURL(`**/c/${second.conversationId}`);
    await page.locator(".error-card", { hasText: "The disk is full." }).waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    const first = await core.nextJob();
    expect([first.prompt, first.conversationId]).toEqual(["One", second.conversationId]);
    await page.locator(".error-card").waitFor({ state: "detached" });
    expect(await page.locator(".turn").count()).toBe(2);
  }, 20_000);

  test("is followed to its conversation also while another one is open", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    finish(core.createJob("Another"));
    const letGo = holdAnswers(core);
    await ask(page, "One");
    await ask(page, "Two");
    const box = page.locator("#composer-text");
    await box.fill("for a new one");
    await page.locator(".conversation", { hasText: "Another" }).click();
    await page.locator(".facts").waitFor();
    await box.fill("for another");
    letGo();
    const first = await core.nextJob();
    const second = await core.nextJob();
    expect([second.prompt, second.conversationId]).toEqual(["Two", first.conversationId]);
    expect(await page.locator(".bubble").allInnerTexts()).toEqual(["Another"]);
    expect(await box.inputValue()).toBe("for another");
    await page.getByRole("button", { name: "New chat" }).click();
    await page.locator(".examples").waitFor();
    expect(await box.inputValue()).toBe("for a new one");
    await page.locator(".conversation", { hasText: "One" }).click();
    await page.locator(".bubble", { hasText: "Two" }).waitFor();
    expect(await page.locator(".bubble").allInnerTexts()).toEqual(["One", "Two"]);
    expect(await box.inputValue()).toBe("");
  }, 20_000);

  test("to any conversation is not overtaken by the next one", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    finish(await core.nextJob());
    await page.locator(".facts").waitFor();
    const letGo = holdAnswers(core);
    await ask(page, "Two");
    await ask(page, "Three");
    await page.locator(".bubble", { hasText: "Three" }).waitFor();
    expect((await core.nextJob()).prompt).toBe("Two");
    expect(core.keys).toHaveLength(2);
    letGo();
    expect((await core.nextJob()).prompt).toBe("Three");
  }, 20_000);

  test("is not taken for a refused one of the same words", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "One");
    finish(await core.nextJob());
    await page.locator(".facts").waitFor();
    core.refusal = { status: 503, message: "The disk is full." };
    await ask(page, "Two");
    await page.locator(".error-card").waitFor();
    core.refusal = null;
    const letGo = holdAnswers(core);
    await ask(page, "Two");
    begin(await core.nextJob());
    await page.locator(".step-running").waitFor();
    const statuses = (): Promise<(string | null)[]> =>
      page.locator(".turn").evaluateAll((all) => all.map((turn) => turn.getAttribute("data-status")));
    expect(await statuses()).toEqual(["completed", "unsent", "running"]);
    letGo();
  }, 20_000);
});
