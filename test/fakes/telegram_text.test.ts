// Formatting: what Telegram makes of it, and what it refuses.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Refusal } from "../../fakes/telegram/refusal.ts";
import { format, toHtml } from "../../fakes/telegram/text.ts";
import { call, CHAT, withAda } from "./telegram_client.ts";

const UNPARSED = "Bad Request: can't parse entities: ";

// The cases and their offsets are those of TDLib's own tests (test/message_entities.cpp).
describe("HTML does not parse:", () => {
  test.each([
    ["🏟 🏟&lt;<abacaba", "Unclosed start tag at byte offset 13"],
    ["🏟 🏟&lt;<abac>", 'Unsupported start tag "abac" at byte offset 13'],
    ["🏟 🏟&lt;<i   =aba>", 'Empty attribute name in the tag "i" at byte offset 13'],
    ["🏟 🏟&lt;<i    aba>", 'Expected equal sign in declaration of an attribute of the tag "i" at byte offset 13'],
    ["🏟 🏟&lt;<i    aba  =  ", 'Unclosed start tag "i" at byte offset 13'],
    ["🏟 🏟&lt;<i    aba  =  190azAz-.,", "Unexpected end of name token at byte offset 27"],
    ['🏟 🏟&lt;<i    aba  =  "&lt;&gt;&quot;>', "Unclosed start tag at byte offset 13"],
    ["🏟 🏟&lt;</", "Unexpected end tag at byte offset 13"],
    ["🏟 🏟&lt;<b></b></", "Unexpected end tag at byte offset 20"],
    ["🏟 🏟&lt;<i>a</i   ", "Unclosed end tag at byte offset 17"],
    ["🏟 🏟&lt;<i>a</em   >", 'Unmatched end tag at byte offset 17, expected "</i>", found "</em>"'],
    ["a <b>b", 'Can\'t find end tag corresponding to start tag "b"'],
    ["<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
    ["1 < 2", 'Unsupported start tag "" at byte offset 2'],
    ["<p>x</p>", 'Unsupported start tag "p" at byte offset 0'],
  ])("%s", async (text, complaint) => {
    await using world = withAda();
    const answer = await call(world.telegram, "sendMessage", { chat_id: CHAT, text, parse_mode: "HTML" });
    expect(answer).toMatchObject({ status: 400, description: UNPARSED + complaint });
  });
});

describe("MarkdownV2 does not parse:", () => {
  test.each([
    ["Done.", "Character '.' is reserved and must be escaped with the preceding '\\'"],
    ["a | b", "Character '|' is reserved and must be escaped with the preceding '\\'"],
    ["🏟 🏟_abacaba", "Can't find end of Italic entity at byte offset 9"],
    ["🏟 🏟_abac * asd ", "Can't find end of Bold entity at byte offset 15"],
    ["🏟 🏟_abac * asd _", "Can't find end of Italic entity at byte offset 21"],
    ["🏟 🏟`", "Can't find end of Code entity at byte offset 9"],
    ["🏟 🏟```a", "Can't find end of Pre entity at byte offset 9"],
    ["🏟 🏟```a ", "Can't find end of PreCode entity at byte offset 9"],
    ["🏟 🏟__🏟 🏟_", "Can't find end of Italic entity at byte offset 20"],
    ["🏟 🏟_🏟 🏟__", "Can't find end of Underline entity at byte offset 19"],
    ["🏟 🏟```🏟 🏟`", "Can't find end of Code entity at byte offset 21"],
    ["🏟 🏟```🏟 🏟\\`", "Can't find end of PreCode entity at byte offset 9"],
    ["🏟 🏟__🏟 _🏟___", "Can't find end of Italic entity at byte offset 23"],
    ["[telegram\\.org](asd\\)", "Can't find end of a URL at byte offset 16"],
  ])("%s", async (text, complaint) => {
    await using world = withAda();
    const answer = await call(world.telegram, "sendMessage", { chat_id: CHAT, text, parse_mode: "MarkdownV2" });
    expect(answer).toMatchObject({ status: 400, description: UNPARSED + complaint });
  });
});

describe("what is seen of", () => {
  test.each([
    ["<b>a <i>b</i></b> &lt;c&gt;", "a b <c>", "<b>a <i>b</i></b> &lt;c&gt;"],
    ["<strong>1</strong><em>2</em><ins>3</ins><del>4</del>", "1234", "<b>1</b><i>2</i><u>3</u><s>4</s>"],
    [
      '<pre><code class="language-python">x = 1</code></pre>',
      "x = 1",
      '<pre><code class="language-python">x = 1</code></pre>',
    ],
    [
      '<a href="https://example.org/?a=1&amp;b=2">here</a>',
      "here",
      '<a href="https://example.org/?a=1&amp;b=2">here</a>',
    ],
    ["<a href='javascript:alert(1)'>here</a>", "here", "here"],
    ["<span class='tg-spoiler'>x</span>&#33;&unknown;", "x!&unknown;", "<tg-spoiler>x</tg-spoiler>!&amp;unknown;"],
    ["<blockquote expandable>x</blockquote>", "x", "<blockquote expandable>x</blockquote>"],
    ["  <b> x </b>\n", "x", "<b>x</b>"],
  ])("HTML %s", async (source, text, html) => {
    await using world = withAda();
    await call(world.telegram, "sendMessage", { chat_id: CHAT, text: source, parse_mode: "html" });
    expect(world.telegram.view(CHAT).messages[1]).toMatchObject({ text, html });
  });

  test.each([
    ["*a _b_* \\. \\\\", "a b . \\", "<b>a <i>b</i></b> . \\"],
    ["__u _i_ __ ~s~ ||x||", "u i  s x", "<u>u <i>i</i> </u> <s>s</s> <tg-spoiler>x</tg-spoiler>"],
    ["`a*b`", "a*b", "<code>a*b</code>"],
    ["```py\nx = [1]\n```", "x = [1]", '<pre><code class="language-py">x = [1]</code></pre>'],
    ["[here](https://example.org/a\\)b)", "here", '<a href="https://example.org/a)b">here</a>'],
    [">one\n>two\nthree", "one\ntwo\nthree", "<blockquote>one\ntwo</blockquote>\nthree"],
  ])("MarkdownV2 %s", async (source, text, html) => {
    await using world = withAda();
    await call(world.telegram, "sendMessage", { chat_id: CHAT, text: source, parse_mode: "MarkdownV2" });
    expect(world.telegram.view(CHAT).messages[1]).toMatchObject({ text, html });
  });

  test("entities that the bot gives itself, and what the service finds", async () => {
    await using world = withAda();
    const entities = [{ type: "bold", offset: 0, length: 3 }];
    const answer = await call(world.telegram, "sendMessage", {
      chat_id: CHAT,
      text: "See /help@sandpiper_fake_bot, @ada_l, #sales1 or https://example.org/a. Mail a@example.org",
      entities,
    });
    expect(answer.result).toMatchObject({
      entities: [
        { type: "bold", offset: 0, length: 3 },
        { type: "bot_command", offset: 4, length: 24 },
        { type: "mention", offset: 30, length: 6 },
        { type: "hashtag", offset: 38, length: 7 },
        { type: "url", offset: 49, length: 21 },
        { type: "email", offset: 77, length: 13 },
      ],
    });
  });
});

test("whatever is written is refused or shown, and what is shown can be sent again", () => {
  const marks = [
    "<b>",
    "</b>",
    "<a href='x.org'>",
    "</a>",
    "&lt;",
    "😀",
    "_",
    "__",
    "*",
    "```",
    "[",
    "](x.org)",
    "\\",
    ">",
    "\n",
  ];
  const source = fc.array(fc.oneof(fc.constantFrom(...marks), fc.string({ maxLength: 4 })), { maxLength: 12 });
  fc.assert(
    fc.property(source, fc.constantFrom("HTML", "MarkdownV2"), (parts, mode) => {
      const shown = shownOrRefused(parts.join(""), mode);
      if (shown === undefined) return;
      for (const { offset, length } of shown.entities) expect(offset + length).toBeLessThanOrEqual(shown.text.length);
      expect(format(toHtml(shown), "HTML").text).toBe(shown.text);
    }),
    { numRuns: 500 },
  );
});

function shownOrRefused(source: string, mode: string) {
  try {
    return format(source, mode);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
