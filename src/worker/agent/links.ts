// An answer may not carry anything away: addresses that neither the person wrote nor allowed are shown, but cannot be followed
// by a click or a preview.

const MARKDOWN_LINK = /(!?)\[([^\]]*)\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;
const REFERENCE = /^[ \t]*\[[^\]]+\]:\s*\S+.*$/gm;
const BARE = /<?\b(?:https?|ftp):\/\/[^\s<>)"'`]+>?/gi;
const HTML = /<\/?[a-z][^>]*>/gi;
const CODE = /```[\s\S]*?(?:```|$)|`[^`\n]*`/g;

/** `known` are hosts that the person wrote or allowed. */
export function withoutForeignLinks(markdown: string, known: ReadonlySet<string>): string {
  return outsideCode(
    outsideCode(markdown, (text) => disarmLinks(text, known)),
    (text) => disarmBare(text, known),
  );
}

function disarmLinks(text: string, known: ReadonlySet<string>): string {
  return text
    .replace(HTML, (tag) => (/\b(?:src|href|srcset|action|data|poster|background|style)\s*=/i.test(tag) ? "" : tag))
    .replace(MARKDOWN_LINK, (whole, image: string, label: string, url: string) => {
      if (image === "" && (known.has(hostOf(url)) || url.startsWith("#"))) return whole;
      return `${label === "" ? "link" : label} (\`${plain(url)}\`)`;
    })
    .replace(REFERENCE, (line) => `\`${plain(line.trim())}\``);
}

function disarmBare(text: string, known: ReadonlySet<string>): string {
  return text.replace(BARE, (found, at: number, all: string) => {
    const url = found.replace(/^<|>$/g, "");
    return all.slice(at - 2, at) === "](" || known.has(hostOf(url)) ? found : `\`${plain(url)}\``;
  });
}

const plain = (url: string): string => url.replaceAll("`", "%60");

function hostOf(url: string): string {
  try {
    return new URL(url).hostname.toLowerCase();
  } catch {
    return "";
  }
}

/** Hosts of the addresses in a text. */
export function hostsIn(text: string): readonly string[] {
  return [...text.matchAll(/\bhttps?:\/\/[^\s<>)"'`]+/gi)].map(([url]) => hostOf(url)).filter(Boolean);
}

/** What stands in code is not followed anyway. */
function outsideCode(markdown: string, change: (text: string) => string): string {
  let [changed, end] = ["", 0];
  for (const match of markdown.matchAll(CODE)) {
    changed += change(markdown.slice(end, match.index)) + match[0];
    end = match.index + match[0].length;
  }
  return changed + change(markdown.slice(end));
}
