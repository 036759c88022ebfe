// Models: who answers, keys that are entered and never shown again, servers of this machine, and that it is for everybody.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { violationsOf } from "./axe.ts";
import { launchBrowser, noBrowserReason, overflowOf, type Theme } from "./browser.ts";
import { GOOD_KEY } from "./fake_models.ts";
import { openDesk, type Desk } from "./harness.ts";

const OLLAMA = { provider: "ollama", title: "Ollama", models: ["llama3.2:latest", "qwen3:8b"] } as const;
const LONG = `a-very-long-name-of-a-model-without-any-place-to-break-it-${"x".repeat(140)}`;

async function openModels(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Models" }).click();
  await page.getByRole("dialog", { name: "Models" }).waitFor();
  await page.locator(".models-speaker").waitFor();
}

const card = (page: Page, title: string) =>
  page.locator(".panel-card").filter({ has: page.getByRole("heading", { name: title, exact: true }) });
const speaker = (page: Page) => page.locator(".models-speaker");
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

async function enterKey(page: Page, key: string): Promise<void> {
  await button(page, "Set key …: Anthropic").click();
  await page.getByLabel("Key of Anthropic").fill(key);
  await page.keyboard.press("Enter");
}

/** Everything that the page and its storage hold as text. */
const everything = (page: Page): Promise<string> =>
  page.evaluate(
    () =>
      document.documentElement.outerHTML +
      [...document.querySelectorAll("input")].map((field) => field.value).join() +
      JSON.stringify([localStorage, sessionStorage]),
  );

