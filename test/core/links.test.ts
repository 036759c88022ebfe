// A link's words may say that it leads elsewhere: then where it leads is printed, whatever the platform.
import { expect, test } from "bun:test";
import { toParts } from "../../src/core/markup.ts";

const EVIL = "https://evil.example/x";
const PRINTED = `(<a href="${EVIL}">${EVIL}</a>)`;

const onTelegram = (markdown: string) => toParts(markdown, "telegram-html", 4_096)[0]?.text;

test.each([
  ["https://bank.example", "https://bank.example"],
  ["bank.example", "bank.example"],
  ["Bank.Example/login?a=1", "Bank.Example/login?a=1"],
  ["www.bank.example.", "www.bank.example."],
  ["bank..example....", "bank..example...."],
  ["Log in at **bank**.example now", "Log in at <b>bank</b>.example now"],
  ["`bank.example`", "<code>bank.example</code>"],
  ["ba\u200bnk.example", "ba\u200bnk.example"],
  ["bank\u3002example", "bank\u3002example"],
  ["https://evil.example@bank.example", "https://evil.example@bank.example"],
  ["ann@bank.example", "ann@bank.example"],
  ["http://10.0.0.1/", "http://10.0.0.1/"],
])("where %j stands over another address, that one is printed", (words, shown) => {
  expect(onTelegram(`[${words}](${EVIL})`)).toBe(`${shown} ${PRINTED}`);
});

test("of a picture, too, and where it would write to", () => {
  expect(onTelegram(`![bank.example](${EVIL})`)).toBe(`bank.example ${PRINTED}`);
  expect(onTelegram("[ann@bank.example](mailto:eve@evil.example)")).toBe(
    'ann@bank.example (<a href="mailto:eve@evil.example">eve@evil.example</a>)',
  );
});

test.each([
  "the page",
  "evil.example",
  "https://evil.example/",
  "www.evil.example",
  "EVIL.example/y",
  "3.5 % of it",
  "…",
])("%j hides nothing and is the link", (words) => {
  expect(onTelegram(`[${words}](${EVIL})`)).toBe(`<a href="${EVIL}">${words}</a>`);
});

test("WhatsApp has it once", () => {
  expect(toParts(`[bank.example](${EVIL})`, "whatsapp", 4_096)[0]?.text).toBe(`bank.example (${EVIL})`);
});

test.each([
  ["names", "ab.".repeat(300_000)],
  ["dots", `ab${".".repeat(1_000_000)}cd`],
  ["letters", "a".repeat(1_000_000)],
  ["at signs", "a@".repeat(500_000)],
])("words of 1 MB of %s are one link like any other", (_name, words) => {
  const parts = toParts(`[${words}](${EVIL})`, "telegram-html", 4_096);
  expect(parts.map(({ plain }) => plain).join("")).toContain(EVIL);
  expect(toParts(`[a](https://ab${words.slice(2)})`, "telegram-html", 4_096).length).toBeGreaterThan(0);
});
