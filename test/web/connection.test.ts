// Pairing, and a line that breaks: nothing is lost, nothing is shown twice.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { launchBrowser, noBrowserReason, openPage } from "./browser.ts";
import { FakeCore } from "./fake_core.ts";
import { ask, begin, finish, openDesk, webFolder } from "./harness.ts";

describe.skipIf(noBrowserReason !== "")(`the page and its connection ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("a line that breaks in the middle of a job loses nothing and shows nothing twice", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await ask(page, "Count");
    const job = await core.nextJob();
    begin(job);
    const print = (line: number): void =>
      void job.emit({ kind: "output-delta", stream: "stdout", text: `line ${line}\n` });
    for (let line = 1; line <= 10; line += 1) print(line);
    await page.locator(".output", { hasText: "line 10" }).waitFor();
    core.dropSockets();
    for (let line = 11; line <= 20; line += 1) print(line);
    await core.connected();
    await page.locator(".output", { hasText: "line 20" }).waitFor();
    print(21);
    await page.locator(".output", { hasText: "line 21" }).waitFor();
    const wanted = Array.from({ length: 21 }, (_, at) => `line ${at + 1}`);
    expect((await page.locator(".output").innerText()).trim().split("\n")).toEqual(wanted);
    finish(job);
    await page.locator(".prose").waitFor();
    expect(await page.locator(".turn").count()).toBe(1);
    expect(await page.locator(".picture").count()).toBe(1);
  }, 20_000);

  test("a lost line is told, and the page goes on by itself when core is back", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await core.connected();
    core.isReachable = false;
    core.dropSockets();
    await page.getByText("Connection lost.").waitFor();
    core.createJob("Made by another program while nobody listened");
    core.isReachable = true;
    await page.getByText("Connection lost.").waitFor({ state: "detached" });
    await page.locator(".conversation", { hasText: "Made by another program" }).waitFor();
  }, 20_000);

  test("a running job opened late shows all that it has printed", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    const job = core.createJob("Started by another program");
    begin(job);
    job.emit({ kind: "output-delta", stream: "stdout", text: "early\n" });
    await page.goto(`${core.url}/c/${job.conversationId}`);
    await page.locator(".output", { hasText: "early" }).waitFor();
    job.emit({ kind: "output-delta", stream: "stdout", text: "late\n" });
    await page.locator(".output", { hasText: "late" }).waitFor();
    expect(await page.locator(".output").innerText()).toBe("early\nlate\n");
  }, 20_000);

  test("a finished conversation is opened without replaying its events", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    const job = core.createJob("Finished before");
    begin(job);
    finish(job);
    const callsBefore = core.calls.filter((call) => call === "GET /api/events").length;
    await page.goto(`${core.url}/c/${job.conversationId}`);
    await page.locator(".picture img").waitFor();
    expect(core.calls.filter((call) => call === "GET /api/events")).toHaveLength(callsBefore + 1);
  }, 20_000);

  test("a browser without a key is told how to be let in, and the link lets it in once", async () => {
    await using core = new FakeCore({ webFolder });
    await using visit = await openPage(browser, core.url);
    const { page } = visit;
    await page.getByText("This browser is not paired yet").waitFor();
    await page.locator("code", { hasText: "bun run link" }).waitFor();
    const link = core.pairingLink;
    // Only the fragment differs: a browser would not load the page anew.
    await page.goto("about:blank");
    await page.goto(link);
    await page.locator(".examples").waitFor();
    expect(page.url()).toBe(`${core.url}/`);
    await page.reload();
    await page.locator(".examples").waitFor();
    await using stranger = await openPage(browser, link);
    await stranger.page.getByText("This link was used already").waitFor();
  }, 20_000);

  test("a conversation that does not exist says so", async () => {
    await using desk = await openDesk(browser);
    await desk.page.goto(`${desk.core.url}/c/none`);
    await desk.page.getByText("This conversation does not exist").waitFor();
    await desk.page.getByRole("button", { name: "Start a new chat" }).click();
    await desk.page.locator(".examples").waitFor();
  }, 20_000);
});