describe.skipIf(noBrowserReason !== "")(`models ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("without any, the built-in planner is what answers", async () => {
    await using desk = await openDesk(browser);
    await openModels(desk.page);
    expect(await speaker(desk.page).textContent()).toStartWith("The built-in planner answers");
    expect(await card(desk.page, "Anthropic").locator(".panel-state").textContent()).toBe("No key");
    await desk.page.getByText("None answers at its usual port").waitFor();
    await card(desk.page, "Another server").getByText("SANDPIPER_MODEL_URL").waitFor();
    expect(desk.problems).toEqual([]);
  }, 20_000);

  test("a key is tried, kept, and gone from the page; it can be replaced and removed", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    const answer = Promise.withResolvers<void>();
    core.models.beforeAnswer = () => answer.promise;
    await openModels(page);
    await button(page, "Set key …: Anthropic").click();
    const field = page.getByLabel("Key of Anthropic");
    expect(await field.getAttribute("type")).toBe("password");
    expect(await field.getAttribute("autocomplete")).toBe("new-password");
    await field.fill(GOOD_KEY);
    await button(page, "Try and keep").click();
    expect(await button(page, "Trying …").isDisabled()).toBe(true);
    answer.resolve();
    await card(page, "Anthropic").getByText("Key set", { exact: true }).waitFor();
    expect(await speaker(page).textContent()).toBe("anthropic:claude-sonnet-5 answers.");
    expect(await everything(page)).not.toContain(GOOD_KEY);
    await button(page, "Replace key …: Anthropic").click();
    expect(await field.inputValue()).toBe("");
    await button(page, "Cancel").click();
    await button(page, "Remove key: Anthropic").click();
    await card(page, "Anthropic").getByText("No key", { exact: true }).waitFor();
    expect(await speaker(page).textContent()).toStartWith("The built-in planner answers");
    expect(desk.problems).toEqual([]);
  }, 20_000);

  test("a key that is refused or cannot be tried is told, and kept only if that is insisted on", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await openModels(page);
    await enterKey(page, "sk-bad-0123456789");
    await page.getByRole("alert").getByText("The provider refused this key").waitFor();
    core.models.outage = "The provider cannot be reached.";
    await button(page, "Try and keep").click();
    await page.getByRole("alert").getByText("cannot be reached").waitFor();
    expect(await card(page, "Anthropic").locator(".panel-state").textContent()).toBe("No key");
    await button(page, "Keep it untried").click();
    await card(page, "Anthropic").getByText("Key set", { exact: true }).waitFor();
    expect(core.models.bodies.map((body) => body.includes('"untried":true'))).toEqual([false, false, true]);
  }, 20_000);

  test("a key of the settings stays there, and SANDPIPER_MODEL leaves nothing to choose", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    const [anthropic, ...others] = core.models.state.providers;
    if (anthropic === undefined) throw new Error("There is no provider.");
    const providers = [{ ...anthropic, key: "env" as const }, ...others];
    core.models.state = { ...core.models.state, isFixed: true, speaks: ["openai:gpt-5.4", "anthropic:x"], providers };
    await openModels(page);
    expect(await speaker(page).textContent()).toBe(
      "openai:gpt-5.4 answers; if it cannot be asked, then anthropic:x. This is what SANDPIPER_MODEL says, which only .env can change.",
    );
    await card(page, "Anthropic").getByText("Key set in .env").waitFor();
    expect(await card(page, "Anthropic").getByRole("button").count()).toBe(0);
    expect(await page.locator(".models-order").count()).toBe(0);
    core.models.state = { ...core.models.state, speaks: [], problem: "The model “openai” needs a key of OpenAI." };
    await page.keyboard.press("Escape");
    await openModels(page);
    expect(await speaker(page).textContent()).toStartWith("The model “openai” needs a key of OpenAI.");
  }, 20_000);

  test("a server of this machine is found, used after a yes, and forgotten, also when it is gone", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await openModels(page);
    core.models.state = { ...core.models.state, local: [OLLAMA] };
    await button(page, "Look again").click();
    await card(page, "Ollama").getByText("Found", { exact: true }).waitFor();
    await card(page, "Ollama").getByText("Nothing is sent to it before").waitFor();
    expect(core.models.bodies).toEqual([]);
    await page.getByLabel("Model of Ollama").selectOption("qwen3:8b");
    await button(page, "Use: Ollama").click();
    await card(page, "Ollama").getByText("In use", { exact: true }).waitFor();
    expect(await speaker(page).textContent()).toBe("ollama:qwen3:8b answers.");
    expect(core.models.bodies).toEqual(['{"model":"ollama:qwen3:8b"}']);
    core.models.state = { ...core.models.state, local: [] };
    await button(page, "Look again").click();
    await card(page, "ollama:qwen3:8b").getByText("Does not answer").waitFor();
    await button(page, "Forget: ollama:qwen3:8b").click();
    await page.getByText("None answers at its usual port").waitFor();
    expect(await speaker(page).textContent()).toStartWith("The built-in planner answers");
  }, 20_000);

  test("several can be asked in an order, and what cannot be is told", async () => {
    await using desk = await openDesk(browser);
    const { page, core } = desk;
    await openModels(page);
    await page.getByText("Another model, or several in order").click();
    const field = page.getByLabel("Models, with commas");
    await field.fill("nobody");
    await button(page, "Use these").click();
    await page.getByRole("alert").getByText("There is no provider “nobody”").waitFor();
    await field.fill("openai:gpt-5.4, anthropic");
    await page.keyboard.press("Enter");
    await speaker(page).getByText("if it cannot be asked, then anthropic:claude-sonnet-5").waitFor();
    expect(await page.getByRole("dialog").getByRole("alert").count()).toBe(0);
    await button(page, "Choose by the keys that are there").click();
    await speaker(page).getByText("The built-in planner answers").waitFor();
    expect(core.models.bodies.at(-1)).toBe('{"model":""}');
  }, 20_000);

  test("a core that is gone is a sentence", async () => {
    await using desk = await openDesk(browser);
    const { page } = desk;
    await openModels(page);
    await page.route("**/api/models/keys/anthropic", (route) => route.abort());
    await enterKey(page, GOOD_KEY);
    await page.getByText("Sandpiper does not answer.").waitFor();
  }, 20_000);

  test("the keyboard is enough, and is never thrown back to the beginning", async () => {
    await using desk = await openDesk(browser);
    const { page } = desk;
    const focused = (): Promise<string> =>
      page.evaluate(
        () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.className ?? "",
      );
    await button(page, "Models").focus();
    await page.keyboard.press("Enter");
    await speaker(page).waitFor();
    await button(page, "Set key …: Anthropic").press("Enter");
    await page.locator("input[type=password]:focus").waitFor();
    await page.keyboard.type(GOOD_KEY);
    await page.keyboard.press("Enter");
    await button(page, "Replace key …: Anthropic").waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === "BUTTON");
    expect(await focused()).toBe("Replace key …: Anthropic");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Remove key: Anthropic");
    await page.keyboard.press("Enter");
    await card(page, "Anthropic").getByText("No key", { exact: true }).waitFor();
    await page.waitForFunction(() => document.activeElement?.className === "models-speaker");
    await page.keyboard.press("Escape");
    await page.locator(".panel").waitFor({ state: "detached" });
    expect(await focused()).toBe("panel-open");
  }, 20_000);

  async function fill({ page, core }: Desk): Promise<void> {
    const long = { ...OLLAMA, provider: "vllm", title: "vLLM", models: [LONG] };
    core.models.state = { ...core.models.state, local: [OLLAMA, long], confirmed: [`lmstudio:${LONG}`, "vllm:old"] };
    await openModels(page);
    await enterKey(page, "sk-bad-0123456789");
    await button(page, "Keep it untried").waitFor();
    await page.getByText("Another model, or several in order").click();
  }

  for (const theme of ["light", "dark"] satisfies Theme[]) {
    test(`axe finds nothing, and nothing is too wide or too small to touch, ${theme}`, async () => {
      for (const width of [360, 768, 1440]) {
        await using desk = await openDesk(browser, { width, theme });
        const { page } = desk;
        if (width === 360) await page.getByLabel("Show conversations").click();
        await fill(desk);
        expect(await violationsOf(page)).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
        const dialog = page.locator("dialog.panel");
        expect(await dialog.evaluate((at) => at.scrollWidth - at.clientWidth)).toBe(0);
        if (width === 360) {
          const heights = await dialog
            .locator("button:visible, input:visible, select:visible, summary:visible")
            .evaluateAll((all) => all.map((at) => at.getBoundingClientRect().height));
          expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
        }
        // The browser tells of the key that was refused.
        expect(desk.problems.filter((problem) => !problem.includes("400 (Bad Request)"))).toEqual([]);
      }
    }, 60_000);
  }
});
