// Whatever the Markdown, every part is one that the platform takes. The checker of HTML is written from Telegram's rules,
// not from our printer.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { leadOf, toParts, type Part } from "../../src/core/markup.ts";
import { anyMarkdown } from "./any_markdown.ts";

/** A failure prints `seed` and `path`; give them to see it again. */
const RUNS = Number(process.env["SANDPIPER_TEST_RUNS"] ?? 5_000);
const SEED = process.env["SANDPIPER_TEST_SEED"];
const PATH = process.env["SANDPIPER_TEST_PATH"];
const again = SEED === undefined ? {} : { seed: Number(SEED), ...(PATH === undefined ? {} : { path: PATH }) };

const MARKUPS = ["telegram-html", "whatsapp", "markdown", "plain"] as const;
const LIMIT = 4_096;

/** What Telegram would refuse, or show otherwise than meant; empty when it is well. */
function faultsOf(html: string): string[] {
  const faults: string[] = [];
  const open: string[] = [];
  const token = /<(\/?)(b|i|s|u|pre|code|blockquote|a)((?: [^<>]*)?)>|&(?:amp|lt|gt);|[^<>&]+|[<>&]/g;
  for (const [whole, slash, name = "", attributes = ""] of html.matchAll(token)) {
    if (/^[<>&]$/.test(whole)) faults.push(`a bare ${whole}`);
    if (name === "") continue;
    if (slash === "/") {
      if (open.pop() !== name || attributes !== "") faults.push(`${whole} closes nothing`);
      continue;
    }
    if (name === "a" && !/^ href="(?:https?:\/\/|mailto:)[^"<>\s]+"$/i.test(attributes))
      faults.push(`the link ${whole}`);
    else if (name === "code" && !/^(?: class="language-[\w+#.-]+")?$/.test(attributes))
      faults.push(`the code ${whole}`);
    else if (name !== "a" && name !== "code" && attributes !== "") faults.push(`the attribute of ${whole}`);
    const isInCode = open.includes("code") || open.includes("pre");
    if (isInCode && !(name === "code" && open.at(-1) === "pre")) faults.push(`${whole} in code`);
    if (attributes.includes("class=") && open.at(-1) !== "pre") faults.push(`${whole} out of pre`);
    if (["blockquote", "a"].includes(name) && open.includes(name)) faults.push(`${whole} in ${name}`);
    open.push(name);
  }
  return [...faults, ...open.map((name) => `<${name}> stays open`)];
}

