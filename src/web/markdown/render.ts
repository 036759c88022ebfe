// Markdown to document fragments. Loaded lazily; the only importer of marked and DOMPurify.
// Two walls: the renderer writes raw HTML of the answer as text, and the purifier lets a short list of tags through.
import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";

export type Block =
  | { readonly kind: "code"; readonly raw: string; readonly code: string; readonly language: string }
  | { readonly kind: "html"; readonly raw: string; readonly isTable: boolean; readonly draw: () => DocumentFragment };

export type MarkdownRenderer = {
  /** Top-level blocks in order. `raw` is the identity of a block: same source, same picture. */
  readonly blocksOf: (text: string) => readonly Block[];
  readonly repairTail: (text: string) => string;
};

const TAGS =
  "p br strong em del a ul ol li blockquote code pre h3 h4 h5 h6 hr table thead tbody tr th td sup sub span".split(" ");
const ATTRIBUTES = ["href", "start", "align"];

export function createMarkdownRenderer(): MarkdownRenderer {
  const marked = new Marked({ gfm: true, breaks: false });
  marked.use({
    renderer: {
      html: ({ text }) => (/^<br\s*\/?>$/i.test(text.trim()) ? "<br>" : escapeHtml(text)),
      heading({ tokens, depth }) {
        const level = Math.min(6, depth);
        return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
      },
      // An image would be fetched from wherever the answer says, and tell it so: only a link, followed by hand, is left.
      image: ({ href, text }) => `<a href="${escapeHtml(href)}">[image: ${escapeHtml(text === "" ? href : text)}]</a>`,
      checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    },
  });
  const purifier = DOMPurify(window);
  purifier.addHook("afterSanitizeAttributes", (node) => {
    if (node.nodeName !== "A" || !node.hasAttribute("href")) return;
    node.setAttribute("rel", "noopener noreferrer nofollow");
    node.setAttribute("target", "_blank");
  });
  const purify = (html: string): DocumentFragment =>
    purifier.sanitize(html, {
      ALLOWED_TAGS: TAGS,
      ALLOWED_ATTR: ATTRIBUTES,
      ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
      ADD_URI_SAFE_ATTR: ["align", "start"],
      ALLOW_DATA_ATTR: false,
      ALLOW_ARIA_ATTR: false,
      RETURN_DOM_FRAGMENT: true,
    });
  return {
    blocksOf: (text) =>
      withLevels(marked.lexer(text))
        .filter((token) => token.type !== "space" && token.type !== "def")
        .map((token) => blockOf(token, () => purify(marked.parser([token])))),
    repairTail,
  };
}

/** The page's own headings are of levels 1 and 2; those of an answer follow from 3 without a gap, as they are ranked. */
function withLevels(tokens: readonly Token[]): readonly Token[] {
  const depths = [...new Set(tokens.flatMap((token) => (isHeading(token) ? [token.depth] : [])))].toSorted(
    (a, b) => a - b,
  );
  return tokens.map((token) => (isHeading(token) ? { ...token, depth: depths.indexOf(token.depth) + 3 } : token));
}

function isHeading(token: Token): token is Tokens.Heading {
  return token.type === "heading";
}

function blockOf(token: Token, draw: () => DocumentFragment): Block {
  if (token.type !== "code" || !("text" in token)) {
    return { kind: "html", raw: token.raw, isTable: token.type === "table", draw };
  }
  const language = "lang" in token && typeof token.lang === "string" ? token.lang : "";
  return { kind: "code", raw: token.raw, code: String(token.text), language: language.split(/\s/)[0] ?? "" };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Closes what a half-arrived answer has left open in its last paragraph, so that it does not flicker. */
export function repairTail(text: string): string {
  const start = text.lastIndexOf("\n\n") + 1;
  const tail = text.slice(start);
  if (/```/.test(text) && text.split("```").length % 2 === 0) return text;
  const isOdd = (mark: string): boolean => tail.split(mark).length % 2 === 0;
  if (isOdd("`")) return `${text}\``;
  return isOdd("**") && !tail.endsWith("**") ? `${text.trimEnd()}**` : text;
}
