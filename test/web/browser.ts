// A real Chromium for tests of the page: launch, open, watch for trouble, take pictures.
import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

const CHROMIUM = process.env["SANDPIPER_TEST_CHROMIUM"] ?? "/usr/bin/chromium";

/** Why browser tests cannot run here; "" when they can. */
export const noBrowserReason = existsSync(CHROMIUM)
  ? ""
  : `no Chromium at ${CHROMIUM} (set SANDPIPER_TEST_CHROMIUM to another path)`;

export type Theme = "light" | "dark";

export type OpenOptions = { readonly width?: number; readonly height?: number; readonly theme?: Theme };

export type OpenPage = AsyncDisposable & {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors on the console, exceptions, and requests that left the page's own origin. Empty is good. */
  readonly problems: string[];
};

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A browser of its own (no shared storage), opened at `url`, still and in English so that pictures can be compared. */
export async function openPage(browser: Browser, url: string, options: OpenOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    colorScheme: options.theme ?? "light",
    reducedMotion: "reduce",
    locale: "en-US",
    timezoneId: "UTC",
    hasTouch: (options.width ?? 1280) < 600,
  });
  context.setDefaultTimeout(8_000);
  const opened = await openTab(context, url);
  return { ...opened, context, [Symbol.asyncDispose]: () => context.close() };
}

/** One more tab of the same browser: it shares storage and pairing. */
export async function openTab(context: BrowserContext, url: string): Promise<Pick<OpenPage, "page" | "problems">> {
  const page = await context.newPage();
  const problems = watch(page, new URL(url).origin);
  await page.goto(url);
  return { page, problems };
}

function watch(page: Page, origin: string): string[] {
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("request", (request) => {
    const { protocol, origin: target } = new URL(request.url());
    if (protocol.startsWith("http") && target !== origin) problems.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return problems;
}

/** How many pixels the page is wider than its window; 0 is right. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Files of the given names and contents, dropped on the middle of the page as a person would. */
export async function dropFiles(page: Page, files: Readonly<Record<string, string>>): Promise<void> {
  const dataTransfer = await page.evaluateHandle((contents) => {
    const transfer = new DataTransfer();
    for (const [name, text] of Object.entries(contents)) transfer.items.add(new File([text], name));
    return transfer;
  }, files);
  await page.dispatchEvent("body", "dragover", { dataTransfer });
  await page.locator(".drop").waitFor();
  await page.dispatchEvent("body", "drop", { dataTransfer });
}