function shownBy(html: string): string {
  return html
    .replace(/<[^<>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** A part that shows nothing is not sent, so that these may be missing. */
const UNSEEN = /[\s\p{Cc}\p{Cf}\p{Z}\p{M}]/gu;

function squeezed(parts: readonly Part[], of: "text" | "plain" = "plain"): string {
  return parts.map((part) => part[of].replace(UNSEEN, "")).join("");
}

function expectFits(parts: readonly Part[], limit: number): void {
  const isBad = (some: string): boolean => some.length > limit || !some.isWellFormed() || some.trim() === "";
  expect(parts.flatMap(({ text, plain }) => [text, plain]).filter(isBad)).toEqual([]);
}

test("the checker of HTML finds what Telegram refuses", () => {
  const good =
    '<b>a <i>b</i></b> &lt;x&gt; <a href="https://a.b/?x&amp;y">l</a> <pre><code class="language-py">1</code></pre>';
  expect(faultsOf(good)).toEqual([]);
  const bad = ["a < b", "a & b", "&quot;", "&lt", "<b>", "</b>", "<b><i></b></i>", "<script>", "<code><b>x</b></code>"];
  const links = ['<a href="tg://user?id=1">x</a>', '<a href="javascript:x">x</a>', '<a href="https://a" b="c">x</a>'];
  const nested = ["<blockquote><blockquote>x</blockquote></blockquote>", "<b onclick=x>x</b>", "<pre>a</pre"];
  for (const html of [...bad, ...links, ...nested]) expect([html, faultsOf(html)]).not.toEqual([html, []]);
});

test(`${RUNS} random texts become parts that fit, are valid, and lose no word by being cut`, () => {
  const property = (markdown: string, limit: number, markup: (typeof MARKUPS)[number]): void => {
    const parts = toParts(markdown, markup, limit);
    expectFits(parts, limit);
    if (markup === "telegram-html") {
      expect(parts.flatMap(({ text }) => faultsOf(text))).toEqual([]);
      // The words are those of the plain text, but for the addresses of links.
      for (const { text, plain } of parts) if (!text.includes("<a ")) expect(shownBy(text)).toBe(plain);
    }
    if (markup === "plain") expect(squeezed(parts, "text")).toBe(squeezed(parts));
    if (markup === "markdown")
      expect(squeezed(toParts(markdown, markup, 1e6), "text").length).toBeLessThanOrEqual(markdown.length);
    else expect(squeezed(parts)).toBe(squeezed(toParts(markdown, markup, 1e6)));
    const lead = leadOf(markdown, markup, limit);
    expect(Math.max(lead.text.length, lead.plain.length)).toBeLessThanOrEqual(limit);
    if (markup === "telegram-html") expect(faultsOf(lead.text)).toEqual([]);
  };
  const limits = fc.oneof(fc.integer({ min: 128, max: 300 }), fc.constantFrom(1_024, LIMIT));
  // By turns, so that each markup gets its share; Telegram's, which can be refused, the most.
  const markups = fc.constantFrom("telegram-html", "telegram-html", ...MARKUPS);
  fc.assert(fc.property(anyMarkdown, limits, markups, property), {
    numRuns: RUNS,
    interruptAfterTimeLimit: 30_000,
    ...again,
  });
}, 60_000);

describe("Markdown for Telegram", () => {
  test.each([
    ["**bold** _italic_ ~~gone~~ ***both***", "<b>bold</b> <i>italic</i> <s>gone</s> <b><i>both</i></b>"],
    ["# Title *a*\ntext", "<b>Title</b> <b><i>a</i></b>\n\ntext"],
    ["Title\n===\ntext", "<b>Title</b>\n\ntext"],
    ["`a < b` and ``c`d``", "<code>a &lt; b</code> and <code>c`d</code>"],
    ["[a & b](https://x.y/?a=1&b=2)", '<a href="https://x.y/?a=1&amp;b=2">a &amp; b</a>'],
    ["[write](mailto:a@b.c)", '<a href="mailto:a@b.c">write</a>'],
    ['[x](https://a.b/"onclick "title")', '<a href="https://a.b/%22onclick">x</a>'],
    ["[x](tg://user?id=1) [y](javascript:alert(1)) [z](chart.png)", "x y z"],
    ["[**a**\nb \n](https://a.b)", '<a href="https://a.b"><b>a</b></a> <a href="https://a.b">b</a>'],
    ["[](javascript:alert(1))", "javascript:alert(1)"],
    ["![chart](chart.png) ![web](https://a.b/c.png)", 'chart <a href="https://a.b/c.png">web</a>'],
    ["snake_case_name 2*3*4 5 * 6", "snake_case_name 2*3*4 5 * 6"],
    ["https://a.b/_x_/y_z_w", "https://a.b/_x_/y_z_w"],
    ["- one\n- two\n  - three\n\n- [x] four", "• one\n• two\n  • three\n☑ four"],
    ["2. two\n3. three\n   more", "2. two\n3. three\n   more"],
    ["> a\n> > b\n\nc", "<blockquote>a\nb</blockquote>\n\nc"],
    ["> a\n> ```\n> b\n> ```\n> c", "<blockquote>a</blockquote>\n\n<pre>b</pre>\n\n<blockquote>c</blockquote>"],
    ["```python\nprint(1 < 2)\n```", '<pre><code class="language-python">print(1 &lt; 2)</code></pre>'],
    ['```py" onload="x\na', '<pre>py" onload="x\na</pre>'],
    ["```\nnever closed **x**", "<pre>never closed **x**</pre>"],
    ["|a|bb|\n|-|-:|\n|ccc|**d**|", "<pre>a    bb\n───  ──\nccc   d</pre>"],
    ["| a \\| b | c |\n|---|---|\n| x |", "<pre>a | b  c\n─────  ─\nx</pre>"],
    ["<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"],
    ["&amp;lt; &lt;b&gt; &#65; &#0; &nope;", "&amp;lt; &lt;b&gt; A &amp;#0; &amp;nope;"],
    ["\\*no\\* \\<b>", "*no* &lt;b&gt;"],
    ["a<br>b", "a\nb"],
    ["hello @everyone, a@all.de", "hello @\u2060everyone, a@all.de"],
    ["tg://resolve?domain=x", "tg:\u2060//resolve?domain=x"],
    ["a\u0000b\ud800c", "a b\ufffdc"],
    ["***\n", "———"],
  ])("%j", (markdown, html) => {
    expect(toParts(markdown, "telegram-html", LIMIT).map((part) => part.text)).toEqual([html]);
    expect(faultsOf(html)).toEqual([]);
  });

  test("has the address of a link in its plain words, but not twice", () => {
    const plain = (markdown: string): string | undefined => toParts(markdown, "telegram-html", LIMIT)[0]?.plain;
    expect(plain("[the **page**](https://a.b/c)")).toBe("the page (https://a.b/c)");
    expect(plain("<https://a.b/c>, [a.b/c](https://a.b/c) and <mailto:x@y.z>")).toBe("https://a.b/c, a.b/c and x@y.z");
  });
});

test("WhatsApp has its own marks, and links are written out", () => {
  const markdown = "# T\n**b** _i_ ~~s~~ `c` [l](https://a.b)\n\n> q\n> r\n\n```js\nx``` y\n```";
  expect(toParts(markdown, "whatsapp", LIMIT).map((part) => part.text)).toEqual([
    "*T*\n\n*b* _i_ ~s~ `c` l (https://a.b)\n\n> q\n> r\n\n```x`\u2060`\u2060` y```",
  ]);
});

test("Markdown stays as it is, and code is opened again in the next part", () => {
  const markdown = "a **b**\n\n```py\nx = 1\n```";
  expect(toParts(markdown, "markdown", LIMIT)).toEqual([{ text: markdown, plain: "a b\n\nx = 1" }]);
  const parts = toParts(`~~~py\n${"x = 1\n".repeat(100)}~~~`, "markdown", 200);
  expect(parts.length).toBeGreaterThan(3);
  for (const { text } of parts) expect(text).toMatch(/^~~~py\n(?:x = 1\n)+~~~$/);
});

describe("a text that is too long is cut", () => {
  const words = "lorem ipsum dolor sit amet ";

  test("between blocks, and a heading goes with what follows it", () => {
    const first = words.repeat(5).trim();
    const parts = toParts(`${first}\n\n## Next\n\n${first}`, "telegram-html", 180);
    expect(parts.map((part) => part.text)).toEqual([first, `<b>Next</b>\n\n${first}`]);
  });

  test("between lines, and code is opened again", () => {
    const parts = toParts(`\`\`\`sql\n${"SELECT 1 < 2;\n".repeat(40)}\`\`\``, "telegram-html", 200);
    expect(parts.length).toBeGreaterThan(3);
    for (const { text } of parts)
      expect(text).toMatch(/^<pre><code class="language-sql">(SELECT 1 &lt; 2;\n?)+<\/code><\/pre>$/);
  });

  test("between words, and bold is opened again", () => {
    const parts = toParts(`**${words.repeat(30).trim()}**`, "telegram-html", 200);
    expect(parts.length).toBeGreaterThan(3);
    for (const { text } of parts) expect(text.trim()).toMatch(/^<b>(?:(?:lorem|ipsum|dolor|sit|amet) ?)+<\/b>$/);
  });

  test("between whole characters, not in them", () => {
    const family = "👨‍👩‍👧‍👦";
    for (const { text } of toParts(family.repeat(100), "plain", 130)) expect(text.replaceAll(family, "")).toBe("");
    for (const { text } of toParts("<".repeat(300), "telegram-html", 130)) expect(text.replaceAll("&lt;", "")).toBe("");
  });

  test("and the address of a link stays with its words", () => {
    for (let length = 150; length < 250; length++) {
      const parts = toParts(`${"x".repeat(length)} [**a**](https://a.b)${" more".repeat(40)}`, "telegram-html", 256);
      const addressed = parts.filter(({ plain }) => plain.includes("(https://a.b)"));
      expect(addressed.map(({ text }) => text.includes('<a href="https://a.b"><b>a</b></a>'))).toEqual([true]);
    }
  });

  test("with a link too long for a part written out", () => {
    const address = `https://a.b/${"x".repeat(300)}`;
    expect(squeezed(toParts(`[here](${address})`, "telegram-html", 200), "text")).toBe(`here(${address})`);
  });
});

test("what cannot be seen is no part", () => {
  for (const markdown of ["", " \n\n\t", "\u200b\u200d", "```\n```", "**  **".slice(2, 4), "\u2060\ufe0f"])
    for (const markup of MARKUPS) expect(toParts(markdown, markup, LIMIT)).toEqual([]);
});

test("the beginning is the first paragraph with its title, else its first sentences, else its first words", () => {
  const lead = (markdown: string): string => leadOf(markdown, "telegram-html", 128).text;
  expect(lead("# Sales\n\nThey *rose*.\n\nAnd more.")).toBe("<b>Sales</b>\n\nThey <i>rose</i>.");
  expect(lead("- a list\n\nThen **words**.")).toBe("Then <b>words</b>.");
  expect(lead("## Only a title\n\n- and a list")).toBe("<b>Only a title</b>");
  expect(lead("- a list")).toBe("");
  expect(lead(`Sales rose **3.5 %**. Costs fell. More is ${"long ".repeat(40)}.`)).toBe(
    "Sales rose <b>3.5 %</b>. Costs fell.",
  );
  expect(lead("long ".repeat(40))).toMatch(/^(?:long ){20,}…$/);
});

describe("a hostile text of 1 MB is done with in time that grows with its length alone:", () => {
  const fill = (scrap: string): string => scrap.repeat(1e6 / scrap.length);
  test.each([
    ["quotes 1 000 deep", `${"> ".repeat(1_000)}x\n`.repeat(400)],
    ["lists 1 000 deep", Array.from({ length: 1_000 }, (_, depth) => `${" ".repeat(2 * depth)}- a`).join("\n")],
    ["emphasis 1 000 deep", `${"**_".repeat(1_000)}x${"_**".repeat(1_000)}\n\n`.repeat(160)],
    ["links 1 000 deep", `${"[".repeat(1_000)}x${"](https://a.b)".repeat(1_000)}\n\n`.repeat(60)],
    ["a paragraph of short lines", fill("hello *world*\n")],
    ["a table of 150 000 rows", `|a|b|\n|-|-|\n${fill("|x|y|\n")}`],
    ["a table that padding would blow up", `|${"x".repeat(500_000)}|b|\n|-|-|\n${"|x|y|\n".repeat(80_000)}`],
    ["a row of cells", fill("|")],
    ["backticks of every length", Array.from({ length: 1_400 }, (_, length) => `${"`".repeat(length)}a`).join("")],
    ["unclosed fences", fill("```\n~~~\n")],
    ["one word", fill("x")],
    ["one character of accents", `a${fill("\u0301")}`],
    ["families", fill("👨‍👩‍👧‍👦")],
    ["one family", fill("👩\u200d")],
    ["emphasis that closes nothing", fill("_a a* ")],
    ["right to left", fill("\u202eשלום ")],
    ["nothing to be seen", fill("\u200b")],
    ["spaces in a link", `[a](${fill(" ")}`],
    ["brackets in an address", `[a](https://a.b/${fill("x(a)")}`],
    ["@everyone", fill("@everyone ")],
    ...["*", "**a *b ", "_a ", "~~a", "[", "![", "[a](", "[a]((x)](", "[x](tg://user?id=1)", "[x](javascript:a)"].map(
      (scrap): [string, string] => [scrap, fill(scrap)],
    ),
    ...["<", "<script>", "&", "&amp;lt;", "\\", "`a", "# #", "- - ", "- a\n", "1. ", "> a\n", "\n", " "].map(
      (scrap): [string, string] => [scrap, fill(scrap)],
    ),
  ])("%s", (_name, markdown) => {
    const parts = toParts(markdown, "telegram-html", LIMIT);
    expectFits(parts, LIMIT);
    expect(parts.flatMap(({ text }) => faultsOf(text))).toEqual([]);
  });
});

test("1 MB of an ordinary answer takes less than a second of a processor", () => {
  const section =
    "## Sales\n\nThey **rose** by 3 % in _May_, see [the page](https://a.b/c).\n\n- one `x`\n- two\n\n|a|b|\n|-|-|\n|1|2|\n\n";
  const markdown = section.repeat(1e6 / section.length);
  const timesUs = MARKUPS.map((markup) => {
    const runs = [0, 1, 2].map(() => {
      const start = process.cpuUsage();
      toParts(markdown, markup, LIMIT);
      return process.cpuUsage(start).user;
    });
    return Math.min(...runs);
  });
  expect(Math.max(...timesUs)).toBeLessThan(1_000_000);
}, 60_000);
