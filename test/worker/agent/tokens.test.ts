import { describe, expect, test } from "bun:test";
import { getEncoding } from "js-tiktoken";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { countTokens } from "../../../src/worker/agent/tokens.ts";

const encoding = getEncoding("o200k_base");
const random = (() => {
  let state = 12_345;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
})();
const letters = (alphabet: string, length: number) =>
  Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)] ?? "").join("");
const ROOT = join(import.meta.dir, "../../..");

const TEXTS: Readonly<Record<string, string>> = {
  prose: readFileSync(join(ROOT, "README.md"), "utf8"),
  code: readFileSync(join(ROOT, "src/worker/loop.ts"), "utf8"),
  python: readFileSync(join(ROOT, "src/sandboxd/guest/kernel.py"), "utf8"),
  sql: readFileSync(join(ROOT, "src/shared/migrations/0002_runs.sql"), "utf8"),
  hexadecimal: letters("0123456789abcdef", 4_000),
  base64: letters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 4_000),
  letters: letters("abcdefghijklmnopqrstuvwxyz", 4_000),
  capitals: letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4_000),
  digits: Array.from({ length: 500 }, () => (random() * 1e6).toFixed(4)).join(","),
  table: Array.from(
    { length: 200 },
    (_, row) => `| ${row} | ${letters("abcdef", 6)} | ${(random() * 1_000).toFixed(2)} |`,
  ).join("\n"),
  json: JSON.stringify(
    Array.from({ length: 100 }, (_, id) => ({ id, name: letters("abcdefgh", 8), ok: random() > 0.5 })),
  ),
  chinese: "沙箱里的数据很安全，图表会自己回来。".repeat(50),
  japanese: "ファイルを読み込んでグラフを描いてください。".repeat(50),
  korean: "파일을 읽고 그래프를 그려 주세요.".repeat(50),
  russian: "Нарисуй график продаж по месяцам, пожалуйста.".repeat(50),
  arabic: "ارسم مخططًا للمبيعات حسب الشهر من فضلك.".repeat(50),
  hindi: "कृपया महीने के अनुसार बिक्री का चार्ट बनाएं।".repeat(50),
  emoji: "📈🎉👩‍👩‍👧‍👦🇩🇪🧪".repeat(100),
  signs: letters("{}[]()<>!@#$%^&*-_=+;:'\",./?\\|`~", 3_000),
  blanks: Array.from({ length: 300 }, () => " ".repeat(Math.floor(random() * 40))).join("\n"),
};

describe("the bound of tokens", () => {
  for (const [name, text] of Object.entries(TEXTS))
    test(`is not below what a tokenizer makes of ${name}`, () => {
      const real = encoding.encode(text, [], []).length;
      expect(countTokens(text)).toBeGreaterThanOrEqual(real);
      // A bound that is far too high would throw conversations away.
      expect(countTokens(text)).toBeLessThanOrEqual(real * 5 + 50);
    });
});
