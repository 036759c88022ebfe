// Markdown as nobody would write it: scraps of marks, links, code and strange letters, in any order.
import * as fc from "fast-check";

const marks =
  '* ** *** _ __ ~~ ` `` ``` [ ]( ) ![ < > & \\ | [ ] <b> </b> <script> <br> " @everyone &amp; &lt; &#0; &#x1F600;';
const lines = [
  "```py\n",
  "~~~\n",
  "# ",
  "\n- ",
  "\n  1. ",
  "\n> ",
  "\n> > ",
  "\n\n",
  "\n",
  "  \n",
  "\n|-|-|\n",
  "---\n",
  "\n===\n",
];
const links = [
  "https://a.b/c_d_e",
  "](https://a.b/?x=1&y=2)",
  "](tg://user?id=1)",
  "](javascript:alert(1))",
  "<https://a.b>",
];
const letters = "👨‍👩‍👧‍👦 🇩🇪 é e\u0301\u0302 שלום \u202e \u200b \u200d \ud83d \ude00 \0 日本語 word";
const spaces = ["\r\n", "\t", "    ", "words of ", " "];
const scrap = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...marks.split(" "), ...lines, ...links, ...letters.split(" "), ...spaces) },
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.string({ unit: fc.constantFrom("x", "&", "<", "👍"), minLength: 100, maxLength: 400 }),
);
export const anyMarkdown = fc.array(scrap, { maxLength: 25, size: "max" }).map((scraps) => scraps.join(""));
