// Names, answers and output from files, models and sandboxes are data: nothing of them runs, nothing of them calls home.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { launchBrowser, noBrowserReason } from "./browser.ts";
import { ask, begin, openDesk } from "./harness.ts";

const PAYLOADS = (home: string): readonly string[] => [
  `<script>fetch("${home}/script")</script>`,
  `<img src="${home}/img" onerror="fetch('${home}/onerror')">`,
  `![beacon](${home}/markdown-image)`,
  `![reference][beacon]\n\n[beacon]: ${home}/reference`,
  `<svg onload="fetch('${home}/svg')"><image href="${home}/svg-image"/></svg>`,
  `<iframe src="${home}/frame" srcdoc="<script>parent.hacked=1</script>"></iframe>`,
  `<link rel="stylesheet" href="${home}/css"><style>@import "${home}/import"; body{background:url(${home}/bg)}</style>`,
  `<meta http-equiv="refresh" content="0;url=${home}/refresh">`,
  `<base href="${home}/"><form action="${home}/form"><button autofocus>send</button></form>`,
  `<video src="${home}/video" poster="${home}/poster" autoplay></video><audio src="${home}/audio" autoplay></audio>`,
  `<object data="${home}/object"></object><embed src="${home}/embed">`,
  `<a href="javascript:hacked=1" ping="${home}/ping">click</a>`,
  "[js](javascript:window.hacked=1) [data](data:text/html,<script>hacked=1</script>) [vb](vbscript:hacked)",
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.hacked=1&gt;">`,
  `<div style="background:url(${home}/style)">styled</div><input type="image" src="${home}/input">`,
  `[link](${home}/link "title\\" onmouseover=window.hacked=1")`,
  `\`\`\`html\n<script>window.hacked=1</script>\n\`\`\``,
  `| a |\n|---|\n| <img src=x onerror=window.hacked=1> |`,
];

describe.skipIf(noBrowserReason !== "")(`hostile content ${noBrowserReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test("an answer full of attacks runs nothing and calls nobody", async () => {
    const visits: string[] = [];
    using home = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => {
        visits.push(new URL(request.url).pathname);
        return new Response("hello");
      },
    });
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    await ask(page, "Attack");
    const job = await core.nextJob();
    begin(job);
    const attacks = PAYLOADS(`http://127.0.0.1:${home.port}`);
    for (const attack of attacks) {
      job.emit({ kind: "text-delta", text: `${attack}\n\n` });
      job.emit({ kind: "output-delta", stream: "stdout", text: `${attack}\n` });
    }
    job.complete({ text: `${attacks.join("\n\n")}\n\nThe end.` });
    await page.locator(".prose", { hasText: "The end." }).waitFor();
    // Anything that was going to leave has left once the page has drawn twice and core has answered.
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(fetch("/"))))),
    );
    const inside = page.locator(".prose");
    expect(
      await inside
        .locator("img,script,style,iframe,object,embed,form,input,video,audio,svg:not(.icon),link,meta")
        .count(),
    ).toBe(0);
    const links = await inside
      .locator("a[href]")
      .evaluateAll((all) =>
        all.map((link) => [
          link.getAttribute("href")?.split(":")[0],
          link.getAttribute("rel"),
          link.getAttribute("target"),
        ]),
      );
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(link).toEqual(["http", "noopener noreferrer nofollow", "_blank"]);
    expect(await inside.locator("[onerror],[onload],[style],[ping],[onmouseover]").count()).toBe(0);
    expect(await page.evaluate(() => "hacked" in window)).toBe(false);
    expect(visits).toEqual([]);
    expect(problems).toEqual([]);
  }, 20_000);

  test("a hostile file name is text, and what it hides is shown", async () => {
    await using desk = await openDesk(browser);
    const { page, core, problems } = desk;
    const name = 'photo\u202Egnp.exe<img src=x onerror="window.hacked=1">.csv';
    await page.setInputFiles("input[type=file]", { name, mimeType: "text/csv", buffer: Buffer.from("a\n1\n") });
    await page.locator(".composer .chip-name", { hasText: "‹U+202E›" }).waitFor();
    await page.getByRole("button", { name: "Send" }).click();
    const job = await core.nextJob();
    job.bring(`report\u202Efdp.html<script>window.hacked=1</script>`, "text/html", new Uint8Array(9));
    job.bring(`chart\u2066.png"onload="window.hacked=1`, "image/png", new Uint8Array(9));
    job.complete({ text: "Done." });
    await page.locator(".prose", { hasText: "Done." }).waitFor();
    expect(await page.locator(".card-name bdi").innerText()).toBe(
      "report‹U+202E›fdp.html<script>window.hacked=1</script>",
    );
    expect(await page.locator(".picture-name bdi").innerText()).toStartWith("chart‹U+2066›.png");
    expect(await page.locator(".conversation bdi").innerText()).toContain("‹U+202E›");
    expect(await page.evaluate(() => "hacked" in window)).toBe(false);
    expect(problems).toEqual([]);
  }, 20_000);
});
