// How each platform writes bold, code, links and quotes.
import type { Capabilities } from "./channels/channel.ts";
import type { Span } from "./inline.ts";
import type { Frame } from "./markdown.ts";

export type Markup = Capabilities["markup"];

/** What stands before and behind. */
type Around = readonly [string, string];

export type Dialect = {
  /** Words are printed as they are. */
  readonly isBare: boolean;
  readonly escapes: { readonly [character: string]: string };
  /** Around the words of a span, whatever they are; apart from its link. */
  readonly style: (span: Span) => Around;
  /** Null: there are no links but addresses. */
  readonly link: ((href: string) => Around) | null;
  /** Around the lines of a frame, and before each. */
  readonly frame: (frame: Frame) => { readonly around: Around; readonly before: string };
};

const NONE: Around = ["", ""];
const BARE = { around: NONE, before: "" };

function nested(span: Span, bold: Around, italic: Around, struck: Around): Around {
  if (!span.isBold && !span.isItalic && !span.isStruck) return NONE;
  const [b, i, s] = [span.isBold ? bold : NONE, span.isItalic ? italic : NONE, span.isStruck ? struck : NONE];
  return [b[0] + i[0] + s[0], s[1] + i[1] + b[1]];
}

const telegram: Dialect = {
  isBare: false,
  escapes: { "&": "&amp;", "<": "&lt;", ">": "&gt;" },
  // Telegram takes no other style on code, and no code in a link.
  style: (span) =>
    span.isCode && span.href === null
      ? ["<code>", "</code>"]
      : nested(span, ["<b>", "</b>"], ["<i>", "</i>"], ["<s>", "</s>"]),
  link: (href) => [`<a href="${href.replace(/[&<>]/g, (sign) => telegram.escapes[sign] ?? sign)}">`, "</a>"],
  frame(frame) {
    if (frame.kind === "quote") return { around: ["<blockquote>", "</blockquote>"], before: "" };
    if (frame.language === "") return { around: ["<pre>", "</pre>"], before: "" };
    return { around: [`<pre><code class="language-${frame.language}">`, "</code></pre>"], before: "" };
  },
};

const whatsapp: Dialect = {
  isBare: false,
  escapes: {},
  style: (span) => (span.isCode ? ["`", "`"] : nested(span, ["*", "*"], ["_", "_"], ["~", "~"])),
  link: null,
  frame: (frame) => (frame.kind === "quote" ? { around: NONE, before: "> " } : { around: ["```", "```"], before: "" }),
};

const plain: Dialect = { isBare: true, escapes: {}, style: () => NONE, link: null, frame: () => BARE };

/** Its lines are raw ones: all that is left to do is to open code again in each part. */
const markdown: Dialect = {
  ...plain,
  frame: (frame) =>
    frame.kind === "quote" ? BARE : { around: [`${frame.fence}${frame.language}\n`, `\n${frame.fence}`], before: "" },
};

export const dialects: { readonly [M in Markup]: Dialect } = {
  "telegram-html": telegram,
  whatsapp,
  markdown,
  plain,
};
